import { describe, expect, it } from 'vitest';
import { recentSpeed, runCurves, secondsLeft } from '../../../src/app/charts/run-curves';
import type { StepMetrics } from '../../../src/worker/api';

/** Steps of 100 trained tokens and two seconds. */
const metrics = (count: number): StepMetrics[] =>
  Array.from({ length: count }, (_, index) => ({
    step: index + 1,
    epoch: 0,
    loss: 4 - index,
    learning_rate: 1e-4,
    grad_norm: 1,
    trained_tokens: 100,
    seconds: 2 * (index + 1),
    ...(index === 1 ? { eval_loss: 3.5 } : {}),
  }));

describe('the curves of a run', () => {
  it('run along steps, trained tokens or time', () => {
    expect(runCurves(metrics(3), 'step', 0).loss).toEqual({ x: [1, 2, 3], y: [4, 3, 2] });
    expect(runCurves(metrics(3), 'tokens', 0).loss.x).toEqual([100, 200, 300]);
    expect(runCurves(metrics(3), 'time', 0).loss.x).toEqual([2, 4, 6]);
  });

  it('have a point of the evaluation only where there was one', () => {
    expect(runCurves(metrics(3), 'step', 0).evalLoss).toEqual({ x: [2], y: [3.5] });
  });

  it('give the speed of each step', () => {
    expect(runCurves(metrics(3), 'step', 0).speed.y).toEqual([50, 50, 50]);
  });
});

describe('pace', () => {
  it('is that of the last ten steps', () => {
    const slowThenFast = metrics(20).map((step, index) => ({
      ...step,
      seconds: index < 10 ? 100 * (index + 1) : 1000 + (index - 9),
    }));
    expect(recentSpeed(slowThenFast)).toBe(100);
    expect(secondsLeft(slowThenFast, 50)).toBe(30);
  });

  it('leaves the first step out, which makes the shaders, once there is another', () => {
    const slowStart = metrics(3).map((step) => ({ ...step, seconds: step.seconds + 98 }));
    expect(recentSpeed(slowStart.slice(0, 1))).toBe(1);
    expect(recentSpeed(slowStart)).toBe(50);
  });

  it('is not told before there is enough to tell', () => {
    expect(recentSpeed([])).toBeNull();
    expect(secondsLeft(metrics(2), 50)).toBeNull();
    expect(secondsLeft(metrics(3), 50)).toBe(94);
  });
});
