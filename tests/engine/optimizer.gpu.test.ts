import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  declarePartialSums,
  updateParameters,
  updateSettings,
  type TrainedBuffer,
  type UpdateSettings,
} from '../../src/engine/ops/optimizer';
import { Bench, openTestGpu, type TestGpu } from '../gpu';
import { adamwReference, clipFactor, type AdamState } from '../reference/adamw';
import { randomFloats, relativeError } from '../reference/numeric';

// One update is a dozen f32 roundings, and the norm sums `count` squares.
const TOLERANCE = 2e-6;

let context: TestGpu;
beforeAll(async () => {
  context = await openTestGpu();
});
afterAll(() => context.gpu.destroy());

function settingsAt(t: number, maxGradNorm: number): UpdateSettings {
  return {
    learningRate: 1e-2,
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-8,
    weightDecay: 0.1,
    biasCorrection1: 1 - 0.9 ** t,
    biasCorrection2: 1 - 0.999 ** t,
    maxGradNorm,
  };
}

interface Case {
  count: number;
  decays: boolean;
}

/** Runs one update over buffers of random contents; `poison` replaces the first gradient. */
async function update(cases: readonly Case[], settings: UpdateSettings, poison?: number) {
  const bench = new Bench(context);
  const contents = cases.map(({ count }, index) => ({
    parameters: randomFloats(count, 10 * index + 1),
    gradients: randomFloats(count, 10 * index + 2),
    firstMoments: randomFloats(count, 10 * index + 3, 0.1),
    secondMoments: randomFloats(count, 10 * index + 4, 0.1).map(Math.abs),
  }));
  const first = contents[0]?.gradients;
  if (poison !== undefined && first) first[0] = poison;
  const buffers = contents.map((data, index): TrainedBuffer => ({
    count: data.parameters.length,
    decays: cases[index]?.decays ?? false,
    parameters: bench.input('parameters', [data.parameters.length], data.parameters),
    gradients: bench.input('gradients', [data.parameters.length], data.gradients),
    firstMoments: bench.input('first', [data.parameters.length], data.firstMoments),
    secondMoments: bench.input('second', [data.parameters.length], data.secondMoments),
  }));
  const outcome = bench.output('outcome', [4]);
  updateParameters(bench.plan, buffers, {
    settings: bench.input('settings', [8], updateSettings(settings)),
    lossSum: bench.input('loss sum', [1], Float32Array.of(3)),
    outcome,
    partials: declarePartialSums(bench.set, buffers),
  });
  await bench.run();
  return { bench, contents, buffers, outcome: await bench.read(outcome) };
}

const CASES: readonly Case[] = [
  { count: 1, decays: true },
  { count: 40_001, decays: true },
  { count: 300, decays: false },
];

describe.each([
  ['clipped', 1],
  ['below the largest norm', 1e6],
  ['without clipping', 0],
])('AdamW, %s', (_, maxGradNorm) => {
  it('updates every buffer by the global norm', async () => {
    const settings = settingsAt(3, maxGradNorm);
    const { bench, contents, buffers, outcome } = await update(CASES, settings);
    const squares = contents.flatMap(({ gradients }) => [...gradients].map((g) => g * g));
    const norm = Math.sqrt(squares.reduce((sum, square) => sum + square, 0));
    const factor = clipFactor(norm, maxGradNorm);
    expect(relativeError(outcome, [3, norm, factor, 1])).toBeLessThan(TOLERANCE);
    for (const [index, data] of contents.entries()) {
      const buffer = buffers[index];
      if (!buffer) throw new Error('a buffer a case');
      const before: AdamState = {
        parameters: Float64Array.from(data.parameters),
        firstMoments: Float64Array.from(data.firstMoments),
        secondMoments: Float64Array.from(data.secondMoments),
      };
      const after = adamwReference(before, data.gradients, settings, factor, buffer.decays);
      for (const key of ['parameters', 'firstMoments', 'secondMoments'] as const) {
        expect(relativeError(await bench.read(buffer[key]), after[key])).toBeLessThan(TOLERANCE);
      }
      expect(Math.max(...(await bench.read(buffer.gradients)).map(Math.abs))).toBe(0);
    }
    bench.destroy();
  });
});

it.each([NaN, Infinity, -Infinity, 1e30])('takes no step on a gradient of %f', async (poison) => {
  const { bench, contents, buffers, outcome } = await update(CASES, settingsAt(1, 1), poison);
  expect(outcome[3]).toBe(0);
  for (const [index, data] of contents.entries()) {
    const buffer = buffers[index];
    if (!buffer) throw new Error('a buffer a case');
    expect(await bench.read(buffer.parameters)).toEqual(data.parameters);
    expect(await bench.read(buffer.secondMoments)).toEqual(data.secondMoments);
    expect(Math.max(...(await bench.read(buffer.gradients)).map(Math.abs))).toBe(0);
  }
  bench.destroy();
});
