import { mkdtemp, open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ByteSink } from '../data/byte-sink';
import { InputError } from '../errors';
import { holdTemporary, removeTemporary } from './temporary';

const BUFFER_BYTES = 2 ** 20;

/** A ByteSink in a temporary file that must be closed. */
export interface FileSink extends ByteSink {
  /** Closes and removes the file. */
  close(): Promise<void>;
}

/** Opens a ByteSink over a temporary file of its own, so that data of any size take little memory. */
export async function openFileSink(): Promise<FileSink> {
  const folder = await mkdtemp(join(tmpdir(), 'tunesmith-'));
  holdTemporary(folder);
  const handle = await open(join(folder, 'tokens'), 'w+');
  const pending = new Uint8Array(BUFFER_BYTES);
  let pendingBytes = 0;
  let written = 0;

  const write = async (bytes: Uint8Array) => {
    for (let done = 0; done < bytes.length;) {
      const rest = bytes.length - done;
      done += (await handle.write(bytes, done, rest, written + done)).bytesWritten;
    }
    written += bytes.length;
  };
  const flush = async () => {
    const bytes = pending.slice(0, pendingBytes);
    pendingBytes = 0;
    await write(bytes);
  };

  return {
    get size() {
      return written + pendingBytes;
    },
    async append(bytes) {
      if (pendingBytes + bytes.length > BUFFER_BYTES) await flush();
      if (bytes.length > BUFFER_BYTES) return write(bytes);
      pending.set(bytes, pendingBytes);
      pendingBytes += bytes.length;
    },
    async read(offset, length) {
      if (pendingBytes > 0) await flush();
      if (offset < 0 || length < 0 || offset + length > written) {
        throw new InputError(`the stored tokens end at byte ${written}, before ${offset + length}`);
      }
      const bytes = new Uint8Array(length);
      for (let done = 0; done < length;) {
        const { bytesRead } = await handle.read(bytes, done, length - done, offset + done);
        if (bytesRead === 0) throw new Error('the temporary file of tokens was cut');
        done += bytesRead;
      }
      return bytes;
    },
    async close() {
      await handle.close();
      await removeTemporary(folder);
    },
  };
}
