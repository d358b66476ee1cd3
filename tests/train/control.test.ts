import { describe, expect, test } from 'vitest';
import { atSubmission, bitsOf, newRun, randomExamples, withoutSeconds } from './training-bench';

describe('the order of a step', () => {
  test('micro-batches of the next step are submitted before the last one is read, its update after', async () => {
    // Two steps with nothing to do in between: 7 rows are 4 micro-batches of 2, of which a step takes 2.
    const config = { packing: false, micro_batch_size: 2, max_steps: 2, save_steps: 100 };
    const { trainer, model, told } = newRun({ config });
    await trainer.run(told);
    expect(model.calls).toEqual([
      'state read',
      ...['accumulate', 'accumulate', 'update', 'readStep'],
      ...['accumulate', 'accumulate', 'step read', 'update', 'readStep'],
      ...['step read', 'state read'],
    ]);
  });

  test('an epoch ends with the micro-batches that are left, and the data are gone round', async () => {
    const config = {
      packing: false,
      gradient_accumulation_steps: 3,
      max_steps: 5,
      shuffle: false,
      save_steps: 100,
    };
    const { trainer, model, told } = newRun({ config, examples: randomExamples(4, 3) });
    await trainer.run(told);
    const sizes = model.calls
      .filter((call) => call === 'accumulate' || call === 'update')
      .join(' ')
      .split(' update')
      .map((step) => step.split('accumulate').length - 1);
    expect(sizes).toEqual([3, 1, 3, 1, 3, 0]);
    expect(told.lines.map(({ epoch }) => epoch)).toEqual([0.75, 1, 1.75, 2, 2.75]);
  });

  test('every micro-batch has a dropout seed of its own', async () => {
    const { trainer, model, told } = newRun({ config: { packing: false, max_steps: 8 } });
    await trainer.run(told);
    expect(model.seeds.length).toBeGreaterThan(12);
    expect(new Set(model.seeds).size).toBe(model.seeds.length);
  });
});

describe('checkpoints', () => {
  test('are made before the first step, every save_steps and at the end', async () => {
    const { trainer, told } = newRun({ config: { max_steps: 5, save_steps: 2 } });
    expect(await trainer.run(told)).toEqual({ end: 'finished' });
    expect(told.events).toEqual([
      'start 0',
      ...['step 1', 'step 2', 'interval 2'],
      ...['step 3', 'step 4', 'interval 4'],
      ...['step 5', 'end 5'],
    ]);
  });

  test('a step that is both the end and an interval is saved once', async () => {
    const { trainer, told } = newRun({ config: { max_steps: 2, save_steps: 2 } });
    await trainer.run(told);
    expect(told.events).toEqual(['start 0', 'step 1', 'step 2', 'end 2']);
  });

  test('a finished run that is resumed is finished and says nothing', async () => {
    const first = newRun();
    await first.trainer.run(first.told);
    const second = newRun();
    await second.trainer.restore(first.told.last);
    expect(await second.trainer.run(second.told)).toEqual({ end: 'finished' });
    expect(second.told.events).toEqual([]);
    expect(second.trainer.step).toBe(6);
    expect(second.model.calls).toEqual([]);
  });

  test('a listener that fails ends the run with its error', async () => {
    const { trainer, told } = newRun();
    const full = new Error('the storage is full');
    const run = trainer.run({ onStep: told.onStep, onCheckpoint: () => Promise.reject(full) });
    await expect(run).rejects.toBe(full);
    await expect(trainer.run(told)).rejects.toThrow(/go on in a new trainer/);
  });
});

describe('samples', () => {
  test('are asked for at step 0, every so many steps, and at the end', async () => {
    const { trainer, told } = newRun({ config: { max_steps: 5, save_steps: 100 } });
    const onSample = (step: number) => {
      told.events.push(`sample ${step}`);
      return Promise.resolve();
    };
    await trainer.run({
      onStep: told.onStep,
      onCheckpoint: told.onCheckpoint,
      onSample,
      sampleSteps: 2,
    });
    expect(told.events).toEqual([
      ...['start 0', 'sample 0', 'step 1', 'step 2', 'sample 2'],
      ...['step 3', 'step 4', 'sample 4', 'step 5', 'sample 5', 'end 5'],
    ]);
  });

  test('change nothing', async () => {
    const plain = newRun({ dropout: 0.3 });
    await plain.trainer.run(plain.told);
    const sampled = newRun({ dropout: 0.3 });
    await sampled.trainer.run({
      onStep: sampled.told.onStep,
      onCheckpoint: sampled.told.onCheckpoint,
      onSample: () => Promise.resolve(),
      sampleSteps: 1,
    });
    expect(bitsOf(sampled.told.last)).toEqual(bitsOf(plain.told.last));
  });
});

describe('samples that take long', () => {
  test.each([
    [0, ['start 0', 'cut 0', 'written 0']],
    [2, ['start 0', 'written 0', 'cut 2', 'pause 2', 'written 2']],
  ])(
    'are cut off at once by a pause at step %d, and begun again after it',
    async (at, expected) => {
      const whole = newRun({ dropout: 0.3 });
      await whole.trainer.run(whole.told);
      const { trainer, told } = newRun({ dropout: 0.3 });
      let cut = false;
      const onSample = async (step: number, interruption: AbortSignal) => {
        if (step === at && !cut) {
          cut = true;
          void trainer.pause().then(() => trainer.resume());
          // Only the interruption ends this.
          await new Promise<void>((resolve) => {
            if (interruption.aborted) resolve();
            interruption.addEventListener('abort', () => resolve());
          });
        }
        told.events.push(`${interruption.aborted ? 'cut' : 'written'} ${step}`);
      };
      const { onStep, onCheckpoint } = told;
      const outcome = await trainer.run({ onStep, onCheckpoint, onSample, sampleSteps: 2 });
      expect(outcome).toEqual({ end: 'finished' });
      const others = told.events.filter((event) => !event.startsWith('step'));
      expect(others.slice(0, expected.length)).toEqual(expected);
      expect(bitsOf(told.last)).toEqual(bitsOf(whole.told.last));
    },
  );

  test('are cut off by a stop, and written when the run goes on from its first checkpoint', async () => {
    const { trainer, told } = newRun();
    const { onStep, onCheckpoint } = told;
    const stopping = (step: number, interruption: AbortSignal) => {
      trainer.stop();
      told.events.push(`${interruption.aborted ? 'cut' : 'written'} ${step}`);
      return Promise.resolve();
    };
    expect(await trainer.run({ onStep, onCheckpoint, onSample: stopping })).toEqual({
      end: 'stopped',
    });
    expect(told.events).toEqual(['start 0', 'cut 0']);
    const second = newRun();
    await second.trainer.restore(told.last);
    const sampled: number[] = [];
    const onSample = (step: number) => {
      sampled.push(step);
      return Promise.resolve();
    };
    await second.trainer.run({ onStep, onCheckpoint, onSample, sampleSteps: 4 });
    expect(sampled).toEqual([0, 4, 6]);
  });
});

describe('evaluation', () => {
  test('tells how far it is before each of its micro-batches', async () => {
    const config = { packing: false, max_steps: 1, eval_steps: 1 };
    const { trainer, told } = newRun({ config, held: randomExamples(3, 9) });
    const { onStep, onCheckpoint } = told;
    const onEvaluation = (done: number, total: number) => {
      told.events.push(`evaluated ${done} of ${total}`);
    };
    await trainer.run({ onStep, onCheckpoint, onEvaluation });
    const evaluated = told.events.filter((event) => event.startsWith('evaluated'));
    expect(evaluated).toEqual(['evaluated 0 of 3', 'evaluated 1 of 3', 'evaluated 2 of 3']);
  });
});

describe('stop', () => {
  test('submits no further micro-batch and keeps what the last step made', async () => {
    const config = { packing: false, gradient_accumulation_steps: 3, max_steps: 9, shuffle: false };
    const { trainer, model, told } = newRun({ config });
    // 3 + 1 submissions a step: the fifth is the first micro-batch of the second step.
    atSubmission(model, 5, () => trainer.stop());
    expect(await trainer.run(told)).toEqual({ end: 'stopped' });
    expect(model.calls.filter((call) => call === 'accumulate')).toHaveLength(4);
    expect(model.calls.filter((call) => call === 'update')).toHaveLength(1);
    expect(told.events).toEqual(['start 0', 'step 1', 'stop 1']);
    expect(told.last.cursor).toEqual({ epoch: 0, microBatch: 3 });
  });

  test('leaves no gradient behind: the same trainer goes on as if never stopped', async () => {
    const whole = newRun();
    await whole.trainer.run(whole.told);
    const { trainer, model, told } = newRun();
    atSubmission(model, 5, () => trainer.stop());
    await trainer.run(told);
    expect(await trainer.run(told)).toEqual({ end: 'finished' });
    expect(bitsOf(told.last)).toEqual(bitsOf(whole.told.last));
    expect(withoutSeconds(told.lines)).toEqual(withoutSeconds(whole.told.lines));
  });

  test('an aborted signal does the same, before the run too', async () => {
    const { trainer, model, told } = newRun();
    const abort = new AbortController();
    atSubmission(model, 2, () => abort.abort());
    const { onStep, onCheckpoint } = told;
    const run = () => trainer.run({ onStep, onCheckpoint, signal: abort.signal });
    expect(await run()).toEqual({ end: 'stopped' });
    expect(told.events).toEqual(['start 0']);
    expect(await run()).toEqual({ end: 'stopped' });
    expect(model.calls.filter((call) => call === 'accumulate')).toHaveLength(2);
  });

  test('ends a pause', async () => {
    const { trainer, model, told } = newRun();
    atSubmission(model, 2, () => void trainer.pause().then(() => trainer.stop()));
    expect(await trainer.run(told)).toEqual({ end: 'stopped' });
  });
});

describe('pause', () => {
  test('submits no further micro-batch until resume, has a checkpoint made, and changes nothing', async () => {
    const whole = newRun({ dropout: 0.3 });
    await whole.trainer.run(whole.told);
    const { trainer, model, told } = newRun({ dropout: 0.3 });
    const paused = new Promise<boolean>((resolve) => {
      atSubmission(model, 7, () => void trainer.pause().then(resolve));
    });
    const run = trainer.run(told);
    expect(await paused).toBe(true);
    const submitted = model.calls.filter((call) => call === 'accumulate').length;
    expect(told.events.at(-1)).toBe('pause 2');
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(model.calls.filter((call) => call === 'accumulate')).toHaveLength(submitted);
    expect(trainer.step).toBe(2);

    const asked = await trainer.state();
    expect(bitsOf(asked)).toEqual(bitsOf(told.last));
    trainer.resume();
    expect(await run).toEqual({ end: 'finished' });
    expect(bitsOf(told.last)).toEqual(bitsOf(whole.told.last));
  });

  test('may be asked for twice, and for nothing once the run has ended', async () => {
    const { trainer, model, told } = newRun();
    atSubmission(model, 3, () => {
      void Promise.all([trainer.pause(), trainer.pause()])
        .then(() => trainer.pause())
        .then(() => trainer.resume());
    });
    expect(await trainer.run(told)).toEqual({ end: 'finished' });
    expect(await trainer.pause()).toBe(false);
    trainer.resume();
    trainer.stop();
  });

  test('does not count in seconds, nor does the time between two sessions', async () => {
    let milliseconds = 0;
    const parts = { now: () => milliseconds };
    const config = { max_steps: 3, save_steps: 100 };
    const { trainer, model, told } = newRun({ config, parts });
    // Each micro-batch takes a second.
    let submissions = 0;
    model.onSubmission = (call) => {
      if (call === 'accumulate') milliseconds += 1000;
      if (++submissions !== 4) return;
      void trainer.pause().then(() => {
        milliseconds += 60_000;
        trainer.resume();
      });
    };
    await trainer.run(told);
    const accumulated = model.calls.filter((call) => call === 'accumulate').length;
    expect(told.lines.at(-1)?.seconds).toBe(accumulated);

    const start = told.checkpoints[1]?.checkpoint;
    if (!start) throw new Error('the pause made no checkpoint');
    milliseconds = 1e9;
    const later = newRun({ config, parts });
    later.model.onSubmission = (call) => {
      if (call === 'accumulate') milliseconds += 1000;
    };
    await later.trainer.restore(start);
    await later.trainer.run(later.told);
    const done = later.model.calls.filter((call) => call === 'accumulate').length;
    expect(later.told.lines.at(-1)?.seconds).toBe(start.seconds + done);
  });
});

describe('state', () => {
  test('asked for in the middle of a step is the state after the step before', async () => {
    const { trainer, model, told } = newRun({ config: { save_steps: 1 } });
    let asked = trainer.state();
    atSubmission(model, 8, () => {
      asked = trainer.state();
    });
    await trainer.run(told);
    const state = await asked;
    const kept = told.checkpoints.find(
      ({ checkpoint }) => checkpoint.progress.step === state.progress.step,
    );
    expect(state.progress.step).toBe(2);
    expect(bitsOf(state)).toEqual(bitsOf(kept?.checkpoint ?? told.last));
  });

  test('is refused once the run has failed', async () => {
    const { trainer, model, told } = newRun();
    let asked: Promise<unknown> = Promise.resolve();
    atSubmission(model, 4, () => {
      asked = trainer.state();
      asked.catch(() => undefined);
      throw new Error('the GPU is lost');
    });
    await expect(trainer.run(told)).rejects.toThrow('the GPU is lost');
    await expect(asked).rejects.toThrow(/the run has failed/);
    await expect(trainer.state()).rejects.toThrow(/the run has failed/);
  });
});
