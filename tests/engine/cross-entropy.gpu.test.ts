import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addLosses, crossEntropy } from '../../src/engine/ops/cross-entropy';
import { Bench, openTestGpu, type TestGpu } from '../gpu';
import { crossEntropyReference } from '../reference/cross-entropy';
import { finiteDifferences, randomFloats, relativeError } from '../reference/numeric';

// exp and log of WGSL err by a few ulp, and a row sums `vocabulary` exponentials in f32.
const TOLERANCE = 1e-5;
const SCALE = 0.125;

let context: TestGpu;
beforeAll(async () => {
  context = await openTestGpu();
});
afterAll(() => context.gpu.destroy());

function targetsFor(rows: number, vocabulary: number): Int32Array<ArrayBuffer> {
  return Int32Array.from({ length: rows }, (_, row) =>
    row % 3 === 2 ? -100 : (row * 7919) % vocabulary,
  );
}

describe.each([
  [1, 1],
  [4, 31],
  [7, 257],
  [3, 5000],
])('cross-entropy [%i, %i]', (rows, vocabulary) => {
  // Up to 40: exponentials of the raw logits would overflow.
  const logits = randomFloats(rows * vocabulary, 1, 40);
  const targets = targetsFor(rows, vocabulary);
  const expected = crossEntropyReference(logits, targets, vocabulary, SCALE);

  it.each([true, false])('has the reference loss, with gradient: %s', async (gradient) => {
    const bench = new Bench(context);
    const x = bench.input('logits', [rows, vocabulary], logits);
    const rowLoss = bench.output('row loss', [rows]);
    const lossSum = bench.input('loss sum', [1], Float32Array.of(2));
    crossEntropy(bench.plan, {
      label: 'head',
      logits: x,
      targets: bench.raw('targets', [rows], 'i32', targets),
      rowLoss,
      rows,
      vocabulary,
      ...(gradient && { lossScale: bench.input('scale', [1], Float32Array.of(SCALE)) }),
    });
    addLosses(bench.plan, { rowLoss, lossSum, rows });
    await bench.run();
    expect(relativeError(await bench.read(rowLoss), expected.rowLoss)).toBeLessThan(TOLERANCE);
    const total = expected.rowLoss.reduce((sum, value) => sum + value, 2);
    expect(relativeError(await bench.read(lossSum), [total])).toBeLessThan(TOLERANCE);
    const left = gradient ? expected.gradient : logits;
    expect(relativeError(await bench.read(x), left)).toBeLessThan(gradient ? TOLERANCE : 1e-12);
    bench.destroy();
  });
});

it('the reference gradient agrees with finite differences', () => {
  const [rows, vocabulary] = [3, 6];
  const logits = randomFloats(rows * vocabulary, 2, 3);
  const targets = targetsFor(rows, vocabulary);
  const loss = (values: ArrayLike<number>): number =>
    SCALE *
    crossEntropyReference(values, targets, vocabulary, SCALE).rowLoss.reduce((a, b) => a + b, 0);
  const { gradient } = crossEntropyReference(logits, targets, vocabulary, SCALE);
  // Central differences with a step of 1e-5 err by about 1e-10 in f64.
  expect(relativeError(gradient, finiteDifferences(loss, logits))).toBeLessThan(1e-8);
});
