/** The number tables of NF4 (Dettmers et al. 2023), with the bits that bitsandbytes gives them. */

import { NF4_TABLE_WORDS } from './weight';

/** The 16 values of a code: quantiles of the normal distribution. */
export const NF4_CODE_BOOK = Float32Array.of(
  -1,
  -0.6961928009986877,
  -0.5250730514526367,
  -0.39491748809814453,
  -0.28444138169288635,
  -0.18477343022823334,
  -0.09105003625154495,
  0,
  0.07958029955625534,
  0.16093020141124725,
  0.24611230194568634,
  0.33791524171829224,
  0.44070982933044434,
  0.5626170039176941,
  0.7229568362236023,
  1,
);

/**
 * bitsandbytes' signed dynamic map of 256 values for quantised scales: seven decades, each with twice as many steps as the one below,
 * computed in f32 in the order in which PyTorch's `linspace` rounds.
 */
export function dynamicMap(): Float32Array<ArrayBuffer> {
  const values = [0, 1];
  for (let decade = 0; decade < 7; decade++) {
    const points = 2 ** decade + 1;
    const power = Math.fround(10 ** (decade - 6));
    for (let k = 0; k + 1 < points; k++) {
      const sum = Math.fround(linspacePoint(k, points) + linspacePoint(k + 1, points));
      const value = Math.fround((sum / 2) * power);
      values.push(value, -value);
    }
  }
  return Float32Array.from(values).sort();
}

/** Point `k` of `count` from 0.1 to 1. PyTorch counts up to the middle from the start and from there on down from the end. */
function linspacePoint(k: number, count: number): number {
  const start = Math.fround(0.1);
  const step = Math.fround((1 - start) / (count - 1));
  return Math.fround(k < Math.floor(count / 2) ? start + step * k : 1 - step * (count - 1 - k));
}

/**
 * The mean of all block scales, which bitsandbytes takes off before it quantises them. f32 sums depend on their order; this is the order
 * of PyTorch's CPU kernel on one thread (`aten/src/ATen/native/cpu/SumKernel.cpp`): 4 x 8 interleaved partial sums, each a cascade of
 * four levels. Above 32,768 scales PyTorch's own last bit depends on its number of threads.
 */
export function nf4Offset(absmax: Float32Array): number {
  const lanes = absmax.length < 8 ? 1 : 8;
  const whole = absmax.length - (absmax.length % lanes);
  const partials = interleavedSums(absmax.subarray(0, whole), lanes);
  let total = 0;
  for (const value of absmax.subarray(whole)) total = Math.fround(total + value);
  for (const value of partials) total = Math.fround(total + value);
  return Math.fround(total / absmax.length);
}

const INTERLEAVED = 4;
const LEVELS = 4;

/** The sum of every `lanes`-th value, by lane. */
function interleavedSums(values: Float32Array, lanes: number): Float32Array {
  const row = lanes * INTERLEAVED;
  const rows = Math.floor(values.length / row);
  const sums = cascadeSums(values, row, rows);
  const result = sums.slice(0, lanes);
  for (let i = rows * row; i < values.length; i++) add(result, i % lanes, values[i]);
  for (let i = lanes; i < row; i++) add(result, i % lanes, sums[i]);
  return result;
}

/** Column sums of `rows` rows of `width`, where partial sums move up a level every `step`, step², ... rows. */
function cascadeSums(values: Float32Array, width: number, rows: number): Float32Array {
  const power = Math.max(4, Math.floor((rows > 1 ? Math.ceil(Math.log2(rows)) : 0) / LEVELS));
  const step = 2 ** power;
  const levels = Array.from({ length: LEVELS }, () => new Float32Array(width));
  const [lowest = new Float32Array(width), ...higher] = levels;
  const addRow = (r: number): void => {
    for (let c = 0; c < width; c++) add(lowest, c, values[r * width + c]);
  };
  let r = 0;
  while (r + step <= rows) {
    for (const end = r + step; r < end; r++) addRow(r);
    let below = lowest;
    for (const [index, level] of higher.entries()) {
      below.forEach((value, c) => add(level, c, value));
      below.fill(0);
      below = level;
      if (r % step ** (index + 2) !== 0) break;
    }
  }
  for (; r < rows; r++) addRow(r);
  for (const level of higher) level.forEach((value, c) => add(lowest, c, value));
  return lowest;
}

/** Float32Array rounds what is stored to f32. */
function add(sums: Float32Array, index: number, value = 0): void {
  sums[index] = (sums[index] ?? 0) + value;
}

/**
 * What stands before the nested scales in an NF4 weight's `scales` tensor.
 * @param offset of the scales; 0 for `nf4_flat`.
 */
export function nf4Table(
  offset: number,
  codeBook: Float32Array = NF4_CODE_BOOK,
  scaleMap: Float32Array = dynamicMap(),
): Float32Array<ArrayBuffer> {
  const table = new Float32Array(NF4_TABLE_WORDS);
  table.set(codeBook);
  table.set(scaleMap, 16);
  table[16 + 256] = offset;
  return table;
}
