/** SwiGLU (Shazeer 2020), the gate of Llama's feed-forward layer: silu(gate) · up. */

import { linearWorkgroups, u32, type Plan } from '../plan';
import type { Tensor } from '../tensor';

const WORKGROUP_SIZE = 128;
const constants = { workgroup_size: WORKGROUP_SIZE };

/** Tensors of one SwiGLU, `count` elements each. */
export interface Swiglu {
  readonly label: string;
  readonly gate: Tensor;
  readonly up: Tensor;
  readonly count: number;
}

/** out = silu(gate) · up, with silu(x) = x / (1 + exp(−x)). */
export function swiglu(plan: Plan, activation: Swiglu & { readonly out: Tensor }): void {
  const { label, gate, up, out, count } = activation;
  plan.dispatch({
    label: `${label} forward`,
    kernel: { module: 'swiglu', constants },
    params: [u32(count)],
    tensors: [gate, up, out],
    workgroups: linearWorkgroups(Math.ceil(count / 4 / WORKGROUP_SIZE)),
    cost: 8 * count,
  });
}

/** Replaces `gate` and `up` by their gradients, given that of the output, which stays. */
export function swigluBackward(plan: Plan, activation: Swiglu & { readonly dOut: Tensor }): void {
  const { label, gate, up, dOut, count } = activation;
  plan.dispatch({
    label: `${label} backward`,
    kernel: { module: 'swiglu_backward', constants },
    params: [u32(count)],
    tensors: [gate, up, dOut],
    workgroups: linearWorkgroups(Math.ceil(count / 4 / WORKGROUP_SIZE)),
    cost: 12 * count,
  });
}
