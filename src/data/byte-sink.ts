import { InputError } from '../errors';

/**
 * Where the tokens of a dataset go while it is built and come back from while it is trained on: memory, a temporary file, or the
 * origin-private file system. Only ever appended to.
 */
export interface ByteSink {
  /** Bytes appended so far. */
  readonly size: number;
  /** Appends a copy of the bytes. */
  append(bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** Exactly `length` bytes from `offset` on, in a buffer of their own. */
  read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>>;
}

/** A ByteSink in memory, for small data and tests. */
export function memorySink(): ByteSink {
  let bytes = new Uint8Array(1024);
  let size = 0;
  return {
    get size() {
      return size;
    },
    append(more) {
      if (size + more.length > bytes.length) {
        const larger = new Uint8Array(Math.max(2 * bytes.length, size + more.length));
        larger.set(bytes.subarray(0, size));
        bytes = larger;
      }
      bytes.set(more, size);
      size += more.length;
      return Promise.resolve();
    },
    read(offset, length) {
      if (offset < 0 || length < 0 || offset + length > size) {
        return Promise.reject(
          new InputError(`the stored tokens end at byte ${size}, before ${offset + length}`),
        );
      }
      return Promise.resolve(bytes.slice(offset, offset + length));
    },
  };
}
