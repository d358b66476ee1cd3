/** The products of linear layers in every form that an adapter may run: the one that it would choose, and the one without subgroups. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  linearForward,
  linearInputGradient,
  loraGradients,
  weightGradient,
} from '../../src/engine/ops/linear';
import { denseWeight } from '../../src/engine/weight';
import { Bench, FORMS, openTestGpu, type TestGpu } from '../gpu';
import { linearBackwardReference, linearReference, matrix } from '../reference/linear';
import { randomFloats, relativeError } from '../reference/numeric';
import { floats, makeLayer, TOLERANCE, type LayerShape } from './linear-layer';

// More than a tile both ways, with a ragged last one, and a depth that ends within a tile's 16.
const SHAPES: readonly LayerShape[] = [
  { tokens: 70, inputs: 136, outputs: 72, rank: 6, dropout: 0.3, bias: true, format: 'f32' },
  { tokens: 66, inputs: 72, outputs: 200, rank: 8, format: 'nf4' },
];

describe.each(FORMS)('products, $form', ({ without }) => {
  let context: TestGpu;
  beforeAll(async () => {
    context = await openTestGpu({ without });
  });
  afterAll(() => context.gpu.destroy());

  it.each(SHAPES)('forward, $format', async (shape) => {
    const { tokens, outputs, rank = 0 } = shape;
    const bench = new Bench(context);
    const { linear, layer } = makeLayer(bench, shape);
    const out = bench.output('out', [tokens, outputs]);
    const u = bench.output('u', [tokens, rank]);
    const x = bench.input('x', [tokens, shape.inputs], floats(layer.x));
    linearForward(bench.plan, linear, { x, out, u, tokens });
    await bench.run();
    const expected = linearReference(layer).out.values;
    expect(relativeError(await bench.read(out), expected)).toBeLessThan(TOLERANCE);
    bench.destroy();
  });

  it.each(SHAPES)('input gradient, $format', async (shape) => {
    const { tokens, inputs, outputs, rank = 0 } = shape;
    const bench = new Bench(context);
    const { linear, layer } = makeLayer(bench, shape);
    const gradient = matrix(tokens, outputs, randomFloats(tokens * outputs, 7));
    const dOut = bench.input('dOut', [tokens, outputs], floats(gradient));
    const g = bench.output('g', [tokens, rank]);
    const dX = bench.output('dX', [tokens, inputs]);
    linearInputGradient(bench.plan, linear, { dOut, g, dX, tokens, accumulate: false });
    await bench.run();
    const expected = linearBackwardReference(layer, gradient).dX.values;
    expect(relativeError(await bench.read(dX), expected)).toBeLessThan(TOLERANCE);
    bench.destroy();
  });

  it.each(SHAPES)('adapter gradients, $format', async (shape) => {
    const { tokens, inputs, outputs, rank = 0 } = shape;
    const bench = new Bench(context);
    const { linear, layer } = makeLayer(bench, shape);
    const gradient = matrix(tokens, outputs, randomFloats(tokens * outputs, 7));
    const expected = linearBackwardReference(layer, gradient);
    const { u } = linearReference(layer);
    if (!u || !expected.g || !expected.dA || !expected.dB) throw new Error('no adapter');
    const dA = bench.output('dA', [rank, inputs], 0);
    const dB = bench.output('dB', [outputs, rank], 0);
    loraGradients(bench.plan, linear, {
      x: bench.input('x', [tokens, inputs], floats(layer.x)),
      u: bench.input('u', [tokens, rank], floats(u)),
      g: bench.input('g', [tokens, rank], floats(expected.g)),
      dOut: bench.input('dOut', [tokens, outputs], floats(gradient)),
      dA,
      dB,
      tokens,
    });
    await bench.run();
    expect(relativeError(await bench.read(dA), expected.dA.values)).toBeLessThan(TOLERANCE);
    expect(relativeError(await bench.read(dB), expected.dB.values)).toBeLessThan(TOLERANCE);
    bench.destroy();
  });

  it('weight gradient', async () => {
    const [tokens, inputs, outputs] = [70, 136, 72];
    const bench = new Bench(context);
    const x = matrix(tokens, inputs, randomFloats(tokens * inputs, 1));
    const gradient = matrix(tokens, outputs, randomFloats(tokens * outputs, 2));
    const dWeight = bench.output('dWeight', [outputs, inputs], 0);
    weightGradient(bench.plan, {
      label: 'layer',
      x: bench.input('x', [tokens, inputs], floats(x)),
      dOut: bench.input('dOut', [tokens, outputs], floats(gradient)),
      dWeight: denseWeight(dWeight),
      tokens,
    });
    await bench.run();
    const weight = matrix(outputs, inputs, new Float64Array(outputs * inputs));
    const expected = linearBackwardReference({ x, weight }, gradient).dWeight.values;
    expect(relativeError(await bench.read(dWeight), expected)).toBeLessThan(TOLERANCE);
    bench.destroy();
  });

  it('tiles of 128 x 128, where the result is large', async () => {
    const shape = { tokens: 1030, inputs: 20, outputs: 2020, format: 'f32' } as const;
    const { tokens, inputs, outputs } = shape;
    const bench = new Bench(context);
    const { linear, layer } = makeLayer(bench, shape);
    const out = bench.output('out', [tokens, outputs]);
    const x = bench.input('x', [tokens, inputs], floats(layer.x));
    linearForward(bench.plan, linear, { x, out, tokens });
    await bench.run();
    const expected = linearReference(layer).out.values;
    expect(relativeError(await bench.read(out), expected)).toBeLessThan(TOLERANCE);
    bench.destroy();
  });
});
