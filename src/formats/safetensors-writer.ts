import { elementCount, LENGTH_BYTES, METADATA_KEY } from './safetensors';
import { DTYPE_BYTES, type SafetensorsDtype } from './tensor-dtype';

interface TensorHead {
  readonly name: string;
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
}

/** A tensor to be written whose bytes are in memory. */
export interface TensorInMemory extends TensorHead {
  readonly bytes: Uint8Array;
}

/** A tensor to be written; its bytes may also come piece by piece, asked for when its turn comes. */
export interface TensorToWrite extends TensorHead {
  readonly bytes: Uint8Array | (() => AsyncIterable<Uint8Array>);
}

interface Layout<Tensor> {
  /** The length and the JSON header, padded so that the data begin at a multiple of 8. */
  readonly header: Uint8Array<ArrayBuffer>;
  /** Larger elements first, then by name, so that every tensor lies at a multiple of its element's size. */
  readonly ordered: readonly Tensor[];
  readonly totalBytes: number;
}

/**
 * A safetensors file as a stream of byte pieces: header, then each tensor. Holds one piece at a time.
 *
 * @throws Error when names repeat or bytes do not match their shape: faults of the program, not of a person.
 */
export async function* writeSafetensors(
  tensors: Iterable<TensorToWrite>,
  metadata: Readonly<Record<string, string>> = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const { header, ordered } = layOut(tensors, metadata);
  yield header;
  for (const tensor of ordered) {
    if (tensor.bytes instanceof Uint8Array) {
      checkBytes(tensor, tensor.bytes.length);
      yield tensor.bytes;
      continue;
    }
    let written = 0;
    for await (const piece of tensor.bytes()) {
      written += piece.length;
      yield piece;
    }
    checkBytes(tensor, written);
  }
}

/** A safetensors file in one piece, for small ones; otherwise as writeSafetensors. */
export function encodeSafetensors(
  tensors: Iterable<TensorInMemory>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  const { header, ordered, totalBytes } = layOut(tensors, metadata);
  const file = new Uint8Array(totalBytes);
  file.set(header);
  let at = header.length;
  for (const tensor of ordered) {
    checkBytes(tensor, tensor.bytes.length);
    file.set(tensor.bytes, at);
    at += tensor.bytes.length;
  }
  return file;
}

/** How many bytes writeSafetensors will give for these tensors. */
export function safetensorsSize(
  tensors: Iterable<TensorHead>,
  metadata: Readonly<Record<string, string>> = {},
): number {
  return layOut(tensors, metadata).totalBytes;
}

function layOut<Tensor extends TensorHead>(
  tensors: Iterable<Tensor>,
  metadata: Readonly<Record<string, string>>,
): Layout<Tensor> {
  const ordered = [...tensors].sort(
    (a, b) => DTYPE_BYTES[b.dtype] - DTYPE_BYTES[a.dtype] || (a.name < b.name ? -1 : 1),
  );
  const header = new Map<string, unknown>();
  if (Object.keys(metadata).length > 0) header.set(METADATA_KEY, metadata);
  let end = 0;
  for (const tensor of ordered) {
    const { name, dtype, shape } = tensor;
    if (header.has(name) || name === METADATA_KEY) {
      throw new Error(`a safetensors file cannot hold two entries named ${name}`);
    }
    const begin = end;
    end += byteLength(tensor);
    header.set(name, { dtype, shape, data_offsets: [begin, end] });
  }
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(header)));
  const dataStart = Math.ceil((LENGTH_BYTES + json.length) / 8) * 8;
  const bytes = new Uint8Array(dataStart).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(dataStart - LENGTH_BYTES), true);
  bytes.set(json, LENGTH_BYTES);
  return { header: bytes, ordered, totalBytes: dataStart + end };
}

function byteLength({ name, dtype, shape }: TensorHead): number {
  const elements = elementCount(shape);
  if (elements === undefined) throw new Error(`the shape of ${name} is too large`);
  return elements * DTYPE_BYTES[dtype];
}

function checkBytes(tensor: TensorHead, bytes: number): void {
  const due = byteLength(tensor);
  if (bytes !== due) {
    throw new Error(`${tensor.name} has ${bytes} bytes, but its shape and dtype take ${due}`);
  }
}
