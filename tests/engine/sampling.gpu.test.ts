import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  encodeSamplingSettings,
  sample,
  SAMPLING_WORDS,
  type SamplingSettings,
} from '../../src/engine/ops/sampling';
import fixture from '../fixtures/kernels/attention.json';
import { Bench, openTestGpu, type TestGpu } from '../gpu';
import { randomFloats } from '../reference/numeric';
import { samplingProbabilities } from '../reference/sampling';

let context: TestGpu;
beforeAll(async () => {
  context = await openTestGpu();
});
afterAll(() => context.gpu.destroy());

it('takes the largest logit at temperature 0, the first of equals', async () => {
  const logits = randomFloats(1000, 1);
  logits[357] = 2;
  logits[612] = 2;
  logits[101] = 2;
  expect(await draw(logits, { temperature: 0, topK: 0, topP: 1, seed: 5 }, 1)).toEqual([101]);
  expect(await draw(logits.slice(0, 1), { temperature: 0, topK: 0, topP: 1, seed: 5 }, 1)).toEqual([
    0,
  ]);
});

it.each(fixture.sampling)(
  'keeps the tokens of transformers: temperature $temperature, top-k $topK, top-p $topP',
  ({ logits, kept, ...settings }) => {
    const probabilities = samplingProbabilities(Float32Array.from(logits), settings);
    const positive = [...probabilities.keys()].filter((token) => (probabilities[token] ?? 0) > 0);
    expect(positive).toEqual(kept);
  },
);

it.each([
  { temperature: 1, topK: 0, topP: 1 },
  { temperature: 0.7, topK: 5, topP: 1 },
  { temperature: 1.3, topK: 0, topP: 0.7 },
  { temperature: 1, topK: 12, topP: 0.8 },
])('draws from the distribution of the reference: %o', async (settings) => {
  const draws = 400;
  const logits = randomFloats(40, 2, 2);
  const probabilities = samplingProbabilities(logits, settings);
  const counts = new Float64Array(40);
  for (const token of await draw(logits, { ...settings, seed: 7 }, draws)) {
    counts[token] = (counts[token] ?? 0) + 1;
  }
  probabilities.forEach((p, token) => {
    // Six standard deviations of a binomial count, and one draw for what is rarer: a true sampler passes with all but 1e-7.
    const expected = draws * p;
    const tolerance = p === 0 ? 0 : 6 * Math.sqrt(expected * (1 - p)) + 1;
    expect(Math.abs((counts[token] ?? 0) - expected), `token ${token}`).toBeLessThanOrEqual(
      tolerance,
    );
  });
});

it('gives the same token for the same seed and step, and others for other seeds', async () => {
  const logits = randomFloats(500, 3);
  const settings = { temperature: 1, topK: 0, topP: 1, seed: 11 };
  const first = await draw(logits, settings, 20);
  expect(await draw(logits, settings, 20)).toEqual(first);
  expect(await draw(logits, { ...settings, seed: 12 }, 20)).not.toEqual(first);
  expect(new Set(first).size).toBeGreaterThan(10);
});

it('keeps k tokens of a vocabulary of 128,256', async () => {
  const logits = randomFloats(128_256, 4, 3);
  const settings = { temperature: 0.8, topK: 3, topP: 0.9, seed: 1 };
  const probabilities = samplingProbabilities(logits, settings);
  for (const token of await draw(logits, settings, 10)) {
    expect(probabilities[token]).toBeGreaterThan(0);
  }
});

/** Tokens of steps 0 to `steps`. */
async function draw(
  logits: Float32Array<ArrayBuffer>,
  settings: SamplingSettings,
  steps: number,
): Promise<number[]> {
  const bench = new Bench(context);
  const vocab = logits.length;
  const shared = bench.input('logits', [1, vocab], logits);
  const outs = Array.from({ length: steps }, (_, step) => {
    const out = bench.raw(`out ${step}`, [1], 'u32', Uint32Array.of(0xffffffff));
    sample(bench.plan, {
      label: 'sample',
      logits: shared,
      settings: bench.raw(
        `settings ${step}`,
        [SAMPLING_WORDS],
        'u32',
        encodeSamplingSettings(settings, step),
      ),
      out,
      vocab,
    });
    return out;
  });
  await bench.run();
  const tokens: number[] = [];
  for (const out of outs) tokens.push(new Uint32Array(await bench.readBytes(out))[0] ?? NaN);
  bench.destroy();
  return tokens;
}
