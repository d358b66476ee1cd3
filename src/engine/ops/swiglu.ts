/** SwiGLU (Shazeer 2020), the gate of Llama's feed-forward layer: silu(gate) · up. */

import { linearWorkgroups, u32, type Plan } from '../plan';
import type { Tensor } from '../tensor';
import { storageConditions } from './activation';

const WORKGROUP_SIZE = 128;
const constants = { workgroup_size: WORKGROUP_SIZE };

/** Tensors of one SwiGLU, `count` elements each. */
export interface Swiglu {
  readonly label: string;
  /** f32 or f16, as `up`. */
  readonly gate: Tensor;
  readonly up: Tensor;
  readonly count: number;
}

/** out = silu(gate) · up, with silu(x) = x / (1 + exp(−x)). */
export function swiglu(plan: Plan, activation: Swiglu & { readonly out: Tensor }): void {
  const { label, gate, up, out, count } = activation;
  plan.dispatch({
    label: `${label} forward`,
    kernel: { module: 'swiglu', constants, conditions: storageConditions({ x: [gate, up] }) },
    params: [u32(count)],
    tensors: [gate, up, out],
    workgroups: linearWorkgroups(Math.ceil(count / 4 / WORKGROUP_SIZE)),
    cost: 8 * count,
  });
}

/** Replaces `dOut`, the gradient of the output, by that of `gate`, and overwrites `dUp` with that of `up`; both are f32. */
export function swigluBackward(
  plan: Plan,
  activation: Swiglu & { readonly dOut: Tensor; readonly dUp: Tensor },
): void {
  const { label, gate, up, dOut, dUp, count } = activation;
  plan.dispatch({
    label: `${label} backward`,
    kernel: {
      module: 'swiglu_backward',
      constants,
      conditions: storageConditions({ x: [gate, up] }),
    },
    params: [u32(count)],
    tensors: [gate, up, dOut, dUp],
    workgroups: linearWorkgroups(Math.ceil(count / 4 / WORKGROUP_SIZE)),
    cost: 12 * count,
  });
}
