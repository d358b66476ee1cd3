import { InputError } from '../errors';
import { decodeUtf8, type ByteSource } from './byte-source';
import { isJsonObject, parseJson, type JsonObject } from './json';
import { quoted } from './quoted';
import { DTYPE_BYTES, isSafetensorsDtype, type SafetensorsDtype } from './tensor-dtype';

/** Where one tensor of a safetensors file lies. */
export interface TensorEntry {
  readonly name: string;
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  readonly source: ByteSource;
  /** Bytes from the start of the file. */
  readonly offset: number;
  /** Bytes. */
  readonly length: number;
}

/** The checked header of a safetensors file. */
export interface Safetensors {
  readonly metadata: Readonly<Record<string, string>>;
  /** In the order of their bytes in the file. */
  readonly tensors: ReadonlyMap<string, TensorEntry>;
}

/** Bytes in front of the JSON header: its length, little-endian. */
export const LENGTH_BYTES = 8;
export const METADATA_KEY = '__metadata__';
const MAXIMUM_HEADER_BYTES = 16 * 1024 * 1024;
/** Some 30,000 tensors; the largest Llama in NF4 has 6,000. */
const MAXIMUM_HEADER_VALUES = 250_000;

/**
 * Reads and checks the header of a safetensors file; tensors stay where they are. As strict as the format's own library (offsets in
 * the file, no overlap, no gap, nothing after the last tensor, shapes that match their bytes), and stricter where that one is silent:
 * a key that comes twice is refused, because readers disagree on which of the two counts, and a header may have 16 MiB, not 100 MB.
 *
 * @throws InputError that names the file and, where one is at fault, the tensor.
 */
export async function openSafetensors(source: ByteSource): Promise<Safetensors> {
  const header = await readHeader(source);
  const dataStart = LENGTH_BYTES + header.length;
  const text = decodeUtf8(header.bytes, source.name);
  const limits = { depth: 3, values: MAXIMUM_HEADER_VALUES, unsignedIntegers: true };
  const json = parseJson(text, source.name, limits);
  if (!isJsonObject(json)) throw new InputError('the header is not a JSON object', place(source));

  const entries = Object.entries(json)
    .filter(([name]) => name !== METADATA_KEY)
    .map(([name, value]) => readEntry(name, value, source, dataStart))
    .sort((a, b) => a.offset - b.offset || a.length - b.length);
  checkCoverage(entries, source, dataStart);
  return {
    metadata: readMetadata(json, source),
    tensors: new Map(entries.map((entry) => [entry.name, entry])),
  };
}

/**
 * The bytes of a tensor, all or a part: `length` bytes from `start` on.
 *
 * @throws Error where these reach out of the tensor: a fault of the program, not of the file
 */
export async function readTensor(
  tensor: TensorEntry,
  start = 0,
  length = tensor.length - start,
): Promise<Uint8Array<ArrayBuffer>> {
  if (start < 0 || length < 0 || start + length > tensor.length) {
    throw new Error(`bytes ${start} to ${start + length} of ${tensor.name} do not exist`);
  }
  return tensor.source.read(tensor.offset + start, length);
}

/** How many elements a shape has; undefined where that is no exact number. A shape without dimensions has one. */
export function elementCount(shape: readonly number[]): number | undefined {
  let count = 1;
  for (const size of shape) {
    count *= size;
    if (!Number.isSafeInteger(count)) return undefined;
  }
  return count;
}

async function readHeader(source: ByteSource): Promise<{ bytes: Uint8Array; length: number }> {
  if (source.size < LENGTH_BYTES) {
    throw new InputError(
      `the file has ${source.size} bytes, too few for a safetensors file`,
      place(source),
    );
  }
  const start = new DataView((await source.read(0, LENGTH_BYTES)).buffer);
  const length = start.getBigUint64(0, true);
  if (length > MAXIMUM_HEADER_BYTES) {
    throw new InputError(
      `the header claims ${length.toString()} bytes, more than the ${MAXIMUM_HEADER_BYTES} it may have; this is no safetensors file or it is damaged`,
      place(source),
    );
  }
  if (LENGTH_BYTES + Number(length) > source.size) {
    throw new InputError(
      `the header claims ${length.toString()} bytes, but the file ends before; it is cut short`,
      place(source),
    );
  }
  const bytes = await source.read(LENGTH_BYTES, Number(length));
  return { bytes, length: Number(length) };
}

function readEntry(
  name: string,
  value: unknown,
  source: ByteSource,
  dataStart: number,
): TensorEntry {
  const fail = (what: string): never => {
    throw new InputError(`the tensor ${quoted(name)} ${what}`, place(source));
  };
  if (!isJsonObject(value)) return fail('is not described by a JSON object');
  const { dtype, shape, data_offsets: offsets } = value;
  if (typeof dtype !== 'string') return fail('has no dtype');
  if (!isSafetensorsDtype(dtype)) return fail(`has the unknown dtype ${quoted(dtype)}`);
  if (!isNumberList(shape)) return fail('has no shape');
  if (!isNumberList(offsets) || offsets.length !== 2) return fail('has no pair of data_offsets');
  const [begin = 0, end = 0] = offsets;
  if (begin > end) return fail('ends before it begins');
  if (end > source.size - dataStart) {
    return fail(
      `reaches to byte ${dataStart + end}, but the file has ${source.size}; it is cut short`,
    );
  }
  const elements = elementCount(shape);
  const bytes = elements === undefined ? undefined : elements * DTYPE_BYTES[dtype];
  if (bytes !== end - begin) {
    return fail(
      `has ${end - begin} bytes, which does not match its shape [${shape.slice(0, 8).join(', ')}] in ${dtype}`,
    );
  }
  return { name, dtype, shape, source, offset: dataStart + begin, length: end - begin };
}

function readMetadata(header: JsonObject, source: ByteSource): Record<string, string> {
  const metadata = header[METADATA_KEY] ?? {};
  const strings = isJsonObject(metadata) ? Object.entries(metadata).filter(isStringEntry) : [];
  if (!isJsonObject(metadata) || strings.length !== Object.keys(metadata).length) {
    throw new InputError(`${METADATA_KEY} may hold only strings`, place(source));
  }
  return Object.fromEntries(strings);
}

function checkCoverage(
  entries: readonly TensorEntry[],
  source: ByteSource,
  dataStart: number,
): void {
  let end = dataStart;
  for (const entry of entries) {
    if (entry.offset !== end) {
      const what =
        entry.offset < end ? 'overlaps the one before it' : 'leaves a gap after the one before it';
      throw new InputError(`the tensor ${quoted(entry.name)} ${what}`, place(source));
    }
    end += entry.length;
  }
  if (end !== source.size) {
    throw new InputError(
      `${source.size - end} bytes after the last tensor belong to none`,
      place(source),
    );
  }
}

function isNumberList(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'number');
}

function isStringEntry(entry: [string, unknown]): entry is [string, string] {
  return typeof entry[1] === 'string';
}

function place(source: ByteSource): { file: string } {
  return { file: source.name };
}
