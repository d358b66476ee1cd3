/** Plain f64 clipping and AdamW, the reference of `shaders/optimizer/`. */

import type { UpdateSettings } from '../../src/engine/ops/optimizer';
import { at } from './numeric';

export interface AdamState {
  parameters: Float64Array;
  firstMoments: Float64Array;
  secondMoments: Float64Array;
}

/** torch's `clip_grad_norm_` factor for a global norm. */
export function clipFactor(norm: number, maxGradNorm: number): number {
  return maxGradNorm > 0 ? Math.min(1, maxGradNorm / (norm + 1e-6)) : 1;
}

/** One AdamW update as torch writes it. */
export function adamwReference(
  state: AdamState,
  gradients: ArrayLike<number>,
  settings: UpdateSettings,
  factor: number,
  decays: boolean,
): AdamState {
  const { learningRate, beta1, beta2, epsilon, weightDecay } = settings;
  const firstMoments = state.firstMoments.map(
    (m, i) => beta1 * m + (1 - beta1) * at(gradients, i) * factor,
  );
  const secondMoments = state.secondMoments.map(
    (v, i) => beta2 * v + (1 - beta2) * (at(gradients, i) * factor) ** 2,
  );
  const parameters = state.parameters.map((p, i) => {
    const kept = decays ? p * (1 - learningRate * weightDecay) : p;
    const m = at(firstMoments, i) / settings.biasCorrection1;
    const v = at(secondMoments, i) / settings.biasCorrection2;
    return kept - (learningRate * m) / (Math.sqrt(v) + epsilon);
  });
  return { parameters, firstMoments, secondMoments };
}
