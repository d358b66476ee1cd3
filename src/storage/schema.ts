import type { DBSchema, IDBPDatabase, IDBPTransaction, StoreNames } from 'idb';
import type { TrainingConfig } from '../config';
import type { StepMetrics } from '../train/metrics';

/** What every stored run has; who stores runs adds what it needs. */
export interface RunRecord {
  id: string;
  name: string;
  /** Milliseconds since 1970. */
  createdAt: number;
  /** What the run was doing when it was stored last. */
  phase: string;
  modelId: string;
  datasetId: string;
  config: TrainingConfig;
}

/** A step's metrics with the run they belong to. */
export interface MetricsRecord {
  runId: string;
  step: number;
  metrics: StepMetrics;
}

/** A stored checkpoint without its bytes. */
export interface CheckpointRecord {
  /** Counts up over all checkpoints ever stored: a higher one is newer. */
  sequence: number;
  runId: string;
  step: number;
  /** Mean loss over the evaluation split at this step; null where it was not evaluated. */
  evalLoss: number | null;
  savedAt: number;
  /** Names and sizes of its parts, in the order they were given. */
  parts: { name: string; bytes: number }[];
}

export interface CheckpointPartRecord {
  sequence: number;
  name: string;
  bytes: Uint8Array<ArrayBuffer>;
}

/** A dataset's index; its tokens and the files it was made from lie in the file store, in a folder of the dataset's id. */
export interface DatasetRecord {
  id: string;
  createdAt: number;
  /** Whatever opens the tokens again, as whoever stored it defines it. */
  index: unknown;
}

/** One file of a model in the cache, and what it must be. */
export interface ModelFileRecord {
  name: string;
  bytes: number;
  /** SHA-256 in hexadecimal, where it was announced. */
  sha256: string | null;
  /** SHA-1 of the file as a git blob, where that was announced. */
  gitOid: string | null;
  /** Whether all its bytes are here and were found to be these. */
  verified: boolean;
}

/** A model in the cache; its files lie in the file store. */
export interface ModelRecord {
  /** A hub id `owner/name`, or `files:NAME#FINGERPRINT` for files that were dropped. */
  id: string;
  origin: 'hub' | 'files';
  /** Installed only when every file is verified; only then may it be used. */
  state: 'partial' | 'installed';
  addedAt: number;
  /** Name of its folder in the file store. */
  folder: string;
  files: ModelFileRecord[];
}

export interface Schema extends DBSchema {
  runs: { key: string; value: RunRecord };
  metrics: { key: [runId: string, step: number]; value: MetricsRecord };
  checkpoints: { key: number; value: CheckpointRecord; indexes: { runId: string } };
  checkpointParts: { key: [sequence: number, name: string]; value: CheckpointPartRecord };
  datasets: { key: string; value: DatasetRecord };
  models: { key: string; value: ModelRecord };
}

export type Database = IDBPDatabase<Schema>;

/** Brings a database from one version to the next. It may change stores, and through the transaction what is in them. */
export type Migration = (
  database: Database,
  transaction: IDBPTransaction<Schema, StoreNames<Schema>[], 'versionchange'>,
) => void | Promise<void>;

/**
 * The history of the schema: the migration at index i makes version i + 1 of version i. What is here once was shipped and is never
 * changed; a new version is a new entry.
 */
export const MIGRATIONS: readonly Migration[] = [createRunsAndDatasets, createModels];

function createRunsAndDatasets(database: Database): void {
  database.createObjectStore('runs', { keyPath: 'id' });
  database.createObjectStore('metrics', { keyPath: ['runId', 'step'] });
  const checkpoints = database.createObjectStore('checkpoints', {
    keyPath: 'sequence',
    autoIncrement: true,
  });
  checkpoints.createIndex('runId', 'runId');
  database.createObjectStore('checkpointParts', { keyPath: ['sequence', 'name'] });
  database.createObjectStore('datasets', { keyPath: 'id' });
}

function createModels(database: Database): void {
  database.createObjectStore('models', { keyPath: 'id' });
}
