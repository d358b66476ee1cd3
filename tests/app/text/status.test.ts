import { expect, it } from 'vitest';
import { statusText } from '../../../src/app/text/status';
import type { RunSummary } from '../../../src/worker/api';

const RUN: RunSummary = {
  id: '1',
  name: 'Fables',
  createdAt: 0,
  phase: 'training',
  step: 12,
  totalSteps: 100,
  loss: 2.3141,
  bestEvalLoss: null,
  modelId: 'starter',
  modelName: 'Starter',
  dataName: 'fables.txt',
  failure: null,
  hasAdapter: true,
};

it.each<[Partial<RunSummary>, string]>([
  [{ phase: 'paused' }, 'Paused at step 12 of 100'],
  [{ phase: 'finished', step: 100, loss: 1.872 }, 'Finished: 100 steps, loss 1.872'],
  [{ phase: 'finished', step: 1, totalSteps: 1, loss: 3 }, 'Finished: 1 step, loss 3.000'],
  [{ phase: 'stopped' }, 'Stopped at step 12 of 100, loss 2.314'],
  [
    { phase: 'failed', failure: 'The storage is full.' },
    'Failed at step 12 of 100: The storage is full.',
  ],
  [{ phase: 'paused', step: 0, totalSteps: 0 }, 'Paused before the first step'],
  [{ phase: 'stopped', step: 0, totalSteps: 0, loss: null }, 'Stopped before the first step'],
  [
    { phase: 'interrupted' },
    'Interrupted at step 12 of 100, loss 2.314. Resume goes on from the last checkpoint',
  ],
  [{ phase: 'interrupted', hasAdapter: false }, 'Interrupted at step 12 of 100, loss 2.314'],
  [{ phase: 'preparing', step: 0, loss: null }, 'Preparing: Loading the model'],
])('%j reads "%s"', (change, text) => {
  const progress = { activity: 'Loading the model', done: 0, total: null, unit: 'bytes' } as const;
  expect(statusText({ ...RUN, ...change }, 45.2, progress)).toBe(text);
});

it('says the speed while it trains, and what else it does when it does something else', () => {
  const speed = 'Step 12 of 100, loss 2.314, 45 tokens/s';
  expect(statusText(RUN, 45.2, null)).toBe(speed);
  const sample = {
    activity: 'Writing sample 1 of 3',
    done: 12,
    total: 80,
    unit: 'tokens',
  } as const;
  expect(statusText({ ...RUN, step: 0, loss: null }, null, sample)).toBe(
    'Step 0 of 100. Writing sample 1 of 3, 12 of 80 tokens',
  );
  const evaluation = { activity: 'Evaluating', done: 3, total: null, unit: 'parts' } as const;
  expect(statusText(RUN, 45.2, evaluation)).toBe('Step 12 of 100, loss 2.314. Evaluating');
});

it('leaves out what is not known yet', () => {
  expect(statusText({ ...RUN, step: 0, loss: null }, null, null)).toBe('Step 0 of 100');
});
