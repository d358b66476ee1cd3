import { TokenizedDataset } from '../data/dataset';
import { InputError } from '../errors';
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

const TOKENS_PREFIX = 'tokens ';

/** The name of a new file for tokens, like no other's. */
export function newTokensFile(): string {
  return `${TOKENS_PREFIX}${crypto.randomUUID()}`;
}

/** A stored dataset whose tokens can be read. */
export interface OpenDataset {
  stored: StoredDataset;
  dataset: TokenizedDataset;
}

/** Opens stored datasets and keeps the last one open: the table of a million lengths takes 12 MB and a moment each time that it is read. */
export class LastDataset {
  #last: OpenDataset | null = null;

  constructor(private readonly services: DatasetServices) {}

  /** As {@link openStoredDataset}. */
  async open(id: string): Promise<OpenDataset> {
    const stored = await getStoredDataset(this.services, id);
    // Tokens that are made again lie in another file.
    if (this.#last?.stored.tokensFile !== stored.tokensFile) {
      this.#last = null;
      this.#last = await openTokens(this.services, stored);
    }
    return this.#last;
  }

  /** Lets go of what is open. */
  close(): void {
    this.#last = null;
  }
}

/** @throws InputError where it is gone */
export async function getStoredDataset(
  { datasets }: Pick<DatasetServices, 'datasets'>,
  id: string,
): Promise<StoredDataset> {
  const stored = await datasets.get(id);
  if (stored) return stored;
  throw new InputError('the dataset is not stored here any more; drop its files again');
}

/** Opens a stored dataset's tokens for reading. @throws InputError where it is gone or damaged */
export async function openStoredDataset(
  services: DatasetServices,
  id: string,
): Promise<OpenDataset> {
  return openTokens(services, await getStoredDataset(services, id));
}

async function openTokens(
  { datasetFiles }: Pick<DatasetServices, 'datasetFiles'>,
  stored: StoredDataset,
): Promise<OpenDataset> {
  const folder = await datasetFiles.folder(stored.folder);
  const source = await folder.open(stored.tokensFile);
  if (!source) {
    throw new InputError(
      'the browser has deleted the tokens of the data; drop the files again and train anew',
    );
  }
  return { stored, dataset: await TokenizedDataset.open(source, stored.index) };
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

/** Deletes what no dataset and no run owns: folders, and tokens in those of others. Not while another tab may be importing. */
export async function sweepDatasets({ datasets, datasetFiles }: DatasetServices): Promise<void> {
  const records = await datasets.list();
  for (const name of await datasetFiles.folders()) {
    const owned = records.filter(({ index }) => index.folder === name);
    if (owned.length === 0) {
      await datasetFiles.remove(name);
      continue;
    }
    const folder = await datasetFiles.folder(name);
    for (const file of (await folder.sizes()).keys()) {
      const isOwned = owned.some(({ index }) => index.tokensFile === file);
      if (file.startsWith(TOKENS_PREFIX) && !isOwned) await folder.remove(file);
    }
  }
}
