import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ActivationType } from '../../src/engine/ops/activation';
import { cachedAttention, writeCache } from '../../src/engine/ops/cached-attention';
import { Bench, FORMS, openTestGpu, type TestGpu } from '../gpu';
import { attentionReference } from '../reference/attention';
import { nearestHalves, randomFloats, relativeError } from '../reference/numeric';

// Sums of at most 200 terms in f32: a few times sqrt(200) * 2^-24 = 8e-7; exp2 may be 3 + 2 |x| ulp off by WGSL's rules.
const TOLERANCE = 1e-5;
const CAPACITY = 300;
// A software GPU compiles a kernel for seconds, on a busy machine for a minute.
const COMPILE_TIMEOUT = 600_000;
/** What outputs hold before. */
const POISON = 12345;

interface Shape {
  readonly first: number;
  readonly tokens: number;
  readonly count: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  /** Of the cache, f32 unless said. */
  readonly type?: ActivationType;
}

const SHAPES: readonly Shape[] = [
  { first: 0, tokens: 1, count: 1, heads: 1, kvHeads: 1, headDim: 64 },
  { first: 199, tokens: 1, count: 1, heads: 4, kvHeads: 2, headDim: 64 },
  { first: 127, tokens: 1, count: 1, heads: 2, kvHeads: 1, headDim: 128 },
  { first: 20, tokens: 1, count: 1, heads: 2, kvHeads: 2, headDim: 6 },
  { first: 30, tokens: 1, count: 1, heads: 2, kvHeads: 1, headDim: 32, type: 'f16' },
  { first: 150, tokens: 6, count: 4, heads: 3, kvHeads: 1, headDim: 80 },
  { first: 20, tokens: 5, count: 5, heads: 2, kvHeads: 2, headDim: 6 },
  { first: 20, tokens: 6, count: 5, heads: 3, kvHeads: 1, headDim: 6, type: 'f16' },
  // More than a tile of queries, none of them in the last tile.
  { first: 0, tokens: 130, count: 70, heads: 2, kvHeads: 1, headDim: 32 },
  { first: 30, tokens: 70, count: 69, heads: 4, kvHeads: 2, headDim: 32, type: 'f16' },
  { first: 77, tokens: 130, count: 128, heads: 4, kvHeads: 2, headDim: 64 },
];

describe.each(FORMS)('$form', ({ without }) => {
  let context: TestGpu;
  beforeAll(async () => {
    context = await openTestGpu({ without });
  });
  afterAll(() => context.gpu.destroy());

  it.each(SHAPES)(
    '$count of $tokens queries at $first join the cache and attend to it, $heads/$kvHeads x $headDim',
    async (shape) => {
      const { first, tokens, count, heads, kvHeads, headDim, type = 'f32' } = shape;
      const length = first + count;
      const width = kvHeads * headDim;
      const q = randomFloats(length * heads * headDim, 1, 2);
      // Numbers of 11 bits are stored as they are whichever way an adapter rounds.
      const stored = type === 'f16' ? nearestHalves : (values: Float32Array<ArrayBuffer>) => values;
      const k = stored(randomFloats(length * width, 2, 2));
      const v = stored(randomFloats(length * width, 3));
      const bench = new Bench(context);
      const range = bench.raw('range', [2], 'u32', Uint32Array.of(first, count));
      // The rows to come are NaN until they are written, and so is what lies behind them.
      const [kCache, vCache] = ([k, v] as const).map((values, i) => {
        const contents = new Float32Array(CAPACITY * width).fill(NaN);
        contents.set(values.subarray(0, first * width));
        const cache = bench.input(`cache ${i}`, [CAPACITY, width], contents, type);
        const source = piece(values, width, first, tokens);
        const input = bench.input(`source ${i}`, [tokens, width], source);
        writeCache(bench.plan, {
          label: 'write',
          source: input,
          cache,
          range,
          tokens,
          width,
          capacity: CAPACITY,
        });
        return cache;
      });
      if (!kCache || !vCache) throw new Error('there are two caches');
      const out = bench.output('out', [tokens, heads * headDim], POISON);
      cachedAttention(bench.plan, {
        label: 'attention',
        q: bench.input('q', [tokens, heads * headDim], piece(q, heads * headDim, first, tokens)),
        kCache,
        vCache,
        out,
        range,
        tokens,
        heads,
        kvHeads,
        headDim,
        capacity: CAPACITY,
      });
      await bench.run();
      const expected = attentionReference(
        { tokens: length, heads, kvHeads, headDim },
        { q, k, v, sequenceStarts: new Uint32Array(length) },
      ).out.slice(first * heads * headDim);
      const actual = await bench.read(out);
      expect(relativeError(actual.slice(0, expected.length), expected)).toBeLessThan(TOLERANCE);
      expect(actual.slice(expected.length).every((value) => value === POISON)).toBe(true);
      const cached = await bench.read(kCache);
      expect(cached.slice(0, length * width)).toEqual(k);
      expect(cached.slice(length * width).every(Number.isNaN)).toBe(true);
      bench.destroy();
    },
    COMPILE_TIMEOUT,
  );
});

/** Rows from `first` on, padded to `tokens` rows with a value that must not matter. */
function piece(
  values: Float32Array<ArrayBuffer>,
  width: number,
  first: number,
  tokens: number,
): Float32Array<ArrayBuffer> {
  const rows = new Float32Array(tokens * width).fill(9);
  rows.set(values.subarray(first * width));
  return rows;
}
