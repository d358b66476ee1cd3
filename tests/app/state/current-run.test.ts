import { beforeEach, describe, expect, it } from 'vitest';
import { CurrentRun } from '../../../src/app/state/current-run.svelte';
import type { StepMetrics } from '../../../src/worker/api';
import { metricsOf, run } from '../../browser/fake/scenes';

const steps = (from: number, to: number): StepMetrics[] =>
  Array.from({ length: to - from + 1 }, (_, index) => metricsOf(from + index, 100, 1));

describe('the run that is shown', () => {
  let current: CurrentRun;
  beforeEach(() => {
    current = new CurrentRun();
    current.open(run('training', 4));
  });

  it('grows by the steps it is told, and its status with them', () => {
    current.tell({ type: 'steps', runId: 'run-1', metrics: steps(5, 6) });
    expect(current.metrics.map((step) => step.step)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(current.status).toMatch(/^Step 6 of 100, loss \d\.\d{3}, \d+ tokens\/s$/);
  });

  it('does not listen to what is told of another run', () => {
    current.tell({ type: 'steps', runId: 'run-2', metrics: steps(5, 6) });
    current.tell({ type: 'run', run: { ...run('failed', 4), id: 'run-2' } });
    expect(current.metrics).toHaveLength(4);
    expect(current.phase).toBe('training');
  });

  it('says what it does besides its steps until it does something else', () => {
    const progress = {
      activity: 'Writing sample 2 of 3',
      done: 1,
      total: 80,
      unit: 'tokens',
    } as const;
    current.tell({ type: 'progress', runId: 'run-1', progress });
    current.tell({ type: 'run', run: { ...run('training', 4), name: 'Renamed' } });
    expect(current.status).toMatch(/Writing sample 2 of 3, 1 of 80 tokens$/);
    current.tell({ type: 'run', run: run('paused', 4) });
    expect(current.progress).toBeNull();
  });

  it('forgets the steps after a checkpoint that it went back to', () => {
    current.tell({ type: 'rewound', runId: 'run-1', step: 2 });
    current.tell({ type: 'steps', runId: 'run-1', metrics: steps(3, 3) });
    expect(current.metrics.map((step) => step.step)).toEqual([1, 2, 3]);
  });

  it('keeps one sample for each step and prompt, the newer one', () => {
    const sample = { step: 0, prompt: 'What did the crow do?', text: 'It sang.' };
    current.tell({ type: 'samples', runId: 'run-1', samples: [sample] });
    expect(
      current.samples.filter(({ step, prompt }) => step === 0 && prompt === sample.prompt),
    ).toEqual([sample]);
  });

  it.each([
    ['paused', 4, true, true],
    ['interrupted', 4, false, true],
    ['interrupted', 0, false, false],
    ['finished', 4, false, false],
    ['training', 4, true, false],
  ] as const)(
    'in phase %s at step %d holds the GPU: %s, can be resumed: %s',
    (phase, step, atWork, resumable) => {
      current.open(run(phase, step));
      expect([current.atWork, current.resumable]).toEqual([atWork, resumable]);
    },
  );
});
