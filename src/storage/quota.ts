/** What the browser says of this origin's storage. */
export interface StorageFacts {
  /** What may be stored in all; a hint only. */
  quotaBytes: number;
  usedBytes: number;
  /** Whether the browser has promised not to evict it when the disk runs full. */
  persisted: boolean;
}

/** Asks the browser; never fails: what it does not tell is 0. */
export async function estimateStorage(
  storage: StorageManager = navigator.storage,
): Promise<StorageFacts> {
  const estimate = await storage.estimate().catch(() => undefined);
  return {
    quotaBytes: estimate?.quota ?? 0,
    usedBytes: estimate?.usage ?? 0,
    persisted: await isPersisted(storage),
  };
}

/**
 * Asks the browser to keep this origin's storage when the disk runs full, and tells whether it promised to. Browsers take the question
 * only from a page: in a worker this tells what was promised before.
 */
export async function keepStorage(storage: StorageManager = navigator.storage): Promise<boolean> {
  if (await isPersisted(storage)) return true;
  return 'persist' in storage ? storage.persist().catch(() => false) : false;
}

function isPersisted(storage: StorageManager): Promise<boolean> {
  return storage.persisted().catch(() => false);
}
