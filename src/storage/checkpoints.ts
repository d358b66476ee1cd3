import { memorySource, type FileFolder } from '../formats/byte-source';
import type { CheckpointFile } from '../train/checkpoint-files';
import { write, type WriteTransaction } from './database';
import type { CheckpointRecord, Database } from './schema';

type Stores = ('checkpoints' | 'checkpointParts')[];

/** How many of a run's newest checkpoints are kept, beside the best one. */
const KEPT = 2;

/** The stored checkpoints of runs: of each the last two, and the one with the lowest evaluation loss. */
export class CheckpointStore {
  constructor(private readonly database: Database) {}

  /**
   * Stores a checkpoint, and deletes those that need not be kept any longer, as one transaction that is on disk when the promise
   * resolves. Whenever it is cut off, what was there before is there still.
   *
   * @throws QuotaError when the storage is full
   */
  save(
    checkpoint: { runId: string; step: number; evalLoss: number | null },
    files: readonly CheckpointFile[],
  ): Promise<void> {
    const parts = files.map(({ name, bytes }) => ({ name, bytes: bytes.length }));
    const record = { ...checkpoint, savedAt: Date.now(), parts };
    const stores: Stores = ['checkpoints', 'checkpointParts'];
    return write(this.database, stores, 'the checkpoint', async (transaction) => {
      const checkpoints = transaction.objectStore('checkpoints');
      // The key generator gives the sequence that the type asks for.
      const sequence = await checkpoints.add(record as CheckpointRecord);
      const store = transaction.objectStore('checkpointParts');
      for (const { name, bytes } of files) await store.add({ sequence, name, bytes });
      const all = await checkpoints.index('runId').getAll(checkpoint.runId);
      for (const old of superseded(all)) await deleteCheckpoint(transaction, old.sequence);
    });
  }

  /** A run's checkpoints, newest first. */
  async list(runId: string): Promise<CheckpointRecord[]> {
    const records = await this.database.getAllFromIndex('checkpoints', 'runId', runId);
    return records.sort((a, b) => b.sequence - a.sequence);
  }

  /** A stored checkpoint as the files it was saved from; each is read when it is opened. */
  folder({ sequence, runId, step, parts }: CheckpointRecord): FileFolder {
    return {
      name: `checkpoint ${step} of ${runId}`,
      files: parts.map(({ name }) => name),
      open: async (file) => {
        const part = await this.database.get('checkpointParts', [sequence, file]);
        return part && memorySource(file, part.bytes);
      },
    };
  }
}

/** The one with the lowest evaluation loss, the older of two equals; undefined where none was evaluated. */
export function bestCheckpoint(records: readonly CheckpointRecord[]): CheckpointRecord | undefined {
  let best: CheckpointRecord | undefined;
  for (const record of [...records].sort((a, b) => a.sequence - b.sequence)) {
    if (record.evalLoss === null || !Number.isFinite(record.evalLoss)) continue;
    if (record.evalLoss < (best?.evalLoss ?? Infinity)) best = record;
  }
  return best;
}

/** Deletes all of a run's checkpoints, within the caller's transaction. */
export async function deleteCheckpoints(
  transaction: Pick<WriteTransaction<Stores>, 'objectStore'>,
  runId: string,
): Promise<void> {
  const sequences = await transaction.objectStore('checkpoints').index('runId').getAllKeys(runId);
  for (const sequence of sequences) await deleteCheckpoint(transaction, sequence);
}

function superseded(records: readonly CheckpointRecord[]): CheckpointRecord[] {
  const newestFirst = [...records].sort((a, b) => b.sequence - a.sequence);
  const best = bestCheckpoint(records);
  return newestFirst.slice(KEPT).filter((record) => record !== best);
}

async function deleteCheckpoint(
  transaction: Pick<WriteTransaction<Stores>, 'objectStore'>,
  sequence: number,
): Promise<void> {
  const parts = IDBKeyRange.bound([sequence], [sequence, []]);
  await transaction.objectStore('checkpointParts').delete(parts);
  await transaction.objectStore('checkpoints').delete(sequence);
}
