/** Attention of new tokens to all tokens before them, whose keys and values a cache holds: what generation runs. */

import { f32, linearWorkgroups, u32, type Dispatch, type Plan } from '../plan';
import type { Tensor } from '../tensor';
import { storageConditions } from './activation';
import { attentionKernel, TILE } from './attention';

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

/** Attention of consecutive tokens to a cache. */
export interface CachedAttention {
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
}

/**
 * out = softmax(q · kᵀ / √headDim) · v, where query i stands at position range[0] + i and attends to cache rows 0 to there. The rows of
 * the queries themselves must have been written before. Rows of `out` from range[1] on are left as they are. The work follows range,
 * not the capacity.
 */
export function cachedAttention(plan: Plan, attention: CachedAttention): void {
  const { label, q, kCache, vCache, out, range, tokens, heads, headDim, capacity } = attention;
  plan.dispatch({
    ...(tokens === 1 ? ofOneToken(attention) : byTiles(attention)),
    label: `${label} cached`,
    tensors: [q, kCache, vCache, out, range],
    // The plan is recorded before the cache is filled: of a multiply-add for keys and one for values, half are counted.
    cost: tokens * heads * headDim * capacity,
  });
}

type Launch = Pick<Dispatch, 'kernel' | 'params' | 'workgroups'>;

function byTiles(attention: CachedAttention): Launch {
  const { q, kCache, vCache, out, tokens, heads } = attention;
  const roles = { held: [q], passing: [kCache], passing_other: [vCache], out: [out] };
  return {
    ...attentionKernel('attention/forward', attention, roles, { cached: true }),
    workgroups: [Math.ceil(tokens / TILE), heads, 1],
  };
}

function ofOneToken(attention: CachedAttention): Launch {
  const { label, kCache, vCache, heads, kvHeads, headDim } = attention;
  if (headDim > WORKGROUP_SIZE) {
    throw new Error(`${label}: heads of ${headDim}; at most ${WORKGROUP_SIZE} are possible`);
  }
  return {
    kernel: {
      module: 'attention/cached',
      constants: { workgroup_size: WORKGROUP_SIZE, head_dim: headDim },
      conditions: storageConditions({ x: [kCache, vCache] }),
    },
    params: [u32(heads), u32(kvHeads), f32(1 / Math.sqrt(headDim))],
    workgroups: [heads, 1, 1],
  };
}
