/** NF4 and Q8_0 quantisation in plain TypeScript, f32 rounding where bitsandbytes and ggml have it. */

import { at } from './numeric';

const { fround, abs } = Math;

/** Nearest values of an ascending code book, ties to the lower, for values scaled by the rounded reciprocal of the largest magnitude. */
function quantizeBlock(
  values: Float32Array,
  codeBook: Float32Array,
): { largest: number; codes: number[] } {
  const largest = values.reduce((most, value) => Math.max(most, abs(value)), 0);
  const reciprocal = largest === 0 ? 0 : fround(1 / largest);
  const codes = Array.from(values, (value) => {
    const scaled = fround(value * reciprocal);
    let code = 0;
    while (code + 1 < codeBook.length) {
      if (scaled <= fround((at(codeBook, code) + at(codeBook, code + 1)) / 2)) break;
      code++;
    }
    return code;
  });
  return { largest, codes };
}

function blocksOf(values: Float32Array, size: number): Float32Array[] {
  return Array.from({ length: Math.ceil(values.length / size) }, (_, block) =>
    values.subarray(block * size, (block + 1) * size),
  );
}

/** One code an element, and one scale a block of `size`. */
export function quantizeBlocks(
  values: Float32Array,
  codeBook: Float32Array,
  size: number,
): { codes: number[]; scales: number[] } {
  const blocks = blocksOf(values, size).map((block) => quantizeBlock(block, codeBook));
  return {
    codes: blocks.flatMap(({ codes }) => codes),
    scales: blocks.map(({ largest }) => largest),
  };
}

/** ggml's Q8_0: signed codes, and scales before they are rounded to f16. */
export function quantizeQ8Reference(values: Float32Array): { codes: number[]; scales: number[] } {
  const blocks = blocksOf(values, 32).map((block) => {
    const largest = block.reduce((most, value) => Math.max(most, abs(value)), 0);
    const scale = fround(largest / 127);
    const reciprocal = scale === 0 ? 0 : fround(1 / scale);
    const codes = Array.from(block, (value) => {
      const scaled = fround(abs(value) * reciprocal);
      const whole = Math.floor(scaled);
      return Math.sign(value) * (scaled - whole >= 0.5 ? whole + 1 : whole) + 0;
    });
    return { codes, scale };
  });
  return {
    codes: blocks.flatMap(({ codes }) => codes),
    scales: blocks.map(({ scale }) => scale),
  };
}
