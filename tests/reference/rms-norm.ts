/** Plain f64 RMSNorm, the reference of `shaders/rms_norm*.wesl`. */

import { at } from './numeric';

/** out [tokens, hidden] and inverseRms [tokens]. */
export function rmsNormReference(
  x: ArrayLike<number>,
  weight: ArrayLike<number>,
  tokens: number,
  hidden: number,
  epsilon: number,
): { out: Float64Array; inverseRms: Float64Array } {
  const out = new Float64Array(tokens * hidden);
  const inverseRms = new Float64Array(tokens);
  for (let t = 0; t < tokens; t++) {
    let squares = 0;
    for (let i = 0; i < hidden; i++) squares += at(x, t * hidden + i) ** 2;
    const r = 1 / Math.sqrt(squares / hidden + epsilon);
    inverseRms[t] = r;
    for (let i = 0; i < hidden; i++)
      out[t * hidden + i] = at(x, t * hidden + i) * r * at(weight, i);
  }
  return { out, inverseRms };
}

/** Gradients of sum(dOut · out) with respect to x and weight. */
export function rmsNormBackwardReference(
  x: ArrayLike<number>,
  weight: ArrayLike<number>,
  dOut: ArrayLike<number>,
  tokens: number,
  hidden: number,
  epsilon: number,
): { dX: Float64Array; dWeight: Float64Array } {
  const { inverseRms } = rmsNormReference(x, weight, tokens, hidden, epsilon);
  const dX = new Float64Array(tokens * hidden);
  const dWeight = new Float64Array(hidden);
  for (let t = 0; t < tokens; t++) {
    const r = at(inverseRms, t);
    let dot = 0;
    for (let i = 0; i < hidden; i++) {
      const j = t * hidden + i;
      dot += at(dOut, j) * at(weight, i) * at(x, j);
      dWeight[i] = at(dWeight, i) + at(dOut, j) * at(x, j) * r;
    }
    for (let i = 0; i < hidden; i++) {
      const j = t * hidden + i;
      dX[j] = r * (at(dOut, j) * at(weight, i) - (at(x, j) * r * r * dot) / hidden);
    }
  }
  return { dX, dWeight };
}
