/**
 * Causal attention with grouped queries over packed examples, without a matrix of scores: forward keeps the logarithm of each softmax's
 * sum, from which backward computes probabilities again (Dao et al. 2022).
 *
 * A workgroup keeps 64 rows of one side (queries, or keys in the gradients of keys and values) while the other side passes by 32 rows
 * at a time; both products are outer products in registers, of numbers that workgroup memory (16 KiB) holds.
 */

import { f32, linearWorkgroups, u32, type Dispatch, type Plan } from '../plan';
import type { Tensor } from '../tensor';
import { storageConditions } from './activation';

/** Rows that a workgroup keeps; also its invocations. */
export const TILE = 64;
/** Rows that pass by at a time, and numbers of a row that are multiplied at a time. */
const BLOCK = 32;
/** The widest head whose sums have a place in registers. */
const MAXIMUM_HEAD_DIM = 128;

/**
 * Tensors and shapes of one attention. `heads` query heads share `kvHeads` heads of keys and values, in consecutive groups. q, k, v and out
 * are all f32 or all f16; gradients are f32.
 */
export interface Attention {
  readonly label: string;
  /** [tokens, heads · headDim] */
  readonly q: Tensor;
  /** [tokens, kvHeads · headDim] */
  readonly k: Tensor;
  /** [tokens, kvHeads · headDim] */
  readonly v: Tensor;
  /** [tokens, heads · headDim], overwritten by forward. */
  readonly out: Tensor;
  /** [tokens, heads]: log of the sum of exp(scores), overwritten by forward. */
  readonly logSumExp: Tensor;
  /** u32 [tokens]: token t attends to tokens sequenceStarts[t] to t. Never decreases, since examples lie one after another. */
  readonly sequenceStarts: Tensor;
  readonly tokens: number;
  /** The most tokens that one example can have; all of them unless said. Only the cost depends on it. */
  readonly longest?: number;
  readonly heads: number;
  readonly kvHeads: number;
  /** At most 128. */
  readonly headDim: number;
}

/** out = softmax(q · kᵀ / √headDim) · v; also overwrites `logSumExp`. */
export function attentionForward(plan: Plan, attention: Attention): void {
  const { label, q, k, v, out, logSumExp, sequenceStarts, tokens, heads } = attention;
  plan.dispatch({
    ...attentionKernel('attention/forward', attention, {
      held: [q],
      passing: [k],
      passing_other: [v],
      out: [out],
    }),
    label: `${label} forward`,
    tensors: [q, k, v, out, logSumExp, sequenceStarts],
    workgroups: [Math.ceil(tokens / TILE), heads, 1],
    cost: 2 * pairCost(attention),
  });
}

/** Overwrites dQ, dK and dV, given the gradient of `out`; `q`, `k`, `v`, `out` and `logSumExp` are those of forward. */
export function attentionBackward(
  plan: Plan,
  attention: Attention & {
    /** [tokens, heads · headDim] */
    readonly dOut: Tensor;
    /** [tokens, heads], scratch: sums over a head of dOut · out. */
    readonly rowDot: Tensor;
    /** [tokens, heads · headDim] */
    readonly dQ: Tensor;
    /** [tokens, kvHeads · headDim] */
    readonly dK: Tensor;
    /** [tokens, kvHeads · headDim] */
    readonly dV: Tensor;
  },
): void {
  const { label, q, k, v, out, logSumExp, sequenceStarts, dOut, rowDot, dQ, dK, dV } = attention;
  const { tokens, heads, kvHeads, headDim } = attention;
  const tiles = Math.ceil(tokens / TILE);
  plan.dispatch({
    label: `${label} row products`,
    kernel: {
      module: 'attention/row_dot',
      constants: { workgroup_size: TILE },
      conditions: storageConditions({ x: [out] }),
    },
    params: [u32(tokens * heads), u32(headDim)],
    tensors: [out, dOut, rowDot],
    workgroups: linearWorkgroups(Math.ceil((tokens * heads) / TILE)),
    cost: tokens * heads * headDim,
  });
  plan.dispatch({
    ...attentionKernel('attention/query_gradient', attention, {
      held: [q],
      passing: [k],
      passing_other: [v],
      held_other: [dOut],
      out: [dQ],
    }),
    label: `${label} query gradient`,
    tensors: [q, k, v, dQ, dOut, logSumExp, rowDot, sequenceStarts],
    workgroups: [tiles, heads, 1],
    cost: 3 * pairCost(attention),
  });
  plan.dispatch({
    ...attentionKernel('attention/key_gradient', attention, {
      held: [k],
      passing: [q],
      passing_other: [dOut],
      held_other: [v],
      out: [dK],
    }),
    label: `${label} key gradient`,
    tensors: [k, q, dOut, dK, v, logSumExp, rowDot, sequenceStarts],
    workgroups: [tiles, kvHeads, 1],
    cost: 3 * pairCost(attention),
  });
  plan.dispatch({
    ...attentionKernel('attention/value_gradient', attention, {
      held: [k],
      passing: [q],
      passing_other: [dOut],
      out: [dV],
    }),
    label: `${label} value gradient`,
    tensors: [k, q, dOut, dV, logSumExp, sequenceStarts],
    workgroups: [tiles, kvHeads, 1],
    cost: 2 * pairCost(attention),
  });
}

/** Multiply-adds of one product of all query-key pairs with rows of a head, were all examples as long as they can be. */
function pairCost({ tokens, longest = tokens, heads, headDim }: Attention): number {
  return (tokens * (longest + 1) * heads * headDim) / 2;
}

/**
 * Program and parameters that the kernels of `shaders/attention/` by tiles share; `roles` are the tensors of their bindings
 * (`attention/rows.wesl`).
 */
export function attentionKernel(
  module: string,
  shape: Pick<Attention, 'label' | 'tokens' | 'heads' | 'kvHeads' | 'headDim'>,
  roles: Readonly<Record<string, readonly Tensor[]>>,
  conditions: Readonly<Record<string, boolean>> = {},
): Pick<Dispatch, 'kernel' | 'params'> {
  const { label, tokens, heads, kvHeads, headDim } = shape;
  if (headDim > MAXIMUM_HEAD_DIM) {
    throw new Error(`${label}: heads of ${headDim}; at most ${MAXIMUM_HEAD_DIM} are possible`);
  }
  if (heads % kvHeads !== 0) {
    throw new Error(`${label}: ${heads} heads cannot share ${kvHeads} heads of keys and values`);
  }
  return {
    kernel: {
      module,
      conditions: {
        ...blockConditions(headDim),
        ...storageConditions(roles),
        // The form for software adapters reads four numbers at a time.
        ...(headDim % 4 !== 0 && { subgroup_tile: false }),
        ...conditions,
      },
    },
    params: [
      u32(tokens),
      u32(heads),
      u32(kvHeads),
      u32(headDim),
      f32(1 / Math.sqrt(headDim)),
      u32(8 * Math.ceil(headDim / BLOCK)),
      u32(BLOCK),
      u32(headDim > 64 ? 16 : 32),
    ],
  };
}

/** `over_32`, ...: which blocks of 32 a row has. */
function blockConditions(headDim: number): Record<string, boolean> {
  return {
    over_32: headDim > 32,
    over_64: headDim > 64,
    over_96: headDim > 96,
  };
}
