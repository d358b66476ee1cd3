import type { Page } from '@playwright/test';
import type { Schema } from '../../../src/storage/schema';

/** The records of one of the page's stores, in the order of their keys, read past the program. */
export async function storedRecords<Name extends keyof Schema & string>(
  page: Page,
  store: Name,
): Promise<Schema[Name]['value'][]> {
  const records: unknown = await page.evaluate(async (name) => {
    const answered = <Value>(request: IDBRequest<Value>): Promise<Value> =>
      new Promise((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error ?? new Error('no answer'));
      });
    const database = await answered(indexedDB.open('tunesmith'));
    const all: unknown[] = await answered(database.transaction(name).objectStore(name).getAll());
    database.close();
    return all;
  }, store);
  return records as Schema[Name]['value'][];
}
