import { describe, expect, it } from 'vitest';
import { Plan, u32 } from '../../src/engine/plan';
import { TensorSet } from '../../src/engine/tensor';
import { paceOf, secondsFor, totalWork } from '../../src/engine/work';

const SMALL = { launches: 100, multiplyAdds: 1e6 };
const LARGE = { launches: 120, multiplyAdds: 5e8 };

describe('work', () => {
  it('of a plan counts every command, and the arithmetic of its kernels', () => {
    const plan = new Plan('test');
    const tensor = new TensorSet().tensor('t', [4], 'f32', 'workspace');
    const launch = { label: 'a', kernel: { module: 'add' }, params: [u32(1)], tensors: [tensor] };
    plan.dispatch({ ...launch, workgroups: [1, 1, 1], cost: 30 });
    plan.clear(tensor);
    plan.dispatch({ ...launch, workgroups: [1, 1, 1], cost: 12 });
    expect(plan.work).toEqual({ launches: 3, multiplyAdds: 42 });
  });

  it('adds up, each part as often as it is done', () => {
    expect(
      totalWork([
        [3, SMALL],
        [0, LARGE],
        [1, LARGE],
      ]),
    ).toEqual({ launches: 420, multiplyAdds: 5.03e8 });
  });
});

describe('a pace', () => {
  it('drawn through two timings takes as long as they did, and in between what lies between', () => {
    const truth = { secondsPerLaunch: 3e-5, secondsPerMultiplyAdd: 2e-12 };
    const timed = (work: typeof SMALL) => ({ work, seconds: secondsFor(truth, work) });
    const pace = paceOf(timed(LARGE), timed(SMALL));
    for (const work of [SMALL, LARGE, { launches: 4000, multiplyAdds: 7e9 }]) {
      // Differences of doubles: far more than a clock is good for.
      expect(secondsFor(pace, work) / secondsFor(truth, work)).toBeCloseTo(1, 9);
    }
  });

  it('from one timing is all arithmetic', () => {
    const pace = paceOf({ work: LARGE, seconds: 2 });
    expect(secondsFor(pace, LARGE)).toBeCloseTo(2);
    expect(secondsFor(pace, { ...LARGE, launches: 1e6 })).toBeCloseTo(2);
    expect(secondsFor(pace, { ...LARGE, multiplyAdds: 1e9 })).toBeCloseTo(4);
  });

  it.each([
    ['the smaller took longer', 5, 2],
    ['both took the same', 2, 2],
    ['the larger took longer in more than its proportion', 1e-6, 2],
    ['a clock saw no time pass', 0, 2],
  ])('is never negative where %s, and holds for the larger', (_, smaller, larger) => {
    const pace = paceOf({ work: LARGE, seconds: larger }, { work: SMALL, seconds: smaller });
    expect(pace.secondsPerLaunch).toBeGreaterThanOrEqual(0);
    expect(pace.secondsPerMultiplyAdd).toBeGreaterThanOrEqual(0);
    expect(secondsFor(pace, LARGE)).toBeCloseTo(larger);
  });

  it('of works in the same proportion is finite', () => {
    const half = { launches: LARGE.launches / 2, multiplyAdds: LARGE.multiplyAdds / 2 };
    const pace = paceOf({ work: LARGE, seconds: 2 }, { work: half, seconds: 1 });
    expect(secondsFor(pace, LARGE)).toBeCloseTo(2);
  });
});
