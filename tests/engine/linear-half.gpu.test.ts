/** The products of linear layers that read or write activations in 16 bits, in every form of the kernels. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { GpuFeatures } from '../../src/engine/gpu';
import { linearForward, loraGradients, weightGradient } from '../../src/engine/ops/linear';
import { denseWeight } from '../../src/engine/weight';
import { Bench, openTestGpu, type TestGpu } from '../gpu';
import { linearBackwardReference, linearReference, matrix } from '../reference/linear';
import { HALF_ROUNDING, nearestHalves, randomFloats, relativeError } from '../reference/numeric';
import { floats, makeLayer, plus, TOLERANCE, type LayerShape } from './linear-layer';

// By tiles with a ragged last one, plainly, and for one token either way; only tiles have two forms.
const TILED: LayerShape = {
  tokens: 70,
  inputs: 136,
  outputs: 72,
  rank: 8,
  dropout: 0.3,
  bias: true,
  format: 'nf4',
};
const OTHERS: readonly LayerShape[] = [
  { tokens: 19, inputs: 37, outputs: 23, rank: 3, format: 'f32' },
  { tokens: 1, inputs: 72, outputs: 40, rank: 4, format: 'f32' },
  { tokens: 1, inputs: 37, outputs: 19, rank: 3, bias: true, format: 'f32' },
];

interface Form {
  readonly form: string;
  readonly without: readonly (keyof GpuFeatures)[];
  readonly shapes: readonly LayerShape[];
}
const FORMS: readonly Form[] = [
  { form: "the adapter's own form", without: [], shapes: [TILED, ...OTHERS] },
  { form: 'without subgroups', without: ['subgroups'], shapes: [TILED] },
];

describe.each(FORMS)('activations in 16 bits, $form', ({ without, shapes }) => {
  let context: TestGpu;
  beforeAll(async () => {
    context = await openTestGpu({ without });
  });
  afterAll(() => context.gpu.destroy());

  it.each(shapes)('come in, $tokens x $inputs -> $outputs', async (shape) => {
    const { tokens, inputs, outputs, rank = 0 } = shape;
    const bench = new Bench(context);
    const { linear, layer } = makeLayer(bench, { ...shape, xType: 'f16' });
    const before = randomFloats(tokens * outputs, 5);
    const x = bench.input('x', [tokens, inputs], floats(layer.x), 'f16');
    const out = bench.input('out', [tokens, outputs], before);
    const u = bench.output('u', [tokens, rank]);
    linearForward(bench.plan, linear, { x, out, u, tokens, accumulate: true });
    const gradient = matrix(tokens, outputs, randomFloats(tokens * outputs, 7));
    const dOut = bench.input('dOut', [tokens, outputs], floats(gradient));
    const expected = linearBackwardReference(layer, gradient);
    if (!expected.g || !expected.dA) throw new Error('no adapter');
    const g = bench.input('g', [tokens, rank], floats(expected.g));
    const dA = bench.output('dA', [rank, inputs], 0);
    const dB = bench.output('dB', [outputs, rank], 0);
    loraGradients(bench.plan, linear, { x, u, g, dOut, dA, dB, tokens });
    const dWeight = bench.output('dWeight', [outputs, inputs], 0);
    weightGradient(bench.plan, { label: 'w', x, dOut, dWeight: denseWeight(dWeight), tokens });
    await bench.run();
    const forward = linearReference(layer);
    const total = plus(forward.out.values, before);
    // What is read has 11 bits on both sides; from there on all is f32.
    expect(relativeError(await bench.read(out), total)).toBeLessThan(TOLERANCE);
    expect(relativeError(await bench.read(u), forward.u?.values ?? [])).toBeLessThan(TOLERANCE);
    expect(relativeError(await bench.read(dA), expected.dA.values)).toBeLessThan(TOLERANCE);
    const weight = await bench.read(dWeight);
    expect(relativeError(weight, expected.dWeight.values)).toBeLessThan(TOLERANCE);
    bench.destroy();
  });

  it.each(
    shapes.flatMap((shape) => [
      { ...shape, accumulate: false },
      { ...shape, accumulate: true },
    ]),
  )('go out, $tokens x $inputs -> $outputs, accumulating: $accumulate', async (shape) => {
    const { tokens, inputs, outputs, rank = 0, accumulate } = shape;
    const bench = new Bench(context);
    const { linear, layer } = makeLayer(bench, shape);
    const before = nearestHalves(randomFloats(tokens * outputs, 5));
    const x = bench.input('x', [tokens, inputs], floats(layer.x));
    const out = accumulate
      ? bench.input('out', [tokens, outputs], before, 'f16')
      : bench.output('out', [tokens, outputs], NaN, 'f16');
    const u = bench.output('u', [tokens, rank]);
    linearForward(bench.plan, linear, { x, out, u, tokens, accumulate });
    await bench.run();
    const expected = linearReference(layer).out.values;
    const total = accumulate ? plus(expected, before) : expected;
    expect(relativeError(await bench.read(out), total)).toBeLessThan(HALF_ROUNDING);
    bench.destroy();
  });
});
