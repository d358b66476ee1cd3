import { write } from './database';
import type { Database, DatasetRecord } from './schema';

/** The indexes of stored datasets. */
export class DatasetStore<Index> {
  constructor(private readonly database: Database) {}

  /** All datasets, newest first. */
  async list(): Promise<(DatasetRecord & { index: Index })[]> {
    const records = (await this.database.getAll('datasets')) as (DatasetRecord & {
      index: Index;
    })[];
    return records.sort((a, b) => b.createdAt - a.createdAt);
  }

  async get(id: string): Promise<Index | undefined> {
    const record = await this.database.get('datasets', id);
    return record?.index as Index | undefined;
  }

  /**
   * Stores a dataset's index, new or changed: the moment from which its files count.
   *
   * @param insteadOf what is deleted in the same moment: one of the two is always there, also where this fails
   * @throws QuotaError
   */
  put(id: string, index: Index, insteadOf: readonly string[] = []): Promise<void> {
    return write(this.database, ['datasets'], 'the dataset', async (transaction) => {
      const datasets = transaction.objectStore('datasets');
      const createdAt = (await datasets.get(id))?.createdAt ?? Date.now();
      await datasets.put({ id, createdAt, index });
      for (const other of insteadOf) await datasets.delete(other);
    });
  }

  delete(id: string): Promise<void> {
    return write(this.database, ['datasets'], 'the deletion', async (transaction) => {
      await transaction.objectStore('datasets').delete(id);
    });
  }
}
