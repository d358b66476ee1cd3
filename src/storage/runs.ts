import { InputError } from '../errors';
import type { StepMetrics } from '../train/metrics';
import { deleteCheckpoints } from './checkpoints';
import { write } from './database';
import type { Database, RunRecord } from './schema';

/** Characters of a run's name. */
const LONGEST_NAME = 200;

/**
 * The stored runs. Records are whole: who changes one puts it back.
 *
 * @typeParam Run what the caller stores beyond the fields that every run has
 */
export class RunStore<Run extends RunRecord = RunRecord> {
  constructor(private readonly database: Database) {}

  /** All runs, newest first. */
  async list(): Promise<Run[]> {
    const runs = (await this.database.getAll('runs')) as Run[];
    return runs.sort((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1));
  }

  async get(id: string): Promise<Run | undefined> {
    return (await this.database.get('runs', id)) as Run | undefined;
  }

  /** Stores a run, new or changed. @throws QuotaError */
  put(run: Run): Promise<void> {
    return write(this.database, ['runs'], 'the run', async (transaction) => {
      await transaction.objectStore('runs').put(run);
    });
  }

  /** Changes some fields of a run as it is stored now. @throws InputError where there is none; QuotaError */
  update(id: string, change: Partial<Omit<Run, 'id'>>): Promise<Run> {
    return write(this.database, ['runs'], 'the run', async (transaction) => {
      const runs = transaction.objectStore('runs');
      const run = (await runs.get(id)) as Run | undefined;
      if (run === undefined) throw new InputError('this run is not stored here any more');
      const changed = { ...run, ...change };
      await runs.put(changed);
      return changed;
    });
  }

  /** A name too long to be shown is cut. */
  rename(id: string, name: string): Promise<Run> {
    const trimmed = name.trim();
    if (trimmed === '') throw new InputError('a run needs a name');
    const shown = Array.from(trimmed).slice(0, LONGEST_NAME).join('');
    return this.update(id, { name: shown } as Partial<Omit<Run, 'id'>>);
  }

  /** Deletes a run with its metrics and checkpoints. */
  delete(id: string): Promise<void> {
    const stores = ['runs', 'metrics', 'checkpoints', 'checkpointParts'] as const;
    return write(this.database, [...stores], 'the deletion', async (transaction) => {
      await transaction.objectStore('runs').delete(id);
      await transaction.objectStore('metrics').delete(metricsOf(id));
      await deleteCheckpoints(transaction, id);
    });
  }

  /** The metrics of all steps, in order. */
  async metrics(runId: string): Promise<StepMetrics[]> {
    const records = await this.database.getAll('metrics', metricsOf(runId));
    return records.map(({ metrics }) => metrics);
  }

  /** Stores the metrics of some steps; those of the same step before are replaced. @throws QuotaError */
  addMetrics(runId: string, metrics: readonly StepMetrics[]): Promise<void> {
    return write(this.database, ['metrics'], 'the metrics', async (transaction) => {
      const store = transaction.objectStore('metrics');
      // One after another: where one of several put at once finds no room, nobody would handle how the others end.
      for (const each of metrics) await store.put({ runId, step: each.step, metrics: each });
    });
  }

  /** Forgets the metrics of all steps after `step`: they are being made again. */
  rewindMetrics(runId: string, step: number): Promise<void> {
    return write(this.database, ['metrics'], 'the metrics', async (transaction) => {
      await transaction.objectStore('metrics').delete(metricsOf(runId, step));
    });
  }
}

/** The keys of a run's metrics after a step. */
function metricsOf(runId: string, afterStep = -Infinity): IDBKeyRange {
  return IDBKeyRange.bound([runId, afterStep], [runId, Infinity], true);
}
