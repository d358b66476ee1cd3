/** Random weights in every storage format, with the values that they stand for. */

import {
  NF4_BLOCK,
  NF4_NESTED_BLOCK,
  NF4_TABLE_WORDS,
  Q8_BLOCK,
  type WeightFormat,
} from '../../src/engine/weight';
import { at, randomFloats, randomSource } from './numeric';

/** The contents of a weight part's tensors, in their order, and its values. */
export interface EncodedWeight {
  readonly tensors: readonly (
    Float32Array<ArrayBuffer> | Uint16Array<ArrayBuffer> | Uint8Array<ArrayBuffer>
  )[];
  readonly values: Float64Array;
}

/** Value of an f16 that is not infinite or NaN. */
export function halfValue(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 0x3ff;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
}

/** Value of a bf16. */
export function bfloatValue(bits: number): number {
  return at(new Float32Array(Uint32Array.of(bits << 16).buffer), 0);
}

/** `count` random elements, in (-1, 1) or near it. */
export function randomWeight(format: WeightFormat, count: number, seed: number): EncodedWeight {
  const random = randomSource(seed);
  const below = (limit: number): number => Math.floor(random() * limit);
  switch (format) {
    case 'f32': {
      const values = randomFloats(count, seed);
      return { tensors: [values], values: Float64Array.from(values) };
    }
    case 'f16': {
      // Exponents of 2^-10 to 1, and subnormals now and then.
      const bits = Uint16Array.from({ length: count }, () =>
        below(20) === 0 ? below(1024) : (below(2) << 15) | ((5 + below(10)) << 10) | below(1024),
      );
      return { tensors: [bits], values: Float64Array.from(bits, halfValue) };
    }
    case 'bf16': {
      const bits = Uint16Array.from(
        { length: count },
        () => (below(2) << 15) | ((117 + below(10)) << 7) | below(128),
      );
      return { tensors: [bits], values: Float64Array.from(bits, bfloatValue) };
    }
    case 'q8_0': {
      const codes = Uint8Array.from({ length: count }, () => below(256));
      const scales = Uint16Array.from(
        { length: Math.ceil(count / Q8_BLOCK) },
        () => 0x1c00 + below(2048),
      );
      const values = Float64Array.from(
        codes,
        (code, i) =>
          (code < 128 ? code : code - 256) * halfValue(at(scales, Math.floor(i / Q8_BLOCK))),
      );
      return { tensors: [codes, scales], values };
    }
    case 'nf4':
    case 'nf4_flat':
      return randomNf4(format, count, seed, below);
  }
}

function randomNf4(
  format: 'nf4' | 'nf4_flat',
  count: number,
  seed: number,
  below: (limit: number) => number,
): EncodedWeight {
  const blocks = Math.ceil(count / NF4_BLOCK);
  const nested = Math.ceil(blocks / NF4_NESTED_BLOCK);
  const codes = Uint8Array.from({ length: Math.ceil(count / 2) }, () => below(256));
  const table = randomFloats(NF4_TABLE_WORDS, seed + 1);
  const absmaxCodes = Uint8Array.from({ length: blocks }, () => below(256));
  const nestedScales = randomFloats(nested, seed + 2);
  const flatScales = randomFloats(blocks, seed + 3);
  const scaleOf = (block: number): number =>
    format === 'nf4_flat'
      ? at(flatScales, block)
      : at(table, 16 + at(absmaxCodes, block)) * at(nestedScales, block >> 8) + at(table, 272);
  const values = new Float64Array(count).map((_, i) => {
    const byte = at(codes, i >> 1);
    const code = i % 2 === 0 ? byte >> 4 : byte & 15;
    return at(table, code) * scaleOf(Math.floor(i / NF4_BLOCK));
  });
  if (format === 'nf4_flat') return { tensors: [codes, flatScales, table], values };
  const scales = new Float32Array(NF4_TABLE_WORDS + nested);
  scales.set(table);
  scales.set(nestedScales, NF4_TABLE_WORDS);
  return { tensors: [codes, absmaxCodes, scales], values };
}
