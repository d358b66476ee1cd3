/** A file that a drop or a file dialog brought. */
export interface FoundFile {
  file: File;
  /** The dropped folder that it lay in, or the path from that one on, such as `stories/old`; empty for a file by itself. */
  folder: string;
}

/** A model in the layout of Hugging Face. */
export interface DroppedModel {
  /** Of the folder that was dropped; empty for files by themselves. */
  folder: string;
  files: File[];
}

/** What a drop or a file dialog brought, sorted by what it is for. */
export interface DroppedFiles {
  data: File[];
  /** Null unless weights are among the files. */
  model: DroppedModel | null;
  /** A sentence for each kind of file that is neither, with the names of those. */
  problems: string[];
}

const DATA = /\.(txt|md|json|jsonl)$/i;
const WEIGHTS = /\.safetensors$/i;
const MODEL_PART =
  /^(config|generation_config|tokenizer|tokenizer_config|special_tokens_map|added_tokens|vocab|model\.safetensors\.index)\.json$|^chat_template\.(json|jinja)$|^(tokenizer\.model|merges\.txt)$|\.safetensors$/i;
/** What comes with a model for people to read. */
const MODEL_PAPER = /^(readme|licen[cs]e|notice|use_policy)\b/i;
/** A folder may hold thousands of files of another kind. */
const NAMED = 3;
const NAME_ORDER = new Intl.Collator('en', { numeric: true });

/** Files that were chosen one by one. */
export function withoutFolder(files: readonly File[]): FoundFile[] {
  return files.map((file) => ({ file, folder: '' }));
}

/**
 * Sorts files by name. Weights make a model of what lies beside them, and the rest of their folder, such as the model's card, is no data; a
 * `config.json` alone is data like any other `.json`.
 */
export function sortDropped(found: readonly FoundFile[]): DroppedFiles {
  const seen = found
    .filter(({ file }) => !file.name.startsWith('.'))
    .sort((a, b) => NAME_ORDER.compare(a.file.name, b.file.name));
  const homes = homesOfWeights(seen);
  const [home, ...others] = homes;
  const data: File[] = [];
  const model: File[] = [];
  const unread: File[] = [];
  for (const { file, folder } of seen) {
    if (folder === home && MODEL_PART.test(file.name)) model.push(file);
    else if (belongsToModel(file, folder, homes)) continue;
    else if (DATA.test(file.name)) data.push(file);
    else if (home === undefined) unread.push(file);
  }
  return {
    data,
    model: home === undefined ? null : { folder: home.split('/')[0] ?? '', files: model },
    problems: [
      ...(others.length > 0
        ? [`${firstOf(others)}: one model is taken at a time; drop another one alone.`]
        : []),
      ...problemsOf(unread),
    ],
  };
}

/** The folders that hold a model each, but for those inside of another one. */
function homesOfWeights(seen: readonly FoundFile[]): Set<string> {
  const folders = seen.filter(({ file }) => WEIGHTS.test(file.name)).map(({ folder }) => folder);
  const all = new Set(folders.sort((a, b) => NAME_ORDER.compare(a, b)));
  const outermost = [...all].filter(
    (folder) => !foldersAround(folder).some((other) => other !== folder && all.has(other)),
  );
  return new Set(outermost);
}

/** A folder of a drop and those that it lies in. */
function foldersAround(folder: string): string[] {
  const parts = folder.split('/');
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
}

/** Whether a file is part of a model, needed or not. Beside weights that lie in no folder there may be data too. */
function belongsToModel({ name }: File, folder: string, homes: ReadonlySet<string>): boolean {
  if (folder === '') return homes.has('') && MODEL_PAPER.test(name);
  return foldersAround(folder).some((other) => homes.has(other));
}

/** A sentence for each kind of file, with the names of those. */
function problemsOf(unread: readonly File[]): string[] {
  const kinds = new Map<string, string[]>();
  for (const { name } of unread) {
    const advice = adviceOn(name);
    const others = kinds.get(advice);
    if (others) others.push(name);
    else kinds.set(advice, [name]);
  }
  return Array.from(
    kinds,
    ([advice, names]) => `${firstOf(names)}: this kind of file is not read; ${advice}.`,
  );
}

function firstOf(names: readonly string[]): string {
  const others = names.length > NAMED ? ` and ${names.length - NAMED} more` : '';
  return `${names.slice(0, NAMED).join(', ')}${others}`;
}

function adviceOn(name: string): string {
  return /\.gguf$/i.test(name)
    ? 'GGUF models come later, so drop the folder with its safetensors files instead'
    : 'drop .txt, .md, .json or .jsonl files, or a folder with a model';
}

/** All files of a drop, those of dropped folders too, at any depth. Must be called before the drop's event has ended. */
export function filesOfDrop(transfer: DataTransfer): Promise<FoundFile[]> {
  const entries = [...transfer.items]
    .map((item) => item.webkitGetAsEntry())
    .filter((entry) => entry !== null);
  if (entries.length === 0) return Promise.resolve(withoutFolder([...transfer.files]));
  return Promise.all(entries.map(filesOfEntry)).then((lists) => lists.flat());
}

// Chromium has no constructors of these names that an entry could be an instance of.
function isFile(entry: FileSystemEntry): entry is FileSystemFileEntry {
  return entry.isFile;
}

function isDirectory(entry: FileSystemEntry): entry is FileSystemDirectoryEntry {
  return entry.isDirectory;
}

async function filesOfEntry(entry: FileSystemEntry): Promise<FoundFile[]> {
  // What systems and programs hide, nobody means to drop.
  if (entry.name.startsWith('.')) return [];
  if (isFile(entry)) {
    const file = await new Promise<File>((resolve, reject) => entry.file(resolve, reject));
    // `/folder/name`, or `/name` for a file by itself.
    return [{ file, folder: entry.fullPath.slice(1, -entry.name.length - 1) }];
  }
  if (!isDirectory(entry)) return [];
  const reader = entry.createReader();
  const files: FoundFile[] = [];
  // A reader gives at most a hundred entries at a time, and none at the end.
  for (;;) {
    const entries = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject),
    );
    if (entries.length === 0) return files;
    files.push(...(await Promise.all(entries.map(filesOfEntry))).flat());
  }
}
