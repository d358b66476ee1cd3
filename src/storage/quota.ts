/** What the browser says of this origin's storage. */
export interface StorageEstimate {
  /** What may be stored in all; a hint only. */
  quotaBytes: number;
  usedBytes: number;
  /** Whether the browser has promised not to evict it when the disk runs full. */
  persisted: boolean;
}

/** Asks for the estimate; never fails: a browser that does not tell gets zeros. */
export async function estimateStorage(
  storage: StorageManager = navigator.storage,
): Promise<StorageEstimate> {
  const { quota = 0, usage = 0 } = await storage
    .estimate()
    .catch((): StorageEstimateOfBrowser => ({}));
  const persisted = await storage.persisted().catch(() => false);
  return { quotaBytes: quota, usedBytes: usage, persisted };
}

/** Asks the browser to keep this origin's storage when the disk runs full; tells whether it promised to. Pages may ask, workers not. */
export async function keepStorage(storage: StorageManager = navigator.storage): Promise<boolean> {
  return (await storage.persisted().catch(() => false)) || storage.persist().catch(() => false);
}

type StorageEstimateOfBrowser = Awaited<ReturnType<StorageManager['estimate']>>;
