/** Plain f64 cross-entropy, the reference of `shaders/cross_entropy.wesl`. */

import { at } from './numeric';

/** rowLoss [rows] and the gradient [rows, vocabulary] of lossScale · sum(rowLoss); rows with a negative target count for nothing. */
export function crossEntropyReference(
  logits: ArrayLike<number>,
  targets: ArrayLike<number>,
  vocabulary: number,
  lossScale: number,
): { rowLoss: Float64Array; gradient: Float64Array } {
  const rowLoss = new Float64Array(targets.length);
  const gradient = new Float64Array(targets.length * vocabulary);
  for (let row = 0; row < targets.length; row++) {
    const target = at(targets, row);
    if (target < 0) continue;
    const values = Array.from({ length: vocabulary }, (_, i) => at(logits, row * vocabulary + i));
    const largest = Math.max(...values);
    const sum = values.reduce((total, value) => total + Math.exp(value - largest), 0);
    rowLoss[row] = Math.log(sum) + largest - at(values, target);
    values.forEach((value, i) => {
      const probability = Math.exp(value - largest) / sum;
      gradient[row * vocabulary + i] = lossScale * (probability - (i === target ? 1 : 0));
    });
  }
  return { rowLoss, gradient };
}
