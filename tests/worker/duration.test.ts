import { describe, expect, it } from 'vitest';
import { secondsOfRun } from '../../src/worker/duration';

const work = (multiplyAdds: number) => ({ launches: 10, multiplyAdds });
const WANTED = { microBatch: work(1e9), total: work(4e11) };
/** Takes 800 s for what is wanted. */
const PACE = { secondsPerLaunch: 0, secondsPerMultiplyAdd: 2e-9 };

const measured = () => Promise.resolve(PACE);
const notNow = () => Promise.resolve(null);
const notAsked = () => Promise.reject(new Error('the GPU was timed for nothing'));

describe('how long a run takes', () => {
  it('is told by an earlier run with micro-batches of the same size, without timing the GPU', async () => {
    const earlier = { microBatch: work(1.2e9), total: work(1e11), seconds: 100 };
    expect(await secondsOfRun(WANTED, earlier, notAsked)).toBeCloseTo(400);
  });

  it('is measured rather than told by a run whose micro-batches were of another size', async () => {
    for (const multiplyAdds of [4e8, 3e9]) {
      const earlier = { microBatch: work(multiplyAdds), total: work(1e11), seconds: 100 };
      expect(await secondsOfRun(WANTED, earlier, measured)).toBeCloseTo(800);
    }
  });

  it('is told by such a run after all where nothing can be measured', async () => {
    const earlier = { microBatch: work(4e8), total: work(1e11), seconds: 100 };
    expect(await secondsOfRun(WANTED, earlier, notNow)).toBeCloseTo(400);
  });

  it('is measured where there was no run, else not known', async () => {
    expect(await secondsOfRun(WANTED, null, measured)).toBeCloseTo(800);
    expect(await secondsOfRun(WANTED, null, notNow)).toBeNull();
  });
});
