import { decodeFloats } from './float-codec';
import type { LlamaConfig } from './llama-config';
import { EMBEDDING, HEAD } from './llama-tensors';
import { elementCount, readTensor, type TensorEntry } from './safetensors';
import { DTYPE_BYTES, isDenseDtype } from './tensor-dtype';

type Tensors = ReadonlyMap<string, TensorEntry>;

/** Elements that are compared at once. */
const PIECE_ELEMENTS = 2 ** 20;

/**
 * What a model's files make of `tie_word_embeddings: true`, as transformers 5 has it: where they hold a head with other numbers than the
 * embedding's, the two are not tied; where they hold the head alone, it is the embedding too.
 */
export async function settleTiedHead(
  config: LlamaConfig,
  tensors: Tensors,
): Promise<{ config: LlamaConfig; tensors: Tensors }> {
  const [embedding, head] = [tensors.get(EMBEDDING), tensors.get(HEAD)];
  if (!config.tie_word_embeddings || head === undefined) return { config, tensors };
  if (embedding === undefined) {
    return { config, tensors: new Map(tensors).set(EMBEDDING, head) };
  }
  const tied = await holdTheSame(embedding, head);
  return { config: tied ? config : { ...config, tie_word_embeddings: false }, tensors };
}

/** Whether two tensors have the same shape and numbers. */
async function holdTheSame(a: TensorEntry, b: TensorEntry): Promise<boolean> {
  if (a.shape.join() !== b.shape.join()) return false;
  const elements = elementCount(a.shape) ?? 0;
  for (let start = 0; start < elements; start += PIECE_ELEMENTS) {
    const count = Math.min(PIECE_ELEMENTS, elements - start);
    const [ours, theirs] = [await floats(a, start, count), await floats(b, start, count)];
    if (ours === undefined || theirs === undefined) return false;
    if (ours.some((value, index) => value !== theirs[index])) return false;
  }
  return true;
}

/** Some elements of a tensor; undefined where it is no weight. */
async function floats(
  tensor: TensorEntry,
  start: number,
  count: number,
): Promise<Float32Array | undefined> {
  const { dtype } = tensor;
  if (!isDenseDtype(dtype)) return undefined;
  const bytes = DTYPE_BYTES[dtype];
  return decodeFloats(await readTensor(tensor, start * bytes, count * bytes), dtype);
}
