/** RMSNorm (Zhang and Sennrich 2019), as Llama uses it: no mean, no bias. */

import { f32, linearWorkgroups, u32, type Plan } from '../plan';
import type { Tensor } from '../tensor';

const WORKGROUP_SIZE = 64;
const constants = { workgroup_size: WORKGROUP_SIZE };

/** Tensors of one RMSNorm. */
export interface RmsNorm {
  readonly label: string;
  /** [tokens, hidden] */
  readonly x: Tensor;
  /** [hidden] */
  readonly weight: Tensor;
  /** [tokens], kept for backward. */
  readonly inverseRms: Tensor;
  readonly tokens: number;
  readonly hidden: number;
}

/** out = x / sqrt(mean(x²) + epsilon) · weight, by row; overwrites `out` [tokens, hidden] and `inverseRms`. */
export function rmsNorm(plan: Plan, norm: RmsNorm & { out: Tensor; epsilon: number }): void {
  const { label, tokens, hidden } = norm;
  plan.dispatch({
    label: `${label} forward`,
    kernel: { module: 'rms_norm', constants },
    params: [u32(tokens), u32(hidden), f32(norm.epsilon)],
    tensors: [norm.x, norm.weight, norm.out, norm.inverseRms],
    workgroups: linearWorkgroups(tokens),
    cost: 3 * tokens * hidden,
  });
}

/** Adds the input gradient to `dX` [tokens, hidden], given that of the output. */
export function rmsNormBackward(plan: Plan, norm: RmsNorm & { dOut: Tensor; dX: Tensor }): void {
  const { label, tokens, hidden } = norm;
  plan.dispatch({
    label: `${label} backward`,
    kernel: { module: 'rms_norm_backward', constants },
    params: [u32(tokens), u32(hidden)],
    tensors: [norm.x, norm.weight, norm.inverseRms, norm.dOut, norm.dX],
    workgroups: linearWorkgroups(tokens),
    cost: 6 * tokens * hidden,
  });
}

/** Adds the weight gradient to `dWeight` [hidden]. */
export function rmsNormWeightGradient(
  plan: Plan,
  norm: Omit<RmsNorm, 'weight'> & { dOut: Tensor; dWeight: Tensor },
): void {
  const { label, tokens, hidden } = norm;
  plan.dispatch({
    label: `${label} weight gradient`,
    kernel: { module: 'rms_norm_weight_gradient', constants },
    params: [u32(tokens), u32(hidden)],
    tensors: [norm.x, norm.inverseRms, norm.dOut, norm.dWeight],
    workgroups: [Math.ceil(hidden / WORKGROUP_SIZE), 1, 1],
    cost: 2 * tokens * hidden,
  });
}
