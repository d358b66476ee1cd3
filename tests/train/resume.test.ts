import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TinyModel } from '../reference/tiny-model';
import {
  atSubmission,
  bitsOf,
  newRun,
  randomExamples,
  Told,
  VOCABULARY,
  withoutSeconds,
  type RunOptions,
} from './training-bench';

/** What happens right before a submission, counted from the start of its session. */
interface Interruption {
  kind: 'stop' | 'crash' | 'pause';
  submission: number;
}

const runOptions: fc.Arbitrary<RunOptions> = fc.record({
  config: fc.record({
    micro_batch_size: fc.integer({ min: 1, max: 3 }),
    gradient_accumulation_steps: fc.integer({ min: 1, max: 4 }),
    num_train_epochs: fc.constantFrom(0.5, 1, 2.3),
    max_steps: fc.constantFrom(-1, 7),
    packing: fc.boolean(),
    shuffle: fc.boolean(),
    seed: fc.nat(1000),
    weight_decay: fc.constantFrom(0, 0.1),
    max_grad_norm: fc.constantFrom(0, 0.4),
    warmup_steps: fc.nat(3),
    lr_scheduler_type: fc.constantFrom('constant' as const, 'linear' as const, 'cosine' as const),
    save_steps: fc.integer({ min: 1, max: 4 }),
    eval_steps: fc.integer({ min: 1, max: 4 }),
    early_stopping_patience: fc.constantFrom(0, 0, 2),
  }),
  examples: fc
    .tuple(fc.integer({ min: 1, max: 9 }), fc.nat(1000))
    .map(([count, seed]) => randomExamples(count, seed)),
  held: fc.nat(3).map((count) => randomExamples(count, 99)),
  dropout: fc.constantFrom(0, 0.4),
});

const interruptions: fc.Arbitrary<Interruption[]> = fc.array(
  fc.record({
    kind: fc.constantFrom('stop' as const, 'crash' as const, 'pause' as const),
    submission: fc.integer({ min: 1, max: 25 }),
  }),
  { minLength: 1, maxLength: 4 },
);

/** Runs to the end in sessions, each but the last interrupted; every session has a new model, data and trainer. */
async function interruptedRun(options: RunOptions, plan: readonly Interruption[]) {
  const told = new Told();
  for (const [session, interruption] of [...plan, undefined].entries()) {
    // Other first weights than the run's: all that matters must come from the checkpoint.
    const seed = session === 0 ? 1 : 50 + session;
    const { dropout } = options;
    const model = new TinyModel({ vocabulary: VOCABULARY, hidden: 3, dropout, seed });
    const { trainer } = newRun({ ...options, model });
    if (session > 0) await trainer.restore(told.last);
    if (interruption) {
      const { kind, submission } = interruption;
      atSubmission(model, submission, () => {
        if (kind === 'stop') trainer.stop();
        if (kind === 'crash') throw new Error('the GPU is lost');
        if (kind === 'pause') void trainer.pause().then(() => trainer.resume());
      });
    }
    try {
      const outcome = await trainer.run(told);
      if (outcome.end !== 'stopped') return { outcome, told, trainer };
    } catch (error) {
      expect(error).toMatchObject({ message: 'the GPU is lost' });
    }
  }
  throw new Error('the last session was interrupted');
}

describe('a run that was stopped, paused or crashed at any micro-batch and went on', () => {
  test('ends with the same bits and tells the same as the run that never stopped', async () => {
    await fc.assert(
      fc.asyncProperty(runOptions, interruptions, async (options, plan) => {
        const whole = newRun(options);
        const outcome = await whole.trainer.run(whole.told);
        const interrupted = await interruptedRun(options, plan);

        expect(interrupted.outcome).toEqual(outcome);
        const [given, expected] = [interrupted.told.last, whole.told.last];
        expect(bitsOf(given)).toEqual(bitsOf(expected));
        expect(withoutSeconds(interrupted.told.lines)).toEqual(withoutSeconds(whole.told.lines));
        expect(withoutSeconds(given.metrics)).toEqual(withoutSeconds(expected.metrics));
        expect(given.progress).toEqual(expected.progress);
        expect(given.cursor).toEqual(expected.cursor);
      }),
      { numRuns: 60 },
    );
  });
});
