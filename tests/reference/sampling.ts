/** Plain f64 sampling, the reference of `shaders/sample.wesl`. */

import type { SamplingSettings } from '../../src/engine/ops/sampling';
import { at } from './numeric';

/** Probability of each token after temperature, top-k and top-p; equal logits are kept or left out together. */
export function samplingProbabilities(
  logits: ArrayLike<number>,
  { temperature, topK, topP }: Omit<SamplingSettings, 'seed'>,
): Float64Array {
  const scores = Float64Array.from(logits, (logit) => logit / temperature);
  const sorted = Float64Array.from(scores).sort().reverse();
  const largest = at(sorted, 0);
  let lowest = topK > 0 && topK < sorted.length ? at(sorted, topK - 1) : -Infinity;
  const weights = (): Float64Array =>
    scores.map((score) => (score >= lowest ? Math.exp(score - largest) : 0));
  if (topP < 1) {
    const total = weights().reduce((sum, weight) => sum + weight, 0);
    let above = 0;
    for (const score of sorted) {
      if (score < lowest || above >= topP * total) break;
      above += Math.exp(score - largest);
      // Those that equal this one are kept with it.
      if (above >= topP * total) lowest = Math.max(lowest, score);
    }
  }
  const kept = weights();
  const total = kept.reduce((sum, weight) => sum + weight, 0);
  return kept.map((weight) => weight / total);
}
