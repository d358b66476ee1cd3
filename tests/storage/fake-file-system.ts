import { quotaExceeded } from './fresh-database';

const notFound = (): DOMException => new DOMException('not there', 'NotFoundError');

/**
 * The part of the File System API that storage uses, in memory: with synchronous access handles, as a worker has them, or with writable
 * streams only, as a page has.
 */
export class FakeFileSystem {
  /** Bytes that still find room. */
  room = Infinity;

  constructor(private readonly synchronous: boolean) {}

  readonly root = this.directory();

  /** @param isThere whether the directory has not been deleted */
  private directory(isThere: () => boolean = () => true): FileSystemDirectoryHandle {
    const entries = new Map<string, unknown>();
    const get = (name: string, create: boolean | undefined, make: () => unknown): unknown => {
      // As the API does: no name that could reach elsewhere.
      if (name === '' || name === '.' || name === '..' || name.includes('/')) {
        throw new TypeError('Name is not allowed.');
      }
      if (!isThere() || (!entries.has(name) && create !== true)) throw notFound();
      const entry = entries.get(name) ?? make();
      entries.set(name, entry);
      return entry;
    };
    const handle = {
      kind: 'directory',
      entries: async function* () {
        if (!isThere()) throw notFound();
        for (const entry of [...entries]) yield await Promise.resolve(entry);
      },
      getDirectoryHandle: (name: string, options?: { create?: boolean }) =>
        attempt(() => get(name, options?.create, () => this.directory(() => entries.has(name)))),
      getFileHandle: (name: string, options?: { create?: boolean }) =>
        attempt(() => get(name, options?.create, () => this.file(name, () => entries.has(name)))),
      removeEntry: (name: string) =>
        attempt(() => {
          if (!entries.delete(name)) throw notFound();
        }),
    };
    return handle as unknown as FileSystemDirectoryHandle;
  }

  private file(name: string, isThere: () => boolean): object {
    let content = new Uint8Array();
    let isLocked = false;
    const put = (bytes: Uint8Array, at: number, into: Uint8Array<ArrayBuffer>) => {
      const count = Math.min(bytes.length, this.room);
      this.room -= count;
      const longer = new Uint8Array(Math.max(into.length, at + count));
      longer.set(into);
      longer.set(bytes.subarray(0, count), at);
      return { count, longer };
    };
    const createSyncAccessHandle = () =>
      attempt(() => {
        if (isLocked) throw new DOMException('locked', 'NoModificationAllowedError');
        isLocked = true;
        return {
          getSize: () => content.length,
          read: (buffer: Uint8Array, { at }: { at: number }) => {
            buffer.set(content.subarray(at, at + buffer.length));
            return buffer.length;
          },
          write: (bytes: Uint8Array, { at }: { at: number }) => {
            const { count, longer } = put(bytes, at, content);
            content = longer;
            return count;
          },
          truncate: (size: number) => {
            content = content.slice(0, size);
          },
          flush: () => undefined,
          close: () => {
            isLocked = false;
          },
        };
      });
    const createWritable = () =>
      attempt(() => {
        let swap = content.slice();
        return {
          write: ({ position, data }: { position: number; data: Uint8Array }) =>
            attempt(() => {
              const { count, longer } = put(data, position, swap);
              if (count < data.length) throw quotaExceeded();
              swap = longer;
            }),
          close: () =>
            attempt(() => {
              content = swap;
            }),
        };
      });
    return {
      kind: 'file',
      name,
      getFile: () =>
        attempt(() => {
          if (!isThere()) throw notFound();
          return new File([content], name);
        }),
      ...(this.synchronous ? { createSyncAccessHandle } : { createWritable }),
    };
  }
}

function attempt<Result>(work: () => Result): Promise<Result> {
  return Promise.resolve().then(work);
}
