import { InputError } from '../errors';
import { checkRange, type ByteSource } from '../formats/byte-source';
import type { FileAppender, FileStore, StoredFolder } from './file-store';
import { openSyncAppender, openWritableAppender, type SyncFileHandle } from './opfs-appender';

/**
 * The part `area` of this origin's private file system: what no other page can see and only the person can evict.
 *
 * @throws InputError where the browser has no such file system, as in some private windows
 */
export async function openFileStore(
  area: 'models' | 'datasets' | 'downloads',
  storage: StorageManager = navigator.storage,
): Promise<FileStore> {
  try {
    const root = await storage.getDirectory();
    return opfsStore(await root.getDirectoryHandle(area, { create: true }));
  } catch (error) {
    throw new InputError(
      `this browser gives the page no place for files (${String(error)}); a private window may be the reason`,
    );
  }
}

/** A FileStore over a directory of the File System API. */
export function opfsStore(root: FileSystemDirectoryHandle): FileStore {
  return {
    async folders() {
      const names: string[] = [];
      for await (const [name, handle] of root.entries()) {
        if (handle.kind === 'directory') names.push(decodeURIComponent(name));
      }
      return names;
    },
    folder: async (name) =>
      opfsFolder(name, await root.getDirectoryHandle(directoryName(name), { create: true })),
    remove: (name) =>
      unlessNotFound(root.removeEntry(directoryName(name), { recursive: true })).then(nothing),
  };
}

/** What any name is called as a directory, where slashes and names of nothing but dots are not allowed. */
function directoryName(name: string): string {
  return encodeURIComponent(name).replace(/^\./, '%2E');
}

function opfsFolder(name: string, directory: FileSystemDirectoryHandle): StoredFolder {
  return {
    name,
    async sizes() {
      const sizes = new Map<string, number>();
      // Another worker may delete files, or the folder, while they are counted.
      await unlessNotFound(addSizes(directory, sizes));
      return sizes;
    },
    async open(file) {
      const handle = await unlessNotFound(directory.getFileHandle(file));
      const blob = handle && (await unlessNotFound(handle.getFile()));
      return blob && blobSource(file, blob);
    },
    async append(file) {
      const handle = await unlessNotFound(directory.getFileHandle(file, { create: true }));
      if (handle) return openAppender(handle);
      throw new InputError('the folder for it was deleted meanwhile; try again', { file });
    },
    remove: (file) => unlessNotFound(directory.removeEntry(file)).then(nothing),
  };
}

async function addSizes(
  directory: FileSystemDirectoryHandle,
  sizes: Map<string, number>,
): Promise<void> {
  for await (const [name, handle] of directory.entries()) {
    const file = handle.kind === 'file' && (await unlessNotFound(handle.getFile()));
    if (file) sizes.set(name, file.size);
  }
}

/** A ByteSource over a Blob, such as a file that was dropped. */
export function blobSource(name: string, blob: Blob): ByteSource {
  return {
    name,
    size: blob.size,
    async read(offset, length) {
      checkRange({ name, size: blob.size }, offset, length);
      try {
        return new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer());
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        throw new InputError(`the file cannot be read any more, so drop it again: ${reason}`, {
          file: name,
        });
      }
    },
  };
}

async function openAppender(handle: FileSystemFileHandle): Promise<FileAppender> {
  try {
    // Only workers have it; elsewhere bytes are kept no earlier than at each flush.
    return hasSyncAccess(handle)
      ? await openSyncAppender(handle)
      : await openWritableAppender(handle);
  } catch (error) {
    if (!isBeingWritten(error)) throw error;
    throw new InputError('the file is being written by another tab; wait until it is done there', {
      file: handle.name,
    });
  }
}

/** Whether the browser refuses to touch a file because somebody has it open for writing. */
export function isBeingWritten(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'NoModificationAllowedError';
}

function hasSyncAccess(
  handle: FileSystemFileHandle,
): handle is FileSystemFileHandle & SyncFileHandle {
  return 'createSyncAccessHandle' in handle;
}

async function unlessNotFound<Value>(promise: Promise<Value>): Promise<Value | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (error instanceof DOMException && error.name === 'NotFoundError') return undefined;
    throw error;
  }
}

function nothing(): void {
  return undefined;
}
