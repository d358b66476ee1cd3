import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rmsNorm, rmsNormBackward, rmsNormWeightGradient } from '../../src/engine/ops/rms-norm';
import { Bench, openTestGpu, type TestGpu } from '../gpu';
import { finiteDifferences, randomFloats, relativeError } from '../reference/numeric';
import { rmsNormBackwardReference, rmsNormReference } from '../reference/rms-norm';

const EPSILON = 1e-5;
// A sum of `hidden` f32 products rounds to about sqrt(hidden) * 2^-24: 3e-6 at 2,048.
const TOLERANCE = 1e-5;
const SHAPES = [
  [1, 1],
  [3, 31],
  [5, 128],
  [7, 129],
  [2, 2048],
] as const;

let context: TestGpu;
beforeAll(async () => {
  context = await openTestGpu();
});
afterAll(() => context.gpu.destroy());

describe.each(SHAPES)('RMSNorm [%i, %i]', (tokens, hidden) => {
  const x = randomFloats(tokens * hidden, 1, 2);
  const weight = randomFloats(hidden, 2);
  const dOut = randomFloats(tokens * hidden, 3);

  it('normalises rows like the reference', async () => {
    const bench = new Bench(context);
    const out = bench.output('out', [tokens, hidden]);
    const inverseRms = bench.output('inverseRms', [tokens]);
    rmsNorm(bench.plan, {
      label: 'norm',
      x: bench.input('x', [tokens, hidden], x),
      weight: bench.input('weight', [hidden], weight),
      out,
      inverseRms,
      tokens,
      hidden,
      epsilon: EPSILON,
    });
    await bench.run();
    const expected = rmsNormReference(x, weight, tokens, hidden, EPSILON);
    expect(relativeError(await bench.read(out), expected.out)).toBeLessThan(TOLERANCE);
    expect(relativeError(await bench.read(inverseRms), expected.inverseRms)).toBeLessThan(
      TOLERANCE,
    );
    bench.destroy();
  });

  it('adds the gradients of input and weight', async () => {
    const bench = new Bench(context);
    const { inverseRms } = rmsNormReference(x, weight, tokens, hidden, EPSILON);
    const before = randomFloats(tokens * hidden, 4);
    const dX = bench.input('dX', [tokens, hidden], before);
    const dWeight = bench.input('dWeight', [hidden], new Float32Array(hidden).fill(1));
    const norm = {
      label: 'norm',
      x: bench.input('x', [tokens, hidden], x),
      weight: bench.input('weight', [hidden], weight),
      inverseRms: bench.input('inverseRms', [tokens], Float32Array.from(inverseRms)),
      dOut: bench.input('dOut', [tokens, hidden], dOut),
      tokens,
      hidden,
    };
    rmsNormBackward(bench.plan, { ...norm, dX });
    rmsNormWeightGradient(bench.plan, { ...norm, dWeight });
    await bench.run();
    const expected = rmsNormBackwardReference(x, weight, dOut, tokens, hidden, EPSILON);
    const added = expected.dX.map((value, i) => value + (before[i] ?? NaN));
    expect(relativeError(await bench.read(dX), added)).toBeLessThan(TOLERANCE);
    const weights = expected.dWeight.map((value) => value + 1);
    expect(relativeError(await bench.read(dWeight), weights)).toBeLessThan(TOLERANCE);
    bench.destroy();
  });
});

it('the reference gradient agrees with finite differences', () => {
  const [tokens, hidden] = [2, 5];
  const x = randomFloats(tokens * hidden, 5);
  const weight = randomFloats(hidden, 6);
  const dOut = randomFloats(tokens * hidden, 7);
  const loss = (inputs: ArrayLike<number>, weights: ArrayLike<number>): number =>
    rmsNormReference(inputs, weights, tokens, hidden, EPSILON).out.reduce(
      (sum, value, i) => sum + value * (dOut[i] ?? NaN),
      0,
    );
  const { dX, dWeight } = rmsNormBackwardReference(x, weight, dOut, tokens, hidden, EPSILON);
  // Central differences with a step of 1e-5 err by about 1e-10 in f64.
  expect(
    relativeError(
      dX,
      finiteDifferences((v) => loss(v, weight), x),
    ),
  ).toBeLessThan(1e-8);
  expect(
    relativeError(
      dWeight,
      finiteDifferences((v) => loss(x, v), weight),
    ),
  ).toBeLessThan(1e-8);
});
