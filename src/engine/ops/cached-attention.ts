/** Attention of new tokens to all tokens before them, whose keys and values a cache holds: what generation runs. */

import { f32, linearWorkgroups, u32, type Plan } from '../plan';
import type { Tensor } from '../tensor';
import { storageConditions } from './activation';

const WORKGROUP_SIZE = 128;

/**
 * Writes the first range[1] rows of `source` into `cache`, from row range[0] on. Rows past the capacity are dropped.
 */
export function writeCache(
  plan: Plan,
  write: {
    readonly label: string;
    /** [tokens, width] */
    readonly source: Tensor;
    /** [capacity, width], f32 or f16 */
    readonly cache: Tensor;
    /** u32 [2]: position of the first row, count of valid rows. */
    readonly range: Tensor;
    readonly tokens: number;
    readonly width: number;
    readonly capacity: number;
  },
): void {
  const { label, source, cache, range, tokens, width, capacity } = write;
  plan.dispatch({
    label: `${label} cache`,
    kernel: {
      module: 'write_cache',
      constants: { workgroup_size: WORKGROUP_SIZE },
      conditions: storageConditions({ out: [cache] }),
    },
    params: [u32(tokens), u32(width), u32(capacity)],
    tensors: [source, cache, range],
    workgroups: linearWorkgroups(Math.ceil((tokens * width) / WORKGROUP_SIZE)),
    cost: tokens * width,
  });
}

/**
 * out = softmax(q · kᵀ / √headDim) · v, where query i stands at position range[0] + i and attends to cache rows 0 to there. The rows of
 * the queries themselves must have been written before. Rows of `out` from range[1] on become zero. The work follows range[0], not
 * the capacity.
 */
export function cachedAttention(
  plan: Plan,
  attention: {
    readonly label: string;
    /** [tokens, heads · headDim] */
    readonly q: Tensor;
    /** [capacity, kvHeads · headDim], f32 or f16, as `vCache`. */
    readonly kCache: Tensor;
    /** [capacity, kvHeads · headDim] */
    readonly vCache: Tensor;
    /** [tokens, heads · headDim] */
    readonly out: Tensor;
    /** u32 [2]: position of the first query, count of valid queries. */
    readonly range: Tensor;
    /** 1 for decoding, more for the pieces of a prompt. */
    readonly tokens: number;
    readonly heads: number;
    readonly kvHeads: number;
    /** At most 128. */
    readonly headDim: number;
    readonly capacity: number;
  },
): void {
  const { label, q, kCache, vCache, out, range, tokens, heads, kvHeads, headDim, capacity } =
    attention;
  if (headDim > WORKGROUP_SIZE) {
    throw new Error(`${label}: heads of ${headDim}; at most ${WORKGROUP_SIZE} are possible`);
  }
  plan.dispatch({
    label: `${label} cached`,
    kernel: {
      module: 'attention/cached',
      constants: { workgroup_size: WORKGROUP_SIZE, head_dim: headDim },
      conditions: storageConditions({ x: [kCache, vCache] }),
    },
    params: [u32(heads), u32(kvHeads), f32(1 / Math.sqrt(headDim))],
    tensors: [q, kCache, vCache, out, range],
    workgroups: [heads, tokens, 1],
    // The plan is recorded before the cache is filled: of a multiply-add for keys and one for values, half are counted.
    cost: tokens * heads * headDim * capacity,
  });
}
