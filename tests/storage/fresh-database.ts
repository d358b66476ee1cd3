import 'fake-indexeddb/auto';
import { onTestFinished } from 'vitest';
import { DEFAULT_CONFIG } from '../../src/config';
import { openDatabase, type OpenOptions } from '../../src/storage/database';
import type { Database, RunRecord } from '../../src/storage/schema';

let databases = 0;

/** A name no other test uses. */
export const freshName = (): string => `test ${databases++}`;

/** An empty database of the current version, closed when the test is over. */
export async function freshDatabase(options: OpenOptions = {}): Promise<Database> {
  const database = await openDatabase({ name: freshName(), ...options });
  onTestFinished(() => {
    database.close();
  });
  return database;
}

export const run = (id: string, createdAt = 0): RunRecord => ({
  id,
  name: `Run ${id}`,
  createdAt,
  phase: 'training',
  modelId: 'starter',
  datasetId: 'd',
  config: { ...DEFAULT_CONFIG },
});

/** Every record of every store: what must not change when something fails. */
export async function contents(database: Database): Promise<Record<string, unknown[]>> {
  const all: Record<string, unknown[]> = {};
  for (const store of database.objectStoreNames) all[store] = await database.getAll(store);
  return all;
}

export const quotaExceeded = (): DOMException => new DOMException('full', 'QuotaExceededError');

/**
 * Runs `work` with the n-th write (put, add or delete, from 1) failing as a full storage does: in the call itself, or afterwards by
 * cutting its transaction off. Tells whether there were as many writes.
 */
export async function withFailingWrite(
  n: number,
  way: 'in the call' | 'afterwards',
  work: () => Promise<void>,
): Promise<boolean> {
  const { prototype } = IDBObjectStore;
  const names = ['put', 'add', 'delete'] as const;
  const originals = names.map((name) => Object.getOwnPropertyDescriptor(prototype, name) ?? {});
  let writes = 0;
  names.forEach((name, index) => {
    const original = originals[index]?.value as (...values: unknown[]) => IDBRequest;
    Object.defineProperty(prototype, name, {
      configurable: true,
      value(this: IDBObjectStore, ...values: unknown[]) {
        if (++writes === n && way === 'in the call') throw quotaExceeded();
        const request = original.apply(this, values);
        if (writes === n) {
          (this.transaction as unknown as { _abort(name: string): void })._abort(
            'QuotaExceededError',
          );
        }
        return request;
      },
    });
  });
  try {
    await work();
  } finally {
    names.forEach((name, index) => Object.defineProperty(prototype, name, originals[index] ?? {}));
  }
  return writes >= n;
}
