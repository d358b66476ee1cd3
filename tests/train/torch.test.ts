import { describe, expect, test } from 'vitest';
import type { TrainingConfig } from '../../src/config';
import fixture from '../fixtures/train/runs.json';
import { relativeError } from '../reference/numeric';
import { TinyModel } from '../reference/tiny-model';
import { newRun, Told } from './training-bench';

// Both sides work in f64 and differ in the order of their sums: about 1e-15 a step, which 30 steps of Adam's division by small moments
// may raise ten-thousandfold.
const TOLERANCE = 1e-10;

type TorchRun = (typeof fixture.runs)[number];

/** The model of the fixture, with the fixture's first parameters. */
async function startingModel(): Promise<TinyModel> {
  const { vocabulary, hidden, start } = fixture;
  const model = new TinyModel({ vocabulary, hidden, storage: 'f64' });
  const parameters = Object.values(start).map((values) => new Float32Array(values));
  const zeros = parameters.map((values) => new Float32Array(values.length));
  await model.importState({ parameters, firstMoments: zeros, secondMoments: zeros });
  return model;
}

async function expectSameAs({ settings, metrics, final }: TorchRun, packing: boolean) {
  const model = await startingModel();
  const told = new Told();
  const config = { max_steps: -1, ...settings, packing, shuffle: false } as Partial<TrainingConfig>;
  const { trainer } = newRun({ config, examples: fixture.examples, model });
  expect(await trainer.run(told)).toEqual({ end: 'finished' });

  expect(told.lines).toHaveLength(metrics.length);
  metrics.forEach((torch, index) => {
    const line = told.lines[index];
    expect(line).toMatchObject({ step: torch.step, trained_tokens: torch.trained_tokens });
    for (const key of ['epoch', 'loss', 'learning_rate', 'grad_norm'] as const) {
      expect(Math.abs(Number(line?.[key]) - torch[key])).toBeLessThanOrEqual(
        TOLERANCE * torch[key],
      );
    }
  });
  Object.values(final).forEach((torch, index) => {
    expect(relativeError(model.values[index] ?? [], torch)).toBeLessThan(TOLERANCE);
  });
}

describe("30 steps of torch's AdamW and Hugging Face's schedules", () => {
  test.each(fixture.runs.map((run) => [JSON.stringify(run.settings), run] as const))(
    'give the same series and weights: %s',
    (_, run) => expectSameAs(run, false),
  );

  test('give the same with the examples packed', async () => {
    const run = fixture.runs.find(({ settings }) => settings.micro_batch_size === 7);
    if (!run) throw new Error('the fixture has no run with all examples in each step');
    await expectSameAs(run, true);
  });
});
