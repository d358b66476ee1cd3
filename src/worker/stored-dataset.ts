import type { ByteSink } from '../data/byte-sink';
import { TokenizedDataset } from '../data/dataset';
import { InputError } from '../errors';
import type { ByteSource } from '../formats/byte-source';
import type { Services, StoredDataset } from './services';

type DatasetServices = Pick<Services, 'datasets' | 'datasetFiles'>;

const RUN_PREFIX = 'run ';

/**
 * Id under which a run keeps the tokens that it began with: the page may tokenise the same files again for another model meanwhile, and
 * a run that goes on must find its own.
 */
export function datasetOfRun(runId: string): string {
  return `${RUN_PREFIX}${runId}`;
}

/** Whether a stored dataset is a run's own, not one that the page shows. */
export function isOfRun(id: string): boolean {
  return id.startsWith(RUN_PREFIX);
}

/** How the files are called that hold tokens. */
const TOKENS_PREFIX = 'tokens ';

/** The name of a new file for tokens. */
export function newTokensFile(): string {
  return `${TOKENS_PREFIX}${crypto.randomUUID()}`;
}

/** A stored dataset whose tokens can be read. */
export interface OpenDataset {
  stored: StoredDataset;
  dataset: TokenizedDataset;
}

/** Opens stored datasets and keeps the last one open: the index of a million examples takes 40 MB and a moment each time that it is read. */
export class LastDataset {
  #last: { id: string; open: OpenDataset } | null = null;

  constructor(private readonly services: DatasetServices) {}

  /** As {@link openStoredDataset}. */
  async open(id: string): Promise<OpenDataset> {
    const last = this.#last;
    if (last?.id === id && (await this.#isCurrent(last.open.stored))) return last.open;
    this.#last = null;
    const open = await openStoredDataset(this.services, id);
    this.#last = { id, open };
    return open;
  }

  /** Keeps a dataset open that has just been stored, so that its index is not read back. */
  async keep(id: string, stored: StoredDataset): Promise<void> {
    this.#last = { id, open: await openTokens(this.services, stored) };
  }

  /** Lets go of what is open. */
  close(): void {
    this.#last = null;
  }

  /** Whether the dataset has not been tokenised again: then its folder holds these tokens and no others. */
  async #isCurrent({ folder, tokensFile }: StoredDataset): Promise<boolean> {
    const files = await (await this.services.datasetFiles.folder(folder)).sizes();
    return (
      [...files.keys()].every((name) => name === tokensFile || !name.startsWith(TOKENS_PREFIX)) &&
      files.has(tokensFile)
    );
  }
}

/** Opens a stored dataset's tokens for reading. @throws InputError where it is gone or damaged */
export async function openStoredDataset(
  services: DatasetServices,
  id: string,
): Promise<OpenDataset> {
  const stored = await services.datasets.get(id);
  if (!stored) {
    throw new InputError('the dataset is not stored here any more; drop its files again');
  }
  return openTokens(services, stored);
}

async function openTokens(
  { datasetFiles }: Pick<DatasetServices, 'datasetFiles'>,
  stored: StoredDataset,
): Promise<OpenDataset> {
  const folder = await datasetFiles.folder(stored.folder);
  const source = await folder.open(stored.tokensFile);
  if (!source) {
    throw new InputError('the tokens of the dataset are gone; drop its files again');
  }
  return { stored, dataset: new TokenizedDataset(readOnlySink(source), stored.index) };
}

/** Keeps a dataset's tokens for a run, whatever becomes of the dataset. */
export function keepForRun(
  services: DatasetServices,
  runId: string,
  stored: StoredDataset,
): Promise<void> {
  return services.datasets.put(datasetOfRun(runId), stored);
}

/** Forgets what a deleted run kept. */
export async function forgetForRun(services: DatasetServices, runId: string): Promise<void> {
  const id = datasetOfRun(runId);
  const stored = await services.datasets.get(id);
  await services.datasets.delete(id);
  if (stored) await deleteUnused(services, stored);
}

/** Where a stored dataset's tokens lie. */
export type TokensPlace = Pick<StoredDataset, 'folder' | 'tokensFile'>;

/** Deletes tokens, and with the last of them the whole folder, unless a dataset or run still needs them. */
export async function deleteUnused(
  { datasets, datasetFiles }: DatasetServices,
  { folder, tokensFile }: TokensPlace,
): Promise<void> {
  const others = (await datasets.list()).filter(({ index }) => index.folder === folder);
  if (others.length === 0) return datasetFiles.remove(folder);
  if (others.some(({ index }) => index.tokensFile === tokensFile)) return;
  await (await datasetFiles.folder(folder)).remove(tokensFile);
}

function readOnlySink(source: ByteSource): ByteSink {
  return {
    size: source.size,
    append: () => Promise.reject(new Error('stored tokens are only read')),
    read: (offset, length) => source.read(offset, length),
  };
}
