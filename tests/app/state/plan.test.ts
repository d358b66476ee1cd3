import { describe, expect, it } from 'vitest';
import { DEFAULT_CONFIG } from '../../../src/config';
import { Plan } from '../../../src/app/state/plan.svelte';
import type { Suggestion, TrainerWorker } from '../../../src/worker/api';

/** A plan whose durations a test answers, in the order in which they were asked. */
function planWithAnswers() {
  const answers: { resolve: (seconds: number | null) => void; reject: (why: Error) => void }[] = [];
  const duration = () =>
    new Promise<number | null>((resolve, reject) => answers.push({ resolve, reject }));
  return { plan: new Plan({ duration } as unknown as TrainerWorker), answers };
}

describe('how long the planned run takes', () => {
  it('is what the last question was answered, whichever answer comes first', async () => {
    const { plan, answers } = planWithAnswers();
    const first = plan.time('starter', 'data');
    const second = plan.time('starter', 'data');
    answers[1]?.resolve(20);
    await second;
    answers[0]?.resolve(10);
    await first;
    expect(plan).toMatchObject({ seconds: 20, timing: false });
  });

  it('stays in view while it is worked out again, unless model or method are others', async () => {
    const { plan, answers } = planWithAnswers();
    const first = plan.time('starter', 'data');
    expect(plan).toMatchObject({ seconds: null, timing: true });
    answers[0]?.resolve(10);
    await first;
    plan.change({ r: 4 });
    void plan.time('starter', 'data');
    expect(plan).toMatchObject({ seconds: 10, timing: true });
    plan.change({ method: 'lora' });
    void plan.time('starter', 'data');
    expect(plan.seconds).toBeNull();
    answers[2]?.resolve(5);
    await Promise.resolve();
    void plan.time('other', 'data');
    expect(plan.seconds).toBeNull();
  });

  it('is not known where it cannot be told, without an alarm', async () => {
    const { plan, answers } = planWithAnswers();
    const asked = plan.time('starter', 'data');
    answers[0]?.reject(new Error('r is 0'));
    await asked;
    expect(plan).toMatchObject({ seconds: null, timing: false });
  });
});

/** What suits some data, as far as a test says it. */
function suggestion(
  config: Partial<Suggestion['config']>,
  prompts: string[],
  sampleEverySteps = 10,
): Suggestion {
  return { config: { ...DEFAULT_CONFIG, ...config }, prompts, sampleEverySteps };
}

const newPlan = () => new Plan({} as TrainerWorker);

describe('what fits the data', () => {
  it('takes the place of what was suggested before, not of what the person set or wrote', () => {
    const plan = newPlan();
    plan.fit(suggestion({ r: 8, max_steps: 60 }, ['Tell me a fable.']));
    plan.change({ max_steps: 20 });
    plan.prompts = ['What did the fox say?'];
    plan.fit(suggestion({ r: 32, max_steps: 300 }, ['Once upon a time'], 60));
    expect(plan.config).toMatchObject({ r: 32, max_steps: 20 });
    expect(plan.prompts).toEqual(['What did the fox say?']);
    expect(plan.sampleEverySteps).toBe(60);
    plan.sampleEverySteps = 7;
    plan.prompts = ['Once upon a time'];
    plan.fit(suggestion({ r: 16 }, ['The hen sat']));
    expect(plan).toMatchObject({ prompts: ['The hen sat'], sampleEverySteps: 7 });
  });

  it('has a tenth of the learning rate for all weights, unless the person has set one', () => {
    const plan = newPlan();
    plan.fit(suggestion({ learning_rate: 2e-3 }, []));
    plan.change({ method: 'full' });
    expect(plan.config).toMatchObject({
      method: 'full',
      quantization: 'none',
      learning_rate: 2e-4,
    });
    expect(plan.changed).not.toContain('learning_rate');
    plan.fit(suggestion({ learning_rate: 2e-4 }, []));
    expect(plan.config).toMatchObject({ method: 'full', learning_rate: 2e-5 });
    plan.change({ ...plan.suggestion });
    expect(plan.config).toMatchObject({ method: 'qlora', learning_rate: 2e-4 });
    plan.change({ learning_rate: 5e-4 });
    plan.change({ method: 'full' });
    expect(plan.config.learning_rate).toBe(5e-4);
  });

  it('stands beside what a run was started with', () => {
    const plan = newPlan();
    const config = { ...DEFAULT_CONFIG, max_steps: 40 };
    plan.adopt({ config, prompts: ['Why?'] });
    plan.compare(suggestion({ r: 8, max_steps: 60 }, ['Tell me a fable.'], 12));
    expect(plan.config).toEqual(config);
    expect(plan.changed).toEqual(['r', 'max_steps']);
    expect(plan.prompts).toEqual(['Why?']);
    expect(plan.sampleEverySteps).toBe(12);
  });
});

describe('settings that cannot be trained with', () => {
  it('wait together with what is changed meanwhile, and hold once they are mended', () => {
    const plan = newPlan();
    plan.change({ r: 0 });
    expect(plan.problem).toContain('"Rank" is 0');
    plan.change({ max_seq_length: 128 });
    expect(plan.problem).toContain('"Rank" is 0');
    expect(plan.stated).toMatchObject({ r: 0, max_seq_length: 128 });
    expect(plan.config).toEqual(DEFAULT_CONFIG);
    plan.change({ r: 4 });
    expect(plan.problem).toBeNull();
    expect(plan.config).toMatchObject({ r: 4, max_seq_length: 128 });
    expect(plan.stated).toEqual(plan.config);
  });

  it('take the base weights and the learning rate of a method that was chosen meanwhile', () => {
    const plan = newPlan();
    plan.change({ r: 0 });
    plan.change({ method: 'full' });
    plan.change({ r: 4 });
    expect(plan.problem).toBeNull();
    const learning_rate = DEFAULT_CONFIG.learning_rate / 10;
    expect(plan.config).toMatchObject({
      method: 'full',
      quantization: 'none',
      learning_rate,
      r: 4,
    });
  });
});
