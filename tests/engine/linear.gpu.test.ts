import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  biasGradient,
  linearForward,
  linearInputGradient,
  loraGradients,
  weightGradient,
  type Linear,
} from '../../src/engine/ops/linear';
import { declareWeight, denseWeight, type Weight } from '../../src/engine/weight';
import fixture from '../fixtures/kernels/linear.json';
import { Bench, openTestGpu, type TestGpu } from '../gpu';
import { dropoutMask } from '../reference/dropout';
import {
  linearBackwardReference,
  linearReference,
  matrix,
  type LinearCase,
} from '../reference/linear';
import { at, finiteDifferences, randomFloats, relativeError } from '../reference/numeric';
import { floats, makeLayer, placed, plus, TOLERANCE, type LayerShape } from './linear-layer';

const CASES: readonly LayerShape[] = [
  { tokens: 1, inputs: 1, outputs: 1, format: 'f32' },
  { tokens: 1, inputs: 128, outputs: 72, rank: 8, bias: true, format: 'f32' },
  { tokens: 5, inputs: 64, outputs: 40, rank: 4, format: 'nf4' },
  { tokens: 8, inputs: 136, outputs: 24, format: 'bf16' },
  { tokens: 3, inputs: 37, outputs: 19, rank: 3, dropout: 0.4, bias: true, format: 'f32' },
  { tokens: 70, inputs: 136, outputs: 72, rank: 8, dropout: 0.3, bias: true, format: 'f32' },
  { tokens: 33, inputs: 64, outputs: 200, rank: 16, format: 'f16' },
  { tokens: 20, inputs: 27, outputs: 31, rank: 5, format: 'f16' },
  { tokens: 65, inputs: 72, outputs: 136, bias: true, format: 'bf16' },
  { tokens: 9, inputs: 33, outputs: 65, format: 'bf16' },
  { tokens: 66, inputs: 192, outputs: 328, rank: 16, dropout: 0.1, format: 'nf4' },
  { tokens: 17, inputs: 40, outputs: 96, rank: 2, format: 'nf4' },
  { tokens: 10, inputs: 45, outputs: 23, rank: 64, format: 'nf4' },
  { tokens: 40, inputs: 128, outputs: 64, rank: 8, format: 'nf4_flat' },
  { tokens: 11, inputs: 50, outputs: 21, format: 'nf4_flat' },
  { tokens: 40, inputs: 96, outputs: 64, rank: 8, format: 'q8_0' },
  { tokens: 11, inputs: 35, outputs: 20, format: 'q8_0' },
  {
    tokens: 20,
    inputs: 24,
    outputs: 150,
    rank: 4,
    bias: true,
    format: 'f32',
    binding: 24 * 4 * 64,
  },
  { tokens: 2, inputs: 24, outputs: 70, rank: 4, bias: true, format: 'bf16', binding: 24 * 2 * 32 },
];

let context: TestGpu;
beforeAll(async () => {
  context = await openTestGpu();
});
afterAll(() => context.gpu.destroy());

describe.each(CASES)('a linear layer $inputs -> $outputs, $tokens tokens, $format', (shape) => {
  const { tokens, inputs, outputs, rank } = shape;

  it.each([false, true])('forward, accumulating: %s', async (accumulate) => {
    const bench = new Bench(context);
    const { linear, layer } = makeLayer(bench, shape);
    const before = randomFloats(tokens * outputs, 5);
    const out = accumulate
      ? bench.input('out', [tokens, outputs], before)
      : bench.output('out', [tokens, outputs]);
    const u = rank === undefined ? undefined : bench.output('u', [tokens, rank]);
    const x = bench.input('x', [tokens, inputs], floats(layer.x));
    linearForward(bench.plan, linear, { x, out, ...(u && { u }), tokens, accumulate });
    await bench.run();
    const expected = linearReference(layer);
    const total = accumulate ? plus(expected.out.values, before) : expected.out.values;
    expect(relativeError(await bench.read(out), total)).toBeLessThan(TOLERANCE);
    if (u && expected.u) {
      expect(relativeError(await bench.read(u), expected.u.values)).toBeLessThan(TOLERANCE);
    }
    bench.destroy();
  });

  it.each([false, true])('input gradient, accumulating: %s', async (accumulate) => {
    const bench = new Bench(context);
    const { linear, layer } = makeLayer(bench, shape);
    const before = randomFloats(tokens * inputs, 6);
    const dOut = matrix(tokens, outputs, randomFloats(tokens * outputs, 7));
    const dX = accumulate
      ? bench.input('dX', [tokens, inputs], before)
      : bench.output('dX', [tokens, inputs]);
    const g = rank === undefined ? undefined : bench.output('g', [tokens, rank]);
    linearInputGradient(bench.plan, linear, {
      dOut: bench.input('dOut', [tokens, outputs], floats(dOut)),
      ...(g && { g }),
      dX,
      tokens,
      accumulate,
    });
    await bench.run();
    const expected = linearBackwardReference(layer, dOut);
    const total = accumulate ? plus(expected.dX.values, before) : expected.dX.values;
    expect(relativeError(await bench.read(dX), total)).toBeLessThan(TOLERANCE);
    if (g && expected.g) {
      expect(relativeError(await bench.read(g), expected.g.values)).toBeLessThan(TOLERANCE);
    }
    bench.destroy();
  });
});

describe.each(CASES.filter(({ rank }) => rank !== undefined))(
  'adapter gradients of $inputs -> $outputs, rank $rank, $tokens tokens, dropout $dropout',
  (shape) => {
    it('adds them', async () => {
      const { tokens, inputs, outputs, rank = 0 } = shape;
      const bench = new Bench(context);
      const { linear, layer } = makeLayer(bench, shape);
      const dOut = matrix(tokens, outputs, randomFloats(tokens * outputs, 7));
      const { u } = linearReference(layer);
      const expected = linearBackwardReference(layer, dOut);
      if (!u || !expected.g || !expected.dA || !expected.dB) throw new Error('no adapter');
      const beforeA = matrix(rank, inputs, randomFloats(rank * inputs, 8));
      const beforeB = matrix(outputs, rank, randomFloats(outputs * rank, 9));
      const { data, offsets } = placed([beforeA, beforeB]);
      const gradients = bench.input('gradients', [20_000], data);
      const dA = gradients.view('dA', [rank, inputs], at(offsets, 0));
      const dB = gradients.view('dB', [outputs, rank], at(offsets, 1));
      loraGradients(bench.plan, linear, {
        x: bench.input('x', [tokens, inputs], floats(layer.x)),
        u: bench.input('u', [tokens, rank], floats(u)),
        g: bench.input('g', [tokens, rank], floats(expected.g)),
        dOut: bench.input('dOut', [tokens, outputs], floats(dOut)),
        dA,
        dB,
        tokens,
      });
      await bench.run();
      const sumA = plus(expected.dA.values, beforeA.values);
      const sumB = plus(expected.dB.values, beforeB.values);
      expect(relativeError(await bench.read(dA), sumA)).toBeLessThan(TOLERANCE);
      expect(relativeError(await bench.read(dB), sumB)).toBeLessThan(TOLERANCE);
      bench.destroy();
    });
  },
);

it.each([
  [1, 1, 1, 2 ** 27],
  [70, 136, 72, 2 ** 27],
  [19, 33, 21, 2 ** 27],
  [40, 24, 150, 24 * 4 * 64],
])('adds the gradients of weight and bias, %i x %i x %i', async (tokens, inputs, outputs, most) => {
  const bench = new Bench(context);
  const x = matrix(tokens, inputs, randomFloats(tokens * inputs, 1));
  const dOut = matrix(tokens, outputs, randomFloats(tokens * outputs, 2));
  const dWeight = declareWeight(bench.set, 'dWeight', [outputs, inputs], 'f32', most);
  for (const { rows, tensors } of dWeight.parts) {
    const [tensor] = tensors;
    if (tensor) bench.fill(tensor, new Float32Array(rows * inputs).fill(1));
  }
  const dBias = bench.output('dBias', [outputs], 1);
  const gradient = bench.input('dOut', [tokens, outputs], floats(dOut));
  weightGradient(bench.plan, {
    label: 'layer',
    x: bench.input('x', [tokens, inputs], floats(x)),
    dOut: gradient,
    dWeight,
    tokens,
  });
  biasGradient(bench.plan, { label: 'layer', dOut: gradient, dBias, tokens, features: outputs });
  await bench.run();
  const weight = matrix(outputs, inputs, new Float64Array(outputs * inputs));
  const expected = linearBackwardReference({ x, weight }, dOut);
  const actual = await Promise.all(
    dWeight.parts.flatMap(({ tensors }) => tensors.map((tensor) => bench.read(tensor))),
  );
  const added = Array.from(expected.dWeight.values, (value) => value + 1);
  expect(
    relativeError(
      actual.flatMap((part) => [...part]),
      added,
    ),
  ).toBeLessThan(TOLERANCE);
  const biases = expected.dBias.map((value) => value + 1);
  expect(relativeError(await bench.read(dBias), biases)).toBeLessThan(TOLERANCE);
  bench.destroy();
});

it('gives the values and gradients of PyTorch', async () => {
  const { tokens, inputs, outputs, rank, scale } = fixture;
  const bench = new Bench(context);
  const input = (name: keyof typeof fixture, shape: number[]) =>
    bench.input(name, shape, Float32Array.from(fixture[name] as number[]));
  const weight: Weight = denseWeight(input('weight', [outputs, inputs]));
  const seed = bench.raw('seed', [1], 'u32', Uint32Array.of(0));
  const linear: Linear = {
    label: 'layer',
    weight,
    bias: input('bias', [outputs]),
    lora: {
      rank,
      scale,
      A: input('A', [rank, inputs]),
      B: input('B', [outputs, rank]),
      dropout: 0,
      seed,
      site: 0,
    },
  };
  const x = input('x', [tokens, inputs]);
  const dOut = input('dOut', [tokens, outputs]);
  const out = bench.output('out', [tokens, outputs]);
  const u = bench.output('u', [tokens, rank]);
  const g = bench.output('g', [tokens, rank]);
  const dX = bench.output('dX', [tokens, inputs]);
  const dA = bench.output('dA', [rank, inputs], 0);
  const dB = bench.output('dB', [outputs, rank], 0);
  const dWeight = bench.output('dWeight', [outputs, inputs], 0);
  const dBias = bench.output('dBias', [outputs], 0);
  linearForward(bench.plan, linear, { x, out, u, tokens });
  linearInputGradient(bench.plan, linear, { dOut, g, dX, tokens, accumulate: false });
  loraGradients(bench.plan, linear, { x, u, g, dOut, dA, dB, tokens });
  weightGradient(bench.plan, { label: 'w', x, dOut, dWeight: denseWeight(dWeight), tokens });
  biasGradient(bench.plan, { label: 'b', dOut, dBias, tokens, features: outputs });
  await bench.run();
  const results = { out, dX, dA, dB, dWeight, dBias };
  for (const [name, tensor] of Object.entries(results)) {
    const expected = fixture.expected[name as keyof typeof results];
    expect(relativeError(await bench.read(tensor), expected), name).toBeLessThan(TOLERANCE);
  }
  bench.destroy();
});

it('the reference gradients agree with finite differences', () => {
  const [tokens, inputs, outputs, rank] = [3, 4, 5, 2];
  const values = {
    x: randomFloats(tokens * inputs, 1),
    weight: randomFloats(outputs * inputs, 2),
    bias: randomFloats(outputs, 3),
    A: randomFloats(rank * inputs, 4),
    B: randomFloats(outputs * rank, 5),
  };
  const mask = dropoutMask(tokens * inputs, 0.5, 1, 2);
  const layer = (v: Record<keyof typeof values, ArrayLike<number>>): LinearCase => ({
    x: matrix(tokens, inputs, v.x),
    weight: matrix(outputs, inputs, v.weight),
    bias: v.bias,
    lora: { A: matrix(rank, inputs, v.A), B: matrix(outputs, rank, v.B), scale: 0.5, mask },
  });
  const dOut = matrix(tokens, outputs, randomFloats(tokens * outputs, 6));
  const gradients = linearBackwardReference(layer(values), dOut);
  const analytic = {
    x: gradients.dX.values,
    weight: gradients.dWeight.values,
    bias: gradients.dBias,
    A: gradients.dA?.values ?? [],
    B: gradients.dB?.values ?? [],
  };
  for (const name of Object.keys(values) as (keyof typeof values)[]) {
    const loss = (point: Float64Array): number => {
      const { out } = linearReference(layer({ ...values, [name]: point }));
      return Array.from(out.values).reduce(
        (total, value, i) => total + value * at(dOut.values, i),
        0,
      );
    };
    // Central differences with a step of 1e-5 err by about 1e-10 in f64.
    const numeric = finiteDifferences(loss, values[name]);
    expect(relativeError(analytic[name], numeric), name).toBeLessThan(1e-8);
  }
});

it('drops the announced share, another one for every seed and site', () => {
  const count = 20_000;
  const first = dropoutMask(count, 0.3, 1, 1);
  const dropped = first.filter((factor) => factor === 0).length;
  // Six standard deviations of a binomial with p = 0.3.
  expect(Math.abs(dropped - 0.3 * count)).toBeLessThan(6 * Math.sqrt(count * 0.3 * 0.7));
  for (const other of [dropoutMask(count, 0.3, 2, 1), dropoutMask(count, 0.3, 1, 2)]) {
    const both = other.filter((factor, i) => factor === 0 && first[i] === 0).length;
    expect(Math.abs(both - 0.09 * count)).toBeLessThan(6 * Math.sqrt(count * 0.09 * 0.91));
  }
});
