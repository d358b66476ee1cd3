import { open, readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { InputError } from '../errors';
import { checkRange, type ByteSource, type FileFolder } from '../formats/byte-source';

/** What Node's one read may be asked for at most. */
const PIECE_BYTES = 2 ** 30;

/**
 * A file on disk. It is opened for each read and closed again, so that a folder of any number of files holds none open.
 *
 * @param path absolute
 */
export async function openNodeFile(path: string): Promise<ByteSource> {
  const information = await statOf(path);
  if (information?.isFile() !== true) {
    throw new InputError(information === undefined ? 'there is no such file' : 'this is no file', {
      file: path,
    });
  }
  return nodeSource(path, information.size);
}

/**
 * A folder on disk with the files right in it.
 *
 * @param path absolute
 */
export async function openNodeFolder(path: string): Promise<FileFolder> {
  const sources = new Map(
    (await filesIn(path)).map(({ name, size }) => [name, nodeSource(join(path, name), size)]),
  );
  return {
    name: basename(path),
    files: [...sources.keys()],
    open: (file) => Promise.resolve(sources.get(file)),
  };
}

/** The files right in a folder, links followed, sorted by name. */
export async function filesIn(path: string): Promise<{ name: string; size: number }[]> {
  const information = await statOf(path);
  if (information?.isDirectory() !== true) {
    throw new InputError(
      information === undefined ? 'there is no such folder' : 'this is no folder',
      { file: path },
    );
  }
  const names = (await readdir(path)).sort();
  const entries = await Promise.all(
    names.map(async (name) => ({ name, information: await statOf(join(path, name)) })),
  );
  return entries.flatMap(({ name, information: own }) =>
    own?.isFile() === true ? { name, size: own.size } : [],
  );
}

/** What lies at a path; undefined where nothing does. */
export function statOf(path: string) {
  return stat(path).catch((error: unknown) => {
    if (isMissing(error)) return undefined;
    throw new InputError(`cannot be read (${codeOf(error)})`, { file: path });
  });
}

function nodeSource(path: string, size: number): ByteSource {
  const name = basename(path);
  return {
    name,
    size,
    async read(offset, length) {
      checkRange({ name, size }, offset, length);
      const bytes = new Uint8Array(length);
      const handle = await open(path).catch((error: unknown) => {
        throw new InputError(`cannot be opened (${codeOf(error)})`, { file: path });
      });
      try {
        for (let done = 0; done < length;) {
          const wanted = Math.min(length - done, PIECE_BYTES);
          const { bytesRead } = await handle.read(bytes, done, wanted, offset + done);
          if (bytesRead === 0)
            throw new InputError('the file was cut while it was read', { file: name });
          done += bytesRead;
        }
      } finally {
        await handle.close();
      }
      return bytes;
    },
  };
}

function isMissing(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR'].includes(codeOf(error));
}

/** The system's name of an error, such as `EACCES`. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
