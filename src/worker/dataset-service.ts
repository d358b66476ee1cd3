import { buildDataset } from '../data/build-dataset';
import type { TokenizedDataset } from '../data/dataset';
import type { DataProblem } from '../data/examples';
import { excerpt, tokenPieces } from '../data/token-view';
import { countTrained } from '../data/tokenize';
import type { Tokenizer } from '../data/tokenizer';
import { InputError } from '../errors';
import type { ByteSource } from '../formats/byte-source';
import type { StoredFolder } from '../storage/file-store';
import { blobSource } from '../storage/opfs-store';
import type * as Api from './api';
import { lengthHistogram } from './length-histogram';
import type { Models } from './models';
import { Operations } from './operations';
import type { Services, StoredDataset } from './services';
import {
  deleteUnused,
  getStoredDataset,
  isOfRun,
  LastDataset,
  newTokensFile,
  sweepDatasets,
  type TokensPlace,
} from './stored-dataset';
import { throttledProgress } from './throttled-progress';
import { sameTokenization } from './tokenization';
import { writeOwned } from './unowned-files';

type Method<Name extends keyof Api.DatasetWorker> = Api.DatasetWorker[Name];

const LOCK = 'tunesmith-dataset-files';
const SHOWN_PROBLEMS = 100;
const EXCERPT_CHARACTERS = 200;
const MOST_ROWS = 200;
const COPY_BYTES = 4 * 2 ** 20;

/** What the dataset's worker does for the page; `api.ts` says what each method promises. */
export class DatasetService implements Api.DatasetWorker {
  readonly #operations = new Operations<'import'>();
  readonly #datasets: LastDataset;
  #tokenizer: { tokensFile: string; tokenizer: Tokenizer | null } | null = null;

  constructor(
    private readonly services: Services,
    private readonly models: Models,
    private readonly locks: LockManager,
  ) {
    this.#datasets = new LastDataset(services);
  }

  importFiles: Method<'importFiles'> = (files, tokenization, onProgress) =>
    this.#write(async (signal) => {
      const id = crypto.randomUUID();
      const folder = await this.services.datasetFiles.folder(id);
      const progress = throttledProgress(onProgress);
      // The page shows one dataset: those before it go, unless a run needs them.
      const before = await this.#shown();
      this.#datasets.close();
      let stored: StoredDataset;
      try {
        const copies = await copyFiles(files, folder, progress, signal);
        stored = await this.#tokenize(id, folder, copies, tokenization, progress, signal);
        const ids = before.map(({ id: other }) => other);
        await this.services.datasets.put(id, stored, ids);
      } catch (error) {
        await this.services.datasetFiles.remove(id);
        throw error;
      }
      for (const { place } of before) await deleteUnused(this.services, place);
      return stored.summary;
    });

  retokenize: Method<'retokenize'> = (datasetId, tokenization, onProgress) =>
    this.#write(async (signal) => {
      const before = await getStoredDataset(this.services, datasetId);
      const { summary, folder: folderName } = before;
      if (sameTokenization(summary.tokenization, tokenization)) return summary;
      this.#datasets.close();
      const folder = await this.services.datasetFiles.folder(folderName);
      const copies = await Promise.all(
        summary.files.map(({ name }, index) => openCopy(folder, name, index)),
      );
      const progress = throttledProgress(onProgress);
      const stored = await this.#tokenize(
        datasetId,
        folder,
        copies,
        tokenization,
        progress,
        signal,
      );
      await this.services.datasets.put(datasetId, stored);
      await deleteUnused(this.services, before);
      return stored.summary;
    });

  current: Method<'current'> = async () => {
    const [newest] = (await this.services.datasets.list()).filter(({ id }) => !isOfRun(id));
    return newest?.index.summary ?? null;
  };

  rows: Method<'rows'> = async (datasetId, offset, count) => {
    const { dataset, tokenizer } = await this.#dataset(datasetId);
    const end = Math.min(dataset.examples, offset + Math.min(count, MOST_ROWS));
    const indices = Array.from({ length: Math.max(0, end - offset) }, (_, i) => offset + i);
    return Promise.all(
      indices.map(async (index) => {
        const { inputIds, labels, source, kind } = await dataset.read(index);
        return {
          index,
          source,
          kind,
          text: excerpt(inputIds, tokenizer, EXCERPT_CHARACTERS),
          tokens: inputIds.length,
          trainedTokens: countTrained(labels),
        };
      }),
    );
  };

  tokens: Method<'tokens'> = async (datasetId, index) => {
    const { dataset, tokenizer } = await this.#dataset(datasetId);
    const example = await dataset.read(index);
    return { index, source: example.source, pieces: tokenPieces(example, tokenizer) };
  };

  remove: Method<'remove'> = async (datasetId) => {
    const stored = await this.services.datasets.get(datasetId);
    // Others may have taken their place already, as in another tab.
    if (!stored) return;
    await this.services.datasets.delete(datasetId);
    await deleteUnused(this.services, stored);
  };

  cancel: Method<'cancel'> = () => this.#operations.cancel('import');

  /** Runs an import, the only one here, after what ended tabs have left of theirs is deleted. */
  #write<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { locks, services } = this;
    const sweep = () => sweepDatasets(services);
    return this.#operations.run('import', (signal) =>
      writeOwned(locks, LOCK, sweep, () => work(signal)),
    );
  }

  async #tokenize(
    id: string,
    folder: StoredFolder,
    copies: readonly ByteSource[],
    tokenization: Api.Tokenization,
    onProgress: Api.ProgressListener,
    signal: AbortSignal,
  ): Promise<StoredDataset> {
    const { vocab_size: vocabularySize } = await this.models.config(tokenization.modelId);
    const tokenizer = await this.models.tokenizer(tokenization.modelId);
    const tokensFile = newTokensFile();
    const sink = await folder.append(tokensFile);
    const problems: DataProblem[] = [];
    const build = () =>
      buildDataset(copies, tokenizer, tokenization, sink, {
        vocabularySize,
        signal,
        onProblem: (problem) => {
          if (problems.length < SHOWN_PROBLEMS) problems.push(problem);
        },
        onProgress: ({ file, bytesDone: done, bytesTotal: total }) =>
          onProgress({ activity: `Reading ${file}`, done, total, unit: 'bytes' }),
      });
    try {
      const dataset = await build().finally(() => sink.close());
      signal.throwIfAborted();
      const summary = summarise(id, dataset, problems, tokenization);
      return { summary, index: dataset.index, folder: id, tokensFile };
    } catch (error) {
      await folder.remove(tokensFile);
      throw error;
    }
  }

  /** The datasets that are not a run's own: one, but for a moment. */
  async #shown(): Promise<{ id: string; place: TokensPlace }[]> {
    const all = await this.services.datasets.list();
    return all
      .filter(({ id }) => !isOfRun(id))
      .map(({ id, index: { folder, tokensFile } }) => ({ id, place: { folder, tokensFile } }));
  }

  async #dataset(id: string) {
    const { stored, dataset } = await this.#datasets.open(id);
    const { tokensFile, summary } = stored;
    if (this.#tokenizer?.tokensFile !== tokensFile) {
      const tokenizer = await this.models.tokenizer(summary.tokenization.modelId);
      this.#tokenizer = { tokensFile, tokenizer };
    }
    return { dataset, tokenizer: this.#tokenizer.tokenizer };
  }
}

/** Name of the copy of a dataset's file. */
function copyName(index: number): string {
  return `file ${index}`;
}

async function openCopy(folder: StoredFolder, name: string, index: number): Promise<ByteSource> {
  const copy = await folder.open(copyName(index));
  if (!copy)
    throw new InputError('the kept copy of the file is gone; drop it again', { file: name });
  return { name, size: copy.size, read: (offset, length) => copy.read(offset, length) };
}

async function copyFiles(
  files: readonly File[],
  folder: StoredFolder,
  onProgress: Api.ProgressListener,
  signal: AbortSignal,
): Promise<ByteSource[]> {
  const total = files.reduce((sum, { size }) => sum + size, 0);
  let done = 0;
  for (const [index, file] of files.entries()) {
    const source = blobSource(file.name, file);
    const copy = await folder.append(copyName(index));
    try {
      while (copy.size < source.size) {
        signal.throwIfAborted();
        const length = Math.min(COPY_BYTES, source.size - copy.size);
        await copy.append(await source.read(copy.size, length));
        done += length;
        onProgress({ activity: `Keeping ${file.name}`, done, total, unit: 'bytes' });
      }
    } finally {
      await copy.close();
    }
  }
  return Promise.all(files.map(({ name }, index) => openCopy(folder, name, index)));
}

function summarise(
  id: string,
  dataset: TokenizedDataset,
  problems: DataProblem[],
  tokenization: Api.Tokenization,
): Api.DatasetSummary {
  return {
    id,
    files: [...dataset.files],
    examples: dataset.examples,
    tokens: dataset.tokens,
    trainedTokens: dataset.trainedTokens,
    truncated: dataset.truncated,
    dropped: dataset.dropped,
    problems,
    problemCount: dataset.problems,
    lengths: lengthHistogram(dataset.lengths),
    tokenization,
  };
}
