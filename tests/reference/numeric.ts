/** Helpers that every reference and kernel test shares. */

import { decodeFloats, encodeFloats } from '../../src/formats/float-codec';

/**
 * What storing a number as f16 changes of it at most, relative to it: 11 significant bits, rounded up or down as WGSL leaves it to the
 * adapter. Sums that were made in f16 as well would be several times as far off.
 */
export const HALF_ROUNDING = 2 ** -10;

/** The f16 nearest to each number: what a kernel reads of activations that are stored so. */
export function nearestHalves(values: ArrayLike<number>): Float32Array<ArrayBuffer> {
  return decodeFloats(encodeFloats(Float32Array.from(values), 'F16'), 'F16');
}

/** `values[index]`, or an error instead of `undefined`: a reference that reads past its input is wrong. */
export function at(values: ArrayLike<number>, index: number): number {
  const value = values[index];
  if (value === undefined) throw new RangeError(`index ${index} of ${values.length}`);
  return value;
}

/** Deterministic pseudo-random numbers in (-1, 1) (mulberry32), rounded to f32 so that reference and GPU start from equal bits. */
export function randomFloats(count: number, seed: number, scale = 1): Float32Array<ArrayBuffer> {
  const random = randomSource(seed);
  return Float32Array.from({ length: count }, () => scale * (2 * random() - 1));
}

/** A generator of numbers in [0, 1). */
export function randomSource(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** ‖actual − expected‖ / ‖expected‖; NaN anywhere gives NaN. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) {
    throw new Error(`${actual.length} values where ${expected.length} are expected`);
  }
  let difference = 0;
  let norm = 0;
  for (let i = 0; i < expected.length; i++) {
    difference += (at(actual, i) - at(expected, i)) ** 2;
    norm += at(expected, i) ** 2;
  }
  return Math.sqrt(difference) / (Math.sqrt(norm) || 1);
}

/**
 * Gradient of `loss` by central differences in f64, for checking a reference's analytic gradient.
 * @param step small against the inputs and large against their rounding; the error is of order step².
 */
export function finiteDifferences(
  loss: (values: Float64Array) => number,
  values: ArrayLike<number>,
  step = 1e-5,
): Float64Array {
  const point = Float64Array.from(values);
  return point.map((value, index) => {
    point[index] = value + step;
    const above = loss(point);
    point[index] = value - step;
    const below = loss(point);
    point[index] = value;
    return (above - below) / (2 * step);
  });
}
