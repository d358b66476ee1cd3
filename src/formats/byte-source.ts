import { InputError } from '../errors';
import { quoted } from './quoted';

/** Random access to the bytes of one file, wherever it lies: a Blob, a disk, the origin-private file system, memory. */
export interface ByteSource {
  /** File name as the person knows it. */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** Exactly `length` bytes from `offset` on, in a buffer of their own; anything less is an InputError. */
  read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>>;
}

/** A flat folder of files, as a model or an adapter comes. */
export interface FileFolder {
  readonly name: string;
  /** Plain file names, in no particular order. */
  readonly files: readonly string[];
  /** The file of that name, or undefined where the folder has none. */
  open(file: string): Promise<ByteSource | undefined>;
}

/** A ByteSource over bytes that are in memory; each read is a copy. */
export function memorySource(name: string, bytes: Uint8Array): ByteSource {
  return {
    name,
    size: bytes.length,
    read: (offset, length) =>
      Promise.resolve().then(() => {
        checkRange({ name, size: bytes.length }, offset, length);
        return new Uint8Array(bytes.subarray(offset, offset + length));
      }),
  };
}

/** A FileFolder over files that are in memory; strings become UTF-8. */
export function memoryFolder(
  name: string,
  files: Readonly<Record<string, Uint8Array | string>>,
): FileFolder {
  const encoder = new TextEncoder();
  const sources = new Map(
    Object.entries(files).map(([file, content]) => [
      file,
      memorySource(file, typeof content === 'string' ? encoder.encode(content) : content),
    ]),
  );
  return {
    name,
    files: [...sources.keys()],
    open: (file) => Promise.resolve(sources.get(file)),
  };
}

/** Throws an InputError unless `length` bytes from `offset` on lie inside the source: what every `read` checks first. */
export function checkRange(
  source: Pick<ByteSource, 'name' | 'size'>,
  offset: number,
  length: number,
): void {
  const whole = Number.isSafeInteger(offset) && Number.isSafeInteger(length);
  if (whole && offset >= 0 && length >= 0 && offset + length <= source.size) return;
  throw new InputError(
    `bytes ${offset} to ${offset + length} were asked for, but the file has ${source.size}; it is cut short or changed while it was read`,
    { file: source.name },
  );
}

/** The whole of a small file. One over `maximumBytes` is an InputError, thrown before anything is read. */
export async function readAll(
  source: ByteSource,
  maximumBytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  if (source.size > maximumBytes) {
    throw new InputError(
      `the file has ${source.size} bytes, more than the ${maximumBytes} that such a file may have`,
      { file: source.name },
    );
  }
  return source.read(0, source.size);
}

/** The whole of a small UTF-8 file as text, without a byte-order mark; bytes that are not UTF-8 are an InputError. */
export async function readText(source: ByteSource, maximumBytes: number): Promise<string> {
  return decodeUtf8(await readAll(source, maximumBytes), source.name);
}

/** Bytes as UTF-8 text, without a byte-order mark; what is not UTF-8 is an InputError that names the file. */
export function decodeUtf8(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new InputError('the text is not UTF-8', { file });
  }
}

/** The file of that name in the folder; a missing one is an InputError. */
export async function openRequired(folder: FileFolder, file: string): Promise<ByteSource> {
  const source = await folder.open(file);
  if (source === undefined) {
    throw new InputError(`the folder ${quoted(folder.name)} has no such file`, { file });
  }
  return source;
}
