import type { ExampleKind } from './examples';
import { NOT_TRAINED } from './tokenize';

/** The shapes an example can have, in the order of their numbers in a record. */
const KINDS: readonly ExampleKind[] = ['document', 'prompt-completion', 'conversation', 'tokens'];

/** Kind, file and line. */
const HEADER_WORDS = 3;
const TRAINED_BIT = 0x80000000;
const OWN_LABELS_BIT = 0x80000000;

/** An example as it is stored. */
export interface TokenRecord {
  kind: ExampleKind;
  /** Place of its file among the dataset's. */
  fileNumber: number;
  /** 1-based first line in its file. */
  line: number;
  inputIds: Uint32Array;
  labels: Int32Array;
}

/**
 * A record as it is stored, in 32-bit words of the machine's order (little-endian wherever WebGPU runs): number of its kind, of its file,
 * and line; then one word a token, its id with the highest bit set where it is trained. Labels that are neither -100 nor the token itself,
 * which only pre-tokenised data can have, follow as words of their own.
 *
 * @returns the bytes, and the word of the table of lengths that says where the record ends
 */
export function encodeRecord(record: TokenRecord): {
  bytes: Uint8Array<ArrayBuffer>;
  lengthWord: number;
} {
  const { kind, fileNumber, line, inputIds, labels } = record;
  const { length } = inputIds;
  const ownLabels = labels.some((label, at) => label !== NOT_TRAINED && label !== inputIds[at]);
  const lengthWord = ownLabels ? (length | OWN_LABELS_BIT) >>> 0 : length;
  const words = new Uint32Array(recordBytes(lengthWord) / 4);
  words.set([KINDS.indexOf(kind), fileNumber, line]);
  inputIds.forEach((id, at) => {
    words[HEADER_WORDS + at] = !ownLabels && labels[at] === id ? id | TRAINED_BIT : id;
  });
  if (ownLabels) words.set(labels, HEADER_WORDS + length);
  return { bytes: new Uint8Array(words.buffer), lengthWord };
}

/** Tokens of the record of this word in the table of lengths. */
export function recordLength(lengthWord: number): number {
  return lengthWord & ~OWN_LABELS_BIT;
}

/** Bytes of the record of this word in the table of lengths. */
export function recordBytes(lengthWord: number): number {
  const length = recordLength(lengthWord);
  return 4 * (HEADER_WORDS + (lengthWord === length ? length : 2 * length));
}

/** What `encodeRecord` was given. @param length its tokens */
export function decodeRecord(
  bytes: Uint8Array<ArrayBuffer>,
  length: number,
): TokenRecord & { inputIds: Uint32Array<ArrayBuffer>; labels: Int32Array<ArrayBuffer> } {
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  const [kind = 0, fileNumber = 0, line = 1] = words;
  const tokens = words.subarray(HEADER_WORDS, HEADER_WORDS + length);
  const ownLabels = words.slice(HEADER_WORDS + length);
  return {
    kind: KINDS[kind] ?? 'document',
    fileNumber,
    line,
    inputIds: ownLabels.length > 0 ? tokens.slice() : tokens.map((word) => word & ~TRAINED_BIT),
    labels: ownLabels.length > 0 ? new Int32Array(ownLabels.buffer) : labelsOf(tokens),
  };
}

function labelsOf(tokens: Uint32Array): Int32Array<ArrayBuffer> {
  return Int32Array.from(tokens, (word) =>
    word >= TRAINED_BIT ? word - TRAINED_BIT : NOT_TRAINED,
  );
}
