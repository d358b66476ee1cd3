import { checkRange } from '../formats/byte-source';
import { quotaErrorOr } from './errors';
import type { FileAppender } from './file-store';

/** The part used of the synchronous access that workers have to a file; TypeScript's DOM library leaves it out. */
export interface SyncAccessHandle {
  getSize(): number;
  read(buffer: Uint8Array, options: { at: number }): number;
  write(buffer: Uint8Array, options: { at: number }): number;
  truncate(size: number): void;
  flush(): void;
  close(): void;
}
export interface SyncFileHandle {
  readonly name: string;
  createSyncAccessHandle(): Promise<SyncAccessHandle>;
}

/** Writes through a synchronous access handle: what is appended outlives the tab at once, and a crash of the machine after `flush`. */
export async function openSyncAppender(file: SyncFileHandle): Promise<FileAppender> {
  const handle = await file.createSyncAccessHandle();
  let size = handle.getSize();
  const guarded = <Value>(work: () => Value): Promise<Value> =>
    Promise.resolve().then(() => {
      try {
        return work();
      } catch (error) {
        throw quotaErrorOr(error, file.name);
      }
    });
  return {
    get size() {
      return size;
    },
    append: (bytes) =>
      guarded(() => {
        try {
          for (let done = 0; done < bytes.length;) {
            const written = handle.write(bytes.subarray(done), { at: size + done });
            if (written === 0) throw new DOMException('no room', 'QuotaExceededError');
            done += written;
          }
        } catch (error) {
          // A piece of which only a part found room would be neither there nor not there.
          handle.truncate(size);
          throw error;
        }
        size += bytes.length;
      }),
    read: (offset, length) =>
      guarded(() => {
        checkRange({ name: file.name, size }, offset, length);
        const bytes = new Uint8Array(length);
        handle.read(bytes, { at: offset });
        return bytes;
      }),
    flush: () => guarded(() => handle.flush()),
    close: () =>
      guarded(() => {
        handle.flush();
        handle.close();
      }),
  };
}

/** Writes through a writable stream, whose bytes are in the file only once it is closed: `flush` closes it and opens another. */
export async function openWritableAppender(file: FileSystemFileHandle): Promise<FileAppender> {
  let size = (await file.getFile()).size;
  let kept = size;
  let stream: FileSystemWritableFileStream | undefined;
  const flush = async (): Promise<void> => {
    const ending = stream;
    stream = undefined;
    await ending?.close();
    kept = size;
  };
  const guarded = async <Value>(work: () => Promise<Value>): Promise<Value> => {
    try {
      return await work();
    } catch (error) {
      stream = undefined;
      size = kept;
      throw quotaErrorOr(error, file.name);
    }
  };
  return {
    get size() {
      return size;
    },
    append: (bytes) =>
      guarded(async () => {
        stream ??= await file.createWritable({ keepExistingData: true });
        await stream.write({ type: 'write', position: size, data: bytes });
        size += bytes.length;
      }),
    async read(offset, length) {
      checkRange({ name: file.name, size }, offset, length);
      await guarded(flush);
      const blob = (await file.getFile()).slice(offset, offset + length);
      return new Uint8Array(await blob.arrayBuffer());
    },
    flush: () => guarded(flush),
    close: () => guarded(flush),
  };
}
