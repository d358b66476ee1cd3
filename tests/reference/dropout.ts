/** The dropout masks of `shaders/dropout.wesl`, bit for bit. */

function mix(value: number): number {
  let x = value >>> 0;
  x ^= x >>> 16;
  x = Math.imul(x, 0x7feb352d);
  x ^= x >>> 15;
  x = Math.imul(x, 0x846ca68b);
  x ^= x >>> 16;
  return x >>> 0;
}

/** 1 / (1 - probability) where an element is kept and 0 where it is dropped, for elements 0 to `count`. */
export function dropoutMask(
  count: number,
  probability: number,
  seed: number,
  site: number,
): Float64Array {
  const key = mix(seed ^ mix(site + 0x9e3779b9));
  const threshold = Math.floor(probability * 2 ** 32);
  const kept = Math.fround(1 / (1 - probability));
  return Float64Array.from({ length: count }, (_, element) =>
    mix((mix(element) ^ key) >>> 0) >= threshold ? kept : 0,
  );
}
