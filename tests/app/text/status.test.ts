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
  [{}, 'Step 12 of 100, loss 2.314, 45 tokens/s'],
  [{ phase: 'paused' }, 'Paused at step 12 of 100'],
  [{ phase: 'finished', step: 100, loss: 1.872 }, 'Finished: 100 steps, loss 1.872'],
  [{ phase: 'finished', step: 1, totalSteps: 1, loss: 3 }, 'Finished: 1 step, loss 3.000'],
  [{ phase: 'stopped' }, 'Stopped at step 12 of 100, loss 2.314'],
  [
    { phase: 'failed', failure: 'The storage is full.' },
    'Failed at step 12 of 100: The storage is full.',
  ],
  [{ phase: 'preparing', step: 0, loss: null }, 'Preparing: Loading the model'],
])('%j reads "%s"', (change, text) => {
  const progress = { activity: 'Loading the model', done: 0, total: null, unit: 'bytes' } as const;
  expect(statusText({ ...RUN, ...change }, 45.2, progress)).toBe(text);
});

it('leaves out what is not known yet', () => {
  expect(statusText({ ...RUN, step: 0, loss: null }, null, null)).toBe('Step 0 of 100');
});
