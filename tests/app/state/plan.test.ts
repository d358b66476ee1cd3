import { describe, expect, it } from 'vitest';
import { Plan } from '../../../src/app/state/plan.svelte';
import type { TrainerWorker } from '../../../src/worker/api';

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
