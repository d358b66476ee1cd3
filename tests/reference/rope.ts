/** Plain f64 rotary embedding, the reference of `shaders/rope.wesl`. */

import { at } from './numeric';

/** `x` [tokens, heads · headDim], rotated by angles that are rounded to f32 as transformers rounds them. */
export function ropeReference(
  x: ArrayLike<number>,
  positions: readonly number[],
  frequencies: ArrayLike<number>,
  heads: number,
): Float64Array {
  const out = Float64Array.from(x);
  const half = frequencies.length;
  positions.forEach((position, token) => {
    for (let head = 0; head < heads; head++) {
      for (let i = 0; i < half; i++) {
        const angle = Math.fround(position * at(frequencies, i));
        const low = (token * heads + head) * 2 * half + i;
        const high = low + half;
        out[low] = at(x, low) * Math.cos(angle) - at(x, high) * Math.sin(angle);
        out[high] = at(x, high) * Math.cos(angle) + at(x, low) * Math.sin(angle);
      }
    }
  });
  return out;
}
