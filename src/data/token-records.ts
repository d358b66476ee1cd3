import type { ExampleKind } from './examples';
import { NOT_TRAINED } from './tokenize';

/** The shapes an example can have, in the order of their numbers in an index. */
export const KINDS: readonly ExampleKind[] = [
  'document',
  'prompt-completion',
  'conversation',
  'tokens',
];

const TRAINED_BIT = 0x80000000;

/**
 * Tokens and labels as they are stored: one 32-bit word a token in the machine's order (little-endian wherever WebGPU runs), its id with the highest bit set where it is trained. Labels that are
 * neither -100 nor the token itself, which only pre-tokenised data can have, follow as words of their own.
 *
 * @returns the bytes, and the form that says how to read them: the number of the kind, and labels of their own
 */
export function encodeRecord(
  kind: ExampleKind,
  inputIds: Uint32Array,
  labels: Int32Array,
): { bytes: Uint8Array<ArrayBuffer>; form: number } {
  const ownLabels = labels.some((label, at) => label !== NOT_TRAINED && label !== inputIds[at]);
  const words = new Uint32Array(inputIds.length * (ownLabels ? 2 : 1));
  inputIds.forEach((id, at) => {
    words[at] = !ownLabels && labels[at] === id ? id | TRAINED_BIT : id;
  });
  if (ownLabels) words.set(labels, inputIds.length);
  const form = KINDS.indexOf(kind) + (ownLabels ? KINDS.length : 0);
  return { bytes: new Uint8Array(words.buffer), form };
}

/** Bytes of the record of an example of this many tokens. */
export function recordBytes(length: number, form: number): number {
  return 4 * length * (form >= KINDS.length ? 2 : 1);
}

/** What `encodeRecord` was given, the kind aside. */
export function decodeRecord(
  bytes: Uint8Array<ArrayBuffer>,
  length: number,
): { inputIds: Uint32Array<ArrayBuffer>; labels: Int32Array<ArrayBuffer> } {
  const words = new Uint32Array(bytes.slice().buffer);
  if (words.length > length) {
    return { inputIds: words.slice(0, length), labels: new Int32Array(words.slice(length).buffer) };
  }
  const labels = Int32Array.from(words, (word) =>
    word >= TRAINED_BIT ? word - TRAINED_BIT : NOT_TRAINED,
  );
  return { inputIds: words.map((word) => word & ~TRAINED_BIT), labels };
}
