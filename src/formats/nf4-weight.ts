import { InputError } from '../errors';
import { decodeUtf8 } from './byte-source';
import { decodeFloats, firstNonFinite } from './float-codec';
import { parseJson } from './json';
import { JsonFields } from './json-fields';
import { quoted } from './quoted';
import { elementCount, readTensor, type TensorEntry } from './safetensors';
import type { Nf4Absmax, Nf4Weight } from './stored-weight';
import type { SafetensorsDtype } from './tensor-dtype';

/** Weights in a block that shares a scale; bitsandbytes' default and the only size read here. */
export const NF4_BLOCK_SIZE = 64;
/** Scales in a block that shares a scale of scales, likewise. */
export const NF4_NESTED_BLOCK_SIZE = 256;

const QUANT_STATE = '.quant_state.bitsandbytes__nf4';
const MAXIMUM_QUANT_STATE_BYTES = 4096;
const SIZES = { minimum: 1, maximum: Number.MAX_SAFE_INTEGER };
const FINITE = { minimum: -Number.MAX_VALUE, maximum: Number.MAX_VALUE };

type Tensors = ReadonlyMap<string, TensorEntry>;

/** Whether the files hold the weight `name` as bitsandbytes' NF4. */
export function isNf4Weight(name: string, tensors: Tensors): boolean {
  return tensors.has(name + QUANT_STATE);
}

/** The names that an NF4 weight takes up in its files, its own among them. */
export function nf4TensorNames(name: string, weight: Nf4Weight): string[] {
  const plain = [name, `${name}.absmax`, `${name}.quant_map`, name + QUANT_STATE];
  const nested = [`${name}.nested_absmax`, `${name}.nested_quant_map`];
  return weight.absmax.kind === 'nested' ? [...plain, ...nested] : plain;
}

/**
 * Gathers an NF4 weight from the tensors that bitsandbytes writes for it, and checks that they belong together. Codes and scales stay
 * in the file; only the two small code books are read.
 *
 * @param shape [out, in] that the model's configuration asks for
 */
export async function readNf4Weight(
  name: string,
  shape: readonly number[],
  tensors: Tensors,
): Promise<Nf4Weight> {
  const [out = 0, input = 0] = shape;
  const state = await readQuantState(tensor(tensors, name + QUANT_STATE), shape);
  const blocks = Math.ceil((out * input) / NF4_BLOCK_SIZE);
  const codes = tensor(tensors, name);
  check(codes, 'U8', Math.ceil((out * input) / 2));
  const quantMap = await readCodeBook(tensor(tensors, `${name}.quant_map`), 16);
  const scales = tensor(tensors, `${name}.absmax`);
  const absmax =
    scales.dtype === 'U8'
      ? await readNestedAbsmax(name, scales, blocks, state, tensors)
      : plainAbsmax(scales, blocks);
  return { kind: 'nf4', shape: [out, input], codes, quantMap, absmax, blocksize: NF4_BLOCK_SIZE };
}

async function readQuantState(entry: TensorEntry, shape: readonly number[]): Promise<JsonFields> {
  const place = `${entry.source.name}, tensor ${quoted(entry.name)}`;
  check(entry, 'U8');
  if (entry.length > MAXIMUM_QUANT_STATE_BYTES) fail(entry, 'is too long');
  const text = decodeUtf8(await readTensor(entry), place);
  const state = JsonFields.of(parseJson(text, place), place);
  if (state.string('quant_type') !== 'nf4') state.fail('quant_type', 'must be "nf4"');
  if (state.integer('blocksize', SIZES) !== NF4_BLOCK_SIZE) {
    state.fail('blocksize', `must be ${NF4_BLOCK_SIZE}`);
  }
  const stated = state.raw('shape');
  if (!Array.isArray(stated) || stated.join() !== shape.join()) {
    state.fail('shape', `must be [${shape.join(', ')}], as config.json has it`);
  }
  return state;
}

function plainAbsmax(scales: TensorEntry, blocks: number): Nf4Absmax {
  check(scales, 'F32', blocks);
  return { kind: 'f32', tensor: scales };
}

async function readNestedAbsmax(
  name: string,
  codes: TensorEntry,
  blocks: number,
  state: JsonFields,
  tensors: Tensors,
): Promise<Nf4Absmax> {
  check(codes, 'U8', blocks);
  if (state.integer('nested_blocksize', SIZES) !== NF4_NESTED_BLOCK_SIZE) {
    state.fail('nested_blocksize', `must be ${NF4_NESTED_BLOCK_SIZE}`);
  }
  if (state.string('nested_dtype', 'float32') !== 'float32') {
    state.fail('nested_dtype', 'must be "float32"');
  }
  const nestedAbsmax = tensor(tensors, `${name}.nested_absmax`);
  check(nestedAbsmax, 'F32', Math.ceil(blocks / NF4_NESTED_BLOCK_SIZE));
  return {
    kind: 'nested',
    codes,
    nestedAbsmax,
    nestedQuantMap: await readCodeBook(tensor(tensors, `${name}.nested_quant_map`), 256),
    nestedOffset: state.number('nested_offset', FINITE),
    nestedBlocksize: NF4_NESTED_BLOCK_SIZE,
  };
}

async function readCodeBook(
  entry: TensorEntry,
  values: number,
): Promise<Float32Array<ArrayBuffer>> {
  check(entry, 'F32', values);
  const book = decodeFloats(await readTensor(entry), 'F32');
  if (firstNonFinite(book) >= 0) fail(entry, 'holds a number that is not finite');
  return book;
}

function tensor(tensors: Tensors, name: string): TensorEntry {
  const entry = tensors.get(name);
  if (entry === undefined) {
    throw new InputError(`the tensor ${quoted(name)} of a weight in NF4 is missing`);
  }
  return entry;
}

function check(entry: TensorEntry, dtype: SafetensorsDtype, elements?: number): void {
  const count = elementCount(entry.shape);
  if (entry.dtype === dtype && (elements === undefined || count === elements)) return;
  const due = elements === undefined ? dtype : `${elements} elements of ${dtype}`;
  fail(
    entry,
    `of a weight in NF4 has ${count ?? 0} elements of ${entry.dtype} and must have ${due}`,
  );
}

function fail(entry: TensorEntry, what: string): never {
  throw new InputError(`the tensor ${quoted(entry.name)} ${what}`, { file: entry.source.name });
}
