import type { DatasetIndex } from '../data/dataset';
import { InputError } from '../errors';
import { CheckpointStore } from '../storage/checkpoints';
import { openDatabase } from '../storage/database';
import { DatasetStore } from '../storage/datasets';
import type { FileStore } from '../storage/file-store';
import { ModelCache } from '../storage/model-cache';
import { openFileStore } from '../storage/opfs-store';
import { RunStore } from '../storage/runs';
import type { RunRecord } from '../storage/schema';
import type { DatasetSummary, Notice, RunPhase, RunSummary, Sample } from './api';
import type { Precision } from '../config';

/** Without its database a worker is of no use: the page is told as of any fault that nobody catches. */
const CLOSED =
  'the storage of this page was cleared, or a newer version of the page is open in another tab';

/** A run as it is stored. */
export interface StoredRun extends RunRecord {
  phase: RunPhase;
  step: number;
  totalSteps: number;
  loss: number | null;
  bestEvalLoss: number | null;
  modelName: string;
  dataName: string;
  failure: string | null;
  precision: Precision;
  /** Name of the adapter that it trained on last; null before it was. Absent in what early versions stored. */
  gpu?: string | null;
  prompts: string[];
  sampleEverySteps: number;
  samples: Sample[];
  notices: Notice[];
  /** Not to be come back to on load. */
  closed: boolean;
}

/** A dataset as it is stored: what the page shows of it, and what opens its tokens again. */
export interface StoredDataset {
  summary: DatasetSummary;
  index: DatasetIndex;
  /** The folder of the file store with the copies of its files and its tokens. */
  folder: string;
  /** The file in that folder that holds the tokens. */
  tokensFile: string;
}

/** What a worker stores in and reads from. */
export interface Services {
  readonly runs: RunStore<StoredRun>;
  readonly checkpoints: CheckpointStore;
  readonly datasets: DatasetStore<StoredDataset>;
  readonly models: ModelCache;
  /** Tokens and kept files of datasets, a folder each. */
  readonly datasetFiles: FileStore;
  /** Zips that are being written. */
  readonly downloads: FileStore;
  /** A file of `downloads` as the page can save it: its bytes stay on disk. */
  readonly openDownload: (folder: string, name: string) => Promise<File>;
}

const DOWNLOADS = 'downloads';

/**
 * Opens the database and the file stores.
 *
 * @param isInUse whether a run depends on them now: see `openDatabase`
 * @throws InputError where the browser gives the page no storage
 */
export async function openServices(isInUse?: () => boolean): Promise<Services> {
  const [database, models, datasetFiles, downloads] = await Promise.all([
    openDatabase({ isInUse, onClosed: () => reportError(new InputError(CLOSED)) }),
    openFileStore('models'),
    openFileStore('datasets'),
    openFileStore(DOWNLOADS),
  ]);
  return {
    runs: new RunStore(database),
    checkpoints: new CheckpointStore(database),
    datasets: new DatasetStore(database),
    models: new ModelCache(database, models),
    datasetFiles,
    downloads,
    openDownload: storedDownload,
  };
}

/** A stored run as the page lists it. */
export function summaryOf(run: StoredRun, hasAdapter: boolean): RunSummary {
  const { id, name, createdAt, phase, step, totalSteps, loss, bestEvalLoss } = run;
  const { modelId, modelName, dataName, failure } = run;
  return {
    id,
    name,
    createdAt,
    phase,
    step,
    totalSteps,
    loss,
    bestEvalLoss,
    modelId,
    modelName,
    dataName,
    failure,
    hasAdapter,
  };
}

async function storedDownload(folder: string, name: string): Promise<File> {
  const root = await navigator.storage.getDirectory();
  const directory = await (await root.getDirectoryHandle(DOWNLOADS)).getDirectoryHandle(folder);
  return (await directory.getFileHandle(name)).getFile();
}
