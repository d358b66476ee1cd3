/** Rotary position embedding (Su et al. 2021) in Hugging Face's half-split form. */

import { linearWorkgroups, u32, type Plan } from '../plan';
import type { Tensor } from '../tensor';
import { storageConditions } from './activation';

const WORKGROUP_SIZE = 64;
/** Heads that one invocation turns by the sine and cosine it computed. */
const HEADS_PER_INVOCATION = 4;

/**
 * Rotates, in place, elements i and i + headDim / 2 of every head of `x` [tokens, heads · headDim] by positions[token] · frequencies[i].
 *
 * The angle is that product rounded to f32, as transformers computes it. It is reduced to ±π/4 without loss, so that its sine and
 * cosine are right within 2e-7 for positions up to 131,072 and beyond, whatever the precision of the GPU's own functions.
 */
export function rope(
  plan: Plan,
  rotation: {
    readonly label: string;
    /** f32 or f16 */
    readonly x: Tensor;
    /** u32 [tokens], the place of a token within its example. */
    readonly positions: Tensor;
    /** [headDim / 2], in radians a position, scaling applied. */
    readonly frequencies: Tensor;
    readonly tokens: number;
    readonly heads: number;
    /** Even. */
    readonly headDim: number;
    /** Rotates back, which is what backward does to the gradient. */
    readonly inverse?: boolean;
  },
): void {
  const { label, tokens, heads, headDim, inverse = false } = rotation;
  const headGroups = Math.ceil(heads / HEADS_PER_INVOCATION);
  const count = (tokens * headGroups * headDim) / 2;
  plan.dispatch({
    label: `${label} ${inverse ? 'backward' : 'forward'}`,
    kernel: {
      module: 'rope',
      constants: { workgroup_size: WORKGROUP_SIZE, heads_per_invocation: HEADS_PER_INVOCATION },
      conditions: { ...storageConditions({ x: [rotation.x] }), inverse },
    },
    params: [u32(tokens), u32(heads), u32(headDim)],
    tensors: [rotation.x, rotation.positions, rotation.frequencies],
    workgroups: linearWorkgroups(Math.ceil(count / WORKGROUP_SIZE)),
    cost: 3 * tokens * heads * headDim,
  });
}
