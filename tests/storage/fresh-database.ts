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

/** How a write fails in a full storage: in the call itself, or afterwards by cutting its transaction off. */
export type WriteFailure = 'in the call' | 'afterwards';

/**
 * Runs `work` with the n-th write (put, add or delete, from 1) failing as a full storage does. Tells whether there were as many writes.
 */
export async function withFailingWrite(
  n: number,
  way: WriteFailure,
  work: () => Promise<void>,
): Promise<boolean> {
  let writes = 0;
  await withFailingWrites(way, () => ++writes === n, work);
  return writes >= n;
}

/** Runs `work` with those writes failing of which `fails`, asked at each, says so. */
export async function withFailingWrites(
  way: WriteFailure,
  fails: () => boolean,
  work: () => Promise<void>,
): Promise<void> {
  const { prototype } = IDBObjectStore;
  const names = ['put', 'add', 'delete'] as const;
  const originals = names.map((name) => Object.getOwnPropertyDescriptor(prototype, name) ?? {});
  names.forEach((name, index) => {
    const original = originals[index]?.value as (...values: unknown[]) => IDBRequest;
    Object.defineProperty(prototype, name, {
      configurable: true,
      value(this: IDBObjectStore, ...values: unknown[]) {
        const isFull = fails();
        if (isFull && way === 'in the call') throw quotaExceeded();
        const request = original.apply(this, values);
        if (isFull) {
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
}
