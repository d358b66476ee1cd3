import { isBeingWritten } from '../storage/opfs-store';

/**
 * Does work that writes files before the record that owns them. A tab that ends in the middle leaves files that nobody owns: they are deleted
 * before the next such work, unless another tab is at it now.
 *
 * @param name of the lock that tells that; one for each kind of files
 * @param sweep deletes the files that no record owns
 */
export async function writeOwned<T>(
  locks: LockManager,
  name: string,
  sweep: () => Promise<void>,
  work: () => Promise<T>,
): Promise<T> {
  await locks.request(name, { ifAvailable: true }, async (alone) => {
    if (!alone) return;
    await sweep().catch((error: unknown) => {
      // The browser has not let go of them yet: they go the next time.
      if (!isBeingWritten(error)) throw error;
    });
  });
  return locks.request(name, { mode: 'shared' }, work);
}
