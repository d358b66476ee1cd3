import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ActivationType } from '../../src/engine/ops/activation';
import {
  attentionBackward,
  attentionForward,
  type Attention,
} from '../../src/engine/ops/attention';
import fixture from '../fixtures/kernels/attention.json';
import {
  attentionBackwardReference,
  attentionReference,
  type AttentionInputs,
  type AttentionShape,
} from '../reference/attention';
import { Bench, FORMS, openTestGpu, type TestGpu } from '../gpu';
import {
  finiteDifferences,
  HALF_ROUNDING,
  nearestHalves,
  randomFloats,
  relativeError,
} from '../reference/numeric';

// Scores are sums of at most 128 products, sums over keys of at most 130 terms, all in f32: a few times sqrt(130) * 2^-24 = 7e-7.
// exp2 may be 3 + 2 |x| ulp off by WGSL's rules, here up to 4e-6.
const TOLERANCE = 2e-5;

// A software GPU compiles each kernel for seconds, on a busy machine for a minute; afterwards its driver remembers them.
const COMPILE_TIMEOUT = 600_000;

/** Every count of 32-wide blocks, full and ragged; one head, groups of heads; tokens below, at and past a tile. */
const SHAPES: AttentionShape[] = [
  { tokens: 1, heads: 1, kvHeads: 1, headDim: 16 },
  { tokens: 67, heads: 4, kvHeads: 2, headDim: 32 },
  { tokens: 9, heads: 3, kvHeads: 3, headDim: 6 },
  { tokens: 130, heads: 2, kvHeads: 2, headDim: 64 },
  { tokens: 64, heads: 3, kvHeads: 1, headDim: 48 },
  { tokens: 65, heads: 2, kvHeads: 1, headDim: 80 },
  { tokens: 66, heads: 2, kvHeads: 1, headDim: 96 },
  { tokens: 35, heads: 1, kvHeads: 1, headDim: 102 },
  { tokens: 70, heads: 4, kvHeads: 2, headDim: 128 },
];

/** Of those that are kept in 16 bits: rows of one block and of four, one of an odd number of words. */
const HALF_SHAPES: AttentionShape[] = [
  { tokens: 67, heads: 4, kvHeads: 2, headDim: 32 },
  { tokens: 9, heads: 3, kvHeads: 3, headDim: 6 },
  { tokens: 35, heads: 1, kvHeads: 1, headDim: 102 },
];

let ownContext: TestGpu;
beforeAll(async () => {
  ownContext = await openTestGpu();
});
afterAll(() => ownContext.gpu.destroy());

describe.each(FORMS)('$form', ({ without }) => {
  let context: TestGpu;
  beforeAll(async () => {
    context = await openTestGpu({ without });
  });
  afterAll(() => context.gpu.destroy());

  it.each(SHAPES)(
    'computes outputs and gradients like the reference, $tokens x $heads/$kvHeads x $headDim',
    async (shape) => {
      const inputs = randomInputs(shape, 1);
      const dOut = randomFloats(inputs.q.length, 4);
      const expected = attentionReference(shape, inputs);
      const gradients = attentionBackwardReference(shape, inputs, dOut);
      const actual = await runAttention(shape, inputs, dOut, { context });
      expect(relativeError(actual.out, expected.out)).toBeLessThan(TOLERANCE);
      expect(relativeError(actual.logSumExp, expected.logSumExp)).toBeLessThan(TOLERANCE);
      expect(relativeError(actual.dQ, gradients.dQ)).toBeLessThan(TOLERANCE);
      expect(relativeError(actual.dK, gradients.dK)).toBeLessThan(TOLERANCE);
      expect(relativeError(actual.dV, gradients.dV)).toBeLessThan(TOLERANCE);
    },
    COMPILE_TIMEOUT,
  );
});

it.each(HALF_SHAPES)(
  'keeps q, k, v and out in 16 bits, $tokens x $heads/$kvHeads x $headDim',
  async (shape) => {
    const whole = randomInputs(shape, 11);
    const { q, k, v } = whole;
    const kept = { ...whole, q: nearestHalves(q), k: nearestHalves(k), v: nearestHalves(v) };
    const dOut = randomFloats(q.length, 14);
    const expected = attentionReference(shape, kept);
    const actual = await runAttention(shape, kept, dOut, { type: 'f16' });
    expect(relativeError(actual.out, expected.out)).toBeLessThan(HALF_ROUNDING);
    // All else is f32, from what was kept.
    const gradients = attentionBackwardReference(shape, kept, dOut, actual.out);
    expect(relativeError(actual.logSumExp, expected.logSumExp)).toBeLessThan(TOLERANCE);
    expect(relativeError(actual.dQ, gradients.dQ)).toBeLessThan(TOLERANCE);
    expect(relativeError(actual.dK, gradients.dK)).toBeLessThan(TOLERANCE);
    expect(relativeError(actual.dV, gradients.dV)).toBeLessThan(TOLERANCE);
  },
  COMPILE_TIMEOUT,
);

it('gives the outputs and gradients of PyTorch', async () => {
  const { shape, q, k, v, dOut, sequenceStarts, ...expected } = fixture.attention;
  const inputs = {
    q: Float32Array.from(q),
    k: Float32Array.from(k),
    v: Float32Array.from(v),
    sequenceStarts: Uint32Array.from(sequenceStarts),
  };
  const actual = await runAttention(shape, inputs, Float32Array.from(dOut));
  expect(relativeError(actual.out, expected.out)).toBeLessThan(TOLERANCE);
  expect(relativeError(actual.dQ, expected.dQ)).toBeLessThan(TOLERANCE);
  expect(relativeError(actual.dK, expected.dK)).toBeLessThan(TOLERANCE);
  expect(relativeError(actual.dV, expected.dV)).toBeLessThan(TOLERANCE);
});

it('gives packed examples what each gives alone', async () => {
  const shape = { tokens: 130, heads: 2, kvHeads: 1, headDim: 16 };
  const inputs = randomInputs(shape, 5, [0, 70]);
  const dOut = randomFloats(inputs.q.length, 6);
  const packed = await runAttention(shape, inputs, dOut);

  const alone = { ...shape, tokens: 60 };
  const rest = (values: Float32Array<ArrayBuffer>, width: number): Float32Array<ArrayBuffer> =>
    values.slice(70 * width);
  const second = await runAttention(
    alone,
    {
      q: rest(inputs.q, 32),
      k: rest(inputs.k, 16),
      v: rest(inputs.v, 16),
      sequenceStarts: new Uint32Array(60),
    },
    rest(dOut, 32),
  );
  expect(relativeError(second.out, rest(packed.out, 32))).toBeLessThan(TOLERANCE);
  expect(relativeError(second.dQ, rest(packed.dQ, 32))).toBeLessThan(TOLERANCE);
  expect(relativeError(second.dK, rest(packed.dK, 16))).toBeLessThan(TOLERANCE);
  expect(relativeError(second.dV, rest(packed.dV, 16))).toBeLessThan(TOLERANCE);
});

it('stays finite where scores are large', async () => {
  const shape = { tokens: 40, heads: 1, kvHeads: 1, headDim: 32 };
  const inputs = randomInputs(shape, 7, [0], 60);
  const dOut = randomFloats(inputs.q.length, 8);
  const expected = attentionReference(shape, inputs);
  const actual = await runAttention(shape, inputs, dOut);
  // Scores of about 1e4 carry a rounding of 1e-3, which is the relative error of their exponentials.
  expect(relativeError(actual.out, expected.out)).toBeLessThan(1e-2);
  expect(Math.max(...expected.logSumExp)).toBeGreaterThan(1000);
  expect([...actual.dQ, ...actual.dK, ...actual.dV].every(Number.isFinite)).toBe(true);
});

it('the reference gradients agree with finite differences', () => {
  const shape = { tokens: 5, heads: 2, kvHeads: 1, headDim: 4 };
  const inputs = randomInputs(shape, 9, [0, 2]);
  const dOut = randomFloats(inputs.q.length, 10);
  const { dQ, dK, dV } = attentionBackwardReference(shape, inputs, dOut);
  const slope = (name: 'q' | 'k' | 'v'): Float64Array =>
    finiteDifferences(
      (values) =>
        attentionReference(shape, { ...inputs, [name]: values }).out.reduce(
          (sum, value, i) => sum + value * (dOut[i] ?? NaN),
          0,
        ),
      inputs[name],
    );
  // Central differences with a step of 1e-5 err by about 1e-10 in f64.
  expect(relativeError(dQ, slope('q'))).toBeLessThan(1e-8);
  expect(relativeError(dK, slope('k'))).toBeLessThan(1e-8);
  expect(relativeError(dV, slope('v'))).toBeLessThan(1e-8);
});

interface Inputs extends AttentionInputs {
  readonly q: Float32Array<ArrayBuffer>;
  readonly k: Float32Array<ArrayBuffer>;
  readonly v: Float32Array<ArrayBuffer>;
  readonly sequenceStarts: Uint32Array<ArrayBuffer>;
}

/** Examples begin at `starts`, by default two of uneven length and one token of padding at the end. */
function randomInputs(
  { tokens, heads, kvHeads, headDim }: AttentionShape,
  seed: number,
  starts = [0, Math.floor(tokens / 3), tokens - 1],
  scale = 2,
): Inputs {
  return {
    q: randomFloats(tokens * heads * headDim, seed, scale),
    k: randomFloats(tokens * kvHeads * headDim, seed + 1, scale),
    v: randomFloats(tokens * kvHeads * headDim, seed + 2),
    sequenceStarts: Uint32Array.from({ length: tokens }, (_, t) =>
      Math.max(...starts.filter((start) => start <= t)),
    ),
  };
}

async function runAttention(
  shape: AttentionShape,
  inputs: Inputs,
  dOut: Float32Array<ArrayBuffer>,
  {
    context = ownContext,
    type = 'f32',
  }: { readonly context?: TestGpu; readonly type?: ActivationType } = {},
): Promise<Record<'out' | 'logSumExp' | 'dQ' | 'dK' | 'dV', Float32Array<ArrayBuffer>>> {
  const { tokens, heads, kvHeads, headDim } = shape;
  const queries = [tokens, heads * headDim];
  const keys = [tokens, kvHeads * headDim];
  const bench = new Bench(context);
  const attention: Attention = {
    label: 'attention',
    q: bench.input('q', queries, inputs.q, type),
    k: bench.input('k', keys, inputs.k, type),
    v: bench.input('v', keys, inputs.v, type),
    out: bench.output('out', queries, NaN, type),
    logSumExp: bench.output('logSumExp', [tokens, heads]),
    sequenceStarts: bench.raw('sequenceStarts', [tokens], 'u32', inputs.sequenceStarts),
    ...shape,
  };
  const gradients = {
    dQ: bench.output('dQ', queries),
    dK: bench.output('dK', keys),
    dV: bench.output('dV', keys),
  };
  attentionForward(bench.plan, attention);
  attentionBackward(bench.plan, {
    ...attention,
    ...gradients,
    dOut: bench.input('dOut', queries, dOut),
    rowDot: bench.output('rowDot', [tokens, heads]),
  });
  await bench.run();
  const results = {
    out: await bench.read(attention.out),
    logSumExp: await bench.read(attention.logSumExp),
    dQ: await bench.read(gradients.dQ),
    dK: await bench.read(gradients.dK),
    dV: await bench.read(gradients.dV),
  };
  bench.destroy();
  return results;
}
