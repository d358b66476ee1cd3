/** What a drop or a file dialog brought, sorted by what it is for. */
export interface DroppedFiles {
  data: File[];
  /** Files of a model in the layout of Hugging Face; empty unless weights are among them. */
  model: File[];
  /** A sentence for each kind of file that is neither, with the names of those. */
  problems: string[];
}

const DATA = /\.(txt|md|json|jsonl)$/i;
const WEIGHTS = /\.safetensors$/i;
const MODEL_PART =
  /^(config|generation_config|tokenizer|tokenizer_config|special_tokens_map|added_tokens|vocab|model\.safetensors\.index)\.json$|^chat_template\.(json|jinja)$|^(tokenizer\.model|merges\.txt)$|\.safetensors$/i;
/** A folder may hold thousands of files of another kind. */
const NAMED = 3;
const NAME_ORDER = new Intl.Collator('en', { numeric: true });

/**
 * Sorts files by name. Weights among them make a model of all files that a model's folder holds; a `config.json` alone is
 * data like any other `.json`.
 */
export function sortDropped(files: readonly File[]): DroppedFiles {
  const seen = files
    .filter((file) => !file.name.startsWith('.'))
    .sort((a, b) => NAME_ORDER.compare(a.name, b.name));
  const isModel = seen.some((file) => WEIGHTS.test(file.name));
  const sorted: DroppedFiles = { data: [], model: [], problems: [] };
  const unread = new Map<string, string[]>();
  for (const file of seen) {
    if (isModel && MODEL_PART.test(file.name)) sorted.model.push(file);
    else if (DATA.test(file.name)) sorted.data.push(file);
    else if (!isModel) {
      const advice = adviceOn(file.name);
      const others = unread.get(advice);
      if (others) others.push(file.name);
      else unread.set(advice, [file.name]);
    }
  }
  sorted.problems = Array.from(unread, ([advice, names]) => {
    const others = names.length > NAMED ? ` and ${names.length - NAMED} more` : '';
    return `${names.slice(0, NAMED).join(', ')}${others}: this kind of file is not read; ${advice}.`;
  });
  return sorted;
}

function adviceOn(name: string): string {
  return /\.gguf$/i.test(name)
    ? 'GGUF models come later, so drop the folder with its safetensors files instead'
    : 'drop .txt, .md, .json or .jsonl files, or a folder with a model';
}

/** All files of a drop, those of dropped folders too, at any depth. Must be called before the drop's event has ended. */
export function filesOfDrop(transfer: DataTransfer): Promise<File[]> {
  const entries = [...transfer.items]
    .map((item) => item.webkitGetAsEntry())
    .filter((entry) => entry !== null);
  if (entries.length === 0) return Promise.resolve([...transfer.files]);
  return Promise.all(entries.map(filesOfEntry)).then((lists) => lists.flat());
}

// Chromium has no constructors of these names that an entry could be an instance of.
function isFile(entry: FileSystemEntry): entry is FileSystemFileEntry {
  return entry.isFile;
}

function isDirectory(entry: FileSystemEntry): entry is FileSystemDirectoryEntry {
  return entry.isDirectory;
}

async function filesOfEntry(entry: FileSystemEntry): Promise<File[]> {
  // What systems and programs hide, nobody means to drop.
  if (entry.name.startsWith('.')) return [];
  if (isFile(entry)) {
    return [await new Promise<File>((resolve, reject) => entry.file(resolve, reject))];
  }
  if (!isDirectory(entry)) return [];
  const reader = entry.createReader();
  const files: File[] = [];
  // A reader gives at most a hundred entries at a time, and none at the end.
  for (;;) {
    const entries = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject),
    );
    if (entries.length === 0) return files;
    files.push(...(await Promise.all(entries.map(filesOfEntry))).flat());
  }
}
