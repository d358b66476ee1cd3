/**
 * The seed of one micro-batch's dropout: a pure function of the run's seed and of where the micro-batch stands, so that no generator's
 * state has to be saved and a step that is done again drops the same values.
 *
 * @param step index of the step, from 0.
 * @param microBatch index of the micro-batch within its step, from 0.
 * @returns 32 bits.
 */
export function dropoutSeed(seed: number, step: number, microBatch: number): number {
  return mix(mix(mix(seed) ^ step) ^ microBatch);
}

/** A bijection of 32 bits in which each bit of the input moves about half of the output's: the finaliser of MurmurHash3. */
function mix(value: number): number {
  let bits = (value + 0x9e3779b9) >>> 0;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}
