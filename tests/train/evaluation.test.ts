import { describe, expect, test } from 'vitest';
import { evaluateEpoch } from '../../src/train/evaluate';
import { TinyModel } from '../reference/tiny-model';
import {
  atSubmission,
  batchStream,
  newRun,
  randomExamples,
  smallConfig,
  type Told,
  VOCABULARY,
  withoutSeconds,
} from './training-bench';

const HELD = randomExamples(3, 50);

/** The mean of -log p over the held-out tokens, example by example, of a model with a checkpoint's weights. */
async function lossOf({ last }: Told): Promise<number> {
  const model = new TinyModel({ vocabulary: VOCABULARY, hidden: 3 });
  await model.importState(last.state);
  let sum = 0;
  let tokens = 0;
  for (const example of HELD) {
    const stream = batchStream([example], smallConfig({ packing: false }));
    const evaluated = await evaluateEpoch(model, stream);
    if (!evaluated) throw new Error('the evaluation was stopped');
    sum += evaluated.loss * evaluated.trainedTokens;
    tokens += evaluated.trainedTokens;
  }
  return sum / tokens;
}

describe('evaluation', () => {
  test('is made every eval_steps and at the end, after the update, with dropout off', async () => {
    const config = { max_steps: 5, eval_steps: 2, micro_batch_size: 2 };
    const { trainer, told } = newRun({ config, held: HELD, dropout: 0.5 });
    await trainer.run(told);
    const evaluated = told.lines.filter(({ eval_loss }) => eval_loss !== undefined);
    expect(evaluated.map(({ step }) => step)).toEqual([2, 4, 5]);
    // The same f64 sums in another order.
    expect(told.lines[4]?.eval_loss).toBeCloseTo(await lossOf(told), 12);
  });

  test('starts from the first held-out example each time', async () => {
    const config = { max_steps: 4, eval_steps: 1, learning_rate: 0 };
    const { trainer, told } = newRun({ config, held: HELD });
    await trainer.run(told);
    expect(new Set(told.lines.map(({ eval_loss }) => eval_loss)).size).toBe(1);
  });

  test('changes nothing in the training', async () => {
    const config = { max_steps: 5, eval_steps: 1 };
    const plain = newRun({ config });
    await plain.trainer.run(plain.told);
    const evaluated = newRun({ config, held: HELD });
    await evaluated.trainer.run(evaluated.told);
    expect(evaluated.told.losses).toEqual(plain.told.losses);
  });

  test('stopped half-way is done first when the run goes on', async () => {
    const options = { config: { max_steps: 4, eval_steps: 2, packing: false }, held: HELD };
    const whole = newRun(options);
    await whole.trainer.run(whole.told);
    const first = newRun(options);
    // Two steps of two micro-batches and an update, then the second of three evaluation batches.
    atSubmission(first.model, 8, () => first.trainer.stop());
    expect(await first.trainer.run(first.told)).toEqual({ end: 'stopped' });
    expect(first.told.lines.map(({ step }) => step)).toEqual([1, 2]);
    expect(first.told.lines[1]).not.toHaveProperty('eval_loss');
    expect(first.told.last.metrics.map(({ step }) => step)).toEqual([1]);

    const second = newRun(options);
    await second.trainer.restore(first.told.last);
    await second.trainer.run(second.told);
    expect(second.told.lines.map(({ step }) => step)).toEqual([2, 3, 4]);
    expect(second.told.lines[0]?.eval_loss).toBe(whole.told.lines[1]?.eval_loss);
  });
});

describe('an evaluation stopped half-way', () => {
  test('is made whole by the same trainer', async () => {
    const options = { config: { max_steps: 4, eval_steps: 2, packing: false }, held: HELD };
    const whole = newRun(options);
    await whole.trainer.run(whole.told);
    const { trainer, model, told } = newRun(options);
    atSubmission(model, 8, () => trainer.stop());
    expect(await trainer.run(told)).toEqual({ end: 'stopped' });
    expect(model.calls.filter((call) => call === 'evaluate')).toHaveLength(2);
    expect(await trainer.run(told)).toEqual({ end: 'finished' });
    expect(withoutSeconds(told.lines)).toEqual(withoutSeconds(whole.told.lines));
  });
});

describe('the best checkpoint', () => {
  test('is marked, also where no checkpoint is due', async () => {
    // So high a rate that the held-out loss first falls and then rises.
    const config = { max_steps: 12, eval_steps: 1, save_steps: 100, learning_rate: 0.4 };
    const { trainer, told } = newRun({ config, held: HELD });
    await trainer.run(told);
    const losses = told.lines.map(({ eval_loss }) => Number(eval_loss));
    const improving = losses.flatMap((loss, index) =>
      losses.slice(0, index).every((before) => loss < before) ? [index + 1] : [],
    );
    const marked = told.checkpoints.filter(({ best }) => best);
    expect(improving.at(-1)).toBeLessThan(12);
    expect(marked.map(({ checkpoint }) => checkpoint.progress.step)).toEqual(improving);
    expect(told.last.progress.best).toEqual({
      step: improving.at(-1),
      evalLoss: Math.min(...losses),
    });
  });
});

describe('early stop', () => {
  const config = { max_steps: 60, eval_steps: 1, save_steps: 100, learning_rate: 0.4 };

  test('ends the run after as many evaluations without a better one as allowed', async () => {
    const { trainer, told } = newRun({
      config: { ...config, early_stopping_patience: 3 },
      held: HELD,
    });
    expect(await trainer.run(told)).toEqual({ end: 'stopped-early' });
    const best = told.last.progress.best?.step ?? NaN;
    expect(trainer.step).toBe(best + 3);
    expect(told.checkpoints.at(-1)).toMatchObject({ reason: 'end', best: false });

    const again = newRun({ config: { ...config, early_stopping_patience: 3 }, held: HELD });
    await again.trainer.restore(told.last);
    expect(await again.trainer.run(again.told)).toEqual({ end: 'stopped-early' });
    expect(again.told.events).toEqual([]);
  });

  test('is off by default', async () => {
    const { trainer, told } = newRun({ config: { ...config, max_steps: 20 }, held: HELD });
    expect(await trainer.run(told)).toEqual({ end: 'finished' });
  });
});
