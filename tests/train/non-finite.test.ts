import { describe, expect, test } from 'vitest';
import { TinyModel } from '../reference/tiny-model';
import { bitsOf, newRun, Told, VOCABULARY } from './training-bench';

/** A model whose loss is not a number in some of its steps, counted from 1. */
class PoisonedModel extends TinyModel {
  #updates = 0;

  constructor(private readonly poisoned: readonly number[]) {
    super({ vocabulary: VOCABULARY, hidden: 3 });
  }

  override accumulate(...[batch, step]: Parameters<TinyModel['accumulate']>): Promise<void> {
    const lossScale = this.poisoned.includes(this.#updates + 1) ? NaN : step.lossScale;
    return super.accumulate(batch, { ...step, lossScale });
  }

  override update(...[settings]: Parameters<TinyModel['update']>): Promise<void> {
    this.#updates++;
    this.biasCorrections.push(settings.biasCorrection1);
    return super.update(settings);
  }

  readonly biasCorrections: number[] = [];
}

const config = { max_steps: 8, save_steps: 1, packing: false };

describe('a step whose gradients are not finite', () => {
  test('updates nothing, is told as skipped, and the run goes on', async () => {
    const { trainer, told } = newRun({ config, model: new PoisonedModel([3]) });
    expect(await trainer.run(told)).toEqual({ end: 'finished' });
    expect(told.lines.map(({ skipped }) => skipped)).toEqual(
      [1, 2, 3, 4, 5, 6, 7, 8].map((step) => (step === 3 ? true : undefined)),
    );
    expect(told.lines[2]?.grad_norm).toBeNaN();
    const at = (step: number) =>
      told.checkpoints.find(({ checkpoint }) => checkpoint.progress.step === step)?.checkpoint;
    expect(at(8)?.progress).toMatchObject({ step: 8, updates: 7, skippedInARow: 0 });
    // No checkpoint is made of a step that may be the first of three; the next good one makes up for it.
    expect(at(3)).toBeUndefined();
    expect(at(4)).toBeDefined();
  });

  test("does not count as one of AdamW's updates", async () => {
    const model = new PoisonedModel([2, 3]);
    const { trainer, told } = newRun({ config: { ...config, max_steps: 5 }, model });
    await trainer.run(told);
    const corrections = [1, 2, 2, 2, 3].map((t) => 1 - 0.9 ** t);
    expect(model.biasCorrections).toEqual(corrections);
  });

  test('two in a row are survived', async () => {
    const { trainer, told } = newRun({ config, model: new PoisonedModel([3, 4, 6, 7]) });
    expect(await trainer.run(told)).toEqual({ end: 'finished' });
    expect(trainer.step).toBe(8);
  });

  test.each([
    ['where checkpoints are due at each step', 1],
    ['where steps follow each other without a pause', 100],
  ])('three in a row end the run with the reason, %s', async (_, save_steps) => {
    const model = new PoisonedModel([4, 5, 6]);
    const { trainer, told } = newRun({ config: { ...config, save_steps }, model });
    const outcome = await trainer.run(told);
    expect(outcome).toMatchObject({
      end: 'diverged',
      reason: expect.stringMatching(/3 steps in a row, up to step 6, are not finite/) as string,
    });
    expect(told.lines.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(told.last.progress.step).toBe(save_steps === 1 ? 3 : 0);
  });

  test('the count goes on after a resume', async () => {
    const first = newRun({ config, model: new PoisonedModel([4, 5, 6]) });
    first.model.onSubmission = () => {
      if (first.trainer.step === 5) first.trainer.stop();
    };
    expect(await first.trainer.run(first.told)).toEqual({ end: 'stopped' });
    expect(first.told.last.progress).toMatchObject({ step: 5, updates: 3, skippedInARow: 2 });

    const second = newRun({ config, model: new PoisonedModel([1]) });
    await second.trainer.restore(first.told.last);
    expect(await second.trainer.run(second.told)).toMatchObject({ end: 'diverged' });
    expect(second.trainer.step).toBe(6);
  });
});

describe('weights that are not finite', () => {
  test('end the run instead of being saved over good ones', async () => {
    const told = new Told();
    // The first update throws the weights beyond f32, the gradients before it are sound.
    const { trainer } = newRun({
      config: { ...config, learning_rate: 1e39, max_grad_norm: 0, lr_scheduler_type: 'constant' },
    });
    const before = await trainer.state();
    expect(await trainer.run(told)).toMatchObject({
      end: 'diverged',
      reason: expect.stringMatching(/the weights after step 1 are not finite/) as string,
    });
    expect(told.events).toEqual(['start 0', 'step 1']);
    expect(bitsOf(told.last)).toEqual(bitsOf(before));
  });
});
