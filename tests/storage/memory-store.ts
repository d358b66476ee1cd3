import { memorySource } from '../../src/formats/byte-source';
import { QuotaError } from '../../src/storage/errors';
import type { FileAppender, FileStore, StoredFolder } from '../../src/storage/file-store';

/** A FileStore in memory that can be told to be full, and that holds its callers to one writer a file. */
export class MemoryStore implements FileStore {
  readonly content = new Map<string, Map<string, Uint8Array<ArrayBuffer>>>();
  readonly open = new Set<string>();
  /** Appends that still succeed before the storage is full. */
  roomForAppends = Infinity;

  folders(): Promise<string[]> {
    return Promise.resolve([...this.content.keys()]);
  }

  remove(name: string): Promise<void> {
    this.content.get(name)?.clear();
    this.content.delete(name);
    return Promise.resolve();
  }

  folder(name: string): Promise<StoredFolder> {
    const files = this.content.get(name) ?? new Map<string, Uint8Array<ArrayBuffer>>();
    this.content.set(name, files);
    return Promise.resolve({
      name,
      sizes: () => Promise.resolve(new Map([...files].map(([file, { length }]) => [file, length]))),
      open: (file) => {
        const bytes = files.get(file);
        return Promise.resolve(bytes && memorySource(file, bytes));
      },
      remove: (file) => {
        files.delete(file);
        return Promise.resolve();
      },
      append: (file) => Promise.resolve(this.appender(`${name}/${file}`, files, file)),
    });
  }

  /** The bytes of a file. */
  bytes(folder: string, file: string): Uint8Array | undefined {
    return this.content.get(folder)?.get(file);
  }

  private appender(
    path: string,
    files: Map<string, Uint8Array<ArrayBuffer>>,
    file: string,
  ): FileAppender {
    if (this.open.has(path)) throw new Error(`${path} has a writer already`);
    this.open.add(path);
    const bytes = (): Uint8Array<ArrayBuffer> => files.get(file) ?? new Uint8Array();
    files.set(file, bytes());
    // As in a browser, where an access handle that is closed can nothing any more.
    const checkOpen = () => {
      if (!this.open.has(path)) throw new Error(`${path}: the file was already closed`);
    };
    return {
      get size() {
        return bytes().length;
      },
      append: (more) => {
        checkOpen();
        if (this.roomForAppends-- <= 0) return Promise.reject(new QuotaError(file));
        const longer = new Uint8Array(bytes().length + more.length);
        longer.set(bytes());
        longer.set(more, bytes().length);
        files.set(file, longer);
        return Promise.resolve();
      },
      read: (offset, length) => Promise.resolve(bytes().slice(offset, offset + length)),
      flush: () => Promise.resolve(),
      close: () => {
        checkOpen();
        this.open.delete(path);
        return Promise.resolve();
      },
    };
  }
}
