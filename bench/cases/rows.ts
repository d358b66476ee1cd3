/** Operations that go over rows one by one: norms and the loss. */

import { crossEntropy } from '../../src/engine/ops/cross-entropy';
import { rmsNorm, rmsNormBackward } from '../../src/engine/ops/rms-norm';
import type { BenchCase, Recorder } from '../measure';

const NORMS = [
  { tokens: 256, hidden: 256 },
  { tokens: 512, hidden: 2048 },
];
const LOSSES = [
  { rows: 256, vocabulary: 3072 },
  { rows: 64, vocabulary: 49_152 },
];

function normOf(recorder: Recorder, { tokens, hidden }: { tokens: number; hidden: number }) {
  return {
    label: 'norm',
    x: recorder.random('x', [tokens, hidden]),
    weight: recorder.random('weight', [hidden]),
    inverseRms: recorder.random('inverse rms', [tokens]),
    tokens,
    hidden,
  };
}

function normCases(shape: { tokens: number; hidden: number }): BenchCase[] {
  const { tokens, hidden } = shape;
  return [
    {
      name: `rms norm ${tokens} x ${hidden}`,
      flops: 4 * tokens * hidden,
      record(recorder) {
        const out = recorder.random('out', [tokens, hidden]);
        rmsNorm(recorder.plan, { ...normOf(recorder, shape), out, epsilon: 1e-5 });
      },
    },
    {
      name: `rms norm backward ${tokens} x ${hidden}`,
      flops: 8 * tokens * hidden,
      record(recorder) {
        const dOut = recorder.random('dOut', [tokens, hidden]);
        const dX = recorder.random('dX', [tokens, hidden]);
        rmsNormBackward(recorder.plan, { ...normOf(recorder, shape), dOut, dX });
      },
    },
  ];
}

function lossCase({ rows, vocabulary }: { rows: number; vocabulary: number }): BenchCase {
  return {
    name: `cross-entropy ${rows} x ${vocabulary}`,
    flops: 8 * rows * vocabulary,
    record(recorder) {
      crossEntropy(recorder.plan, {
        label: 'loss',
        logits: recorder.random('logits', [rows, vocabulary]),
        targets: recorder.set.tensor('targets', [rows], 'i32', 'workspace'),
        rowLoss: recorder.random('row loss', [rows]),
        lossScale: recorder.random('loss scale', [1]),
        rows,
        vocabulary,
      });
    },
  };
}

export function rowCases(): BenchCase[] {
  return [...NORMS.flatMap(normCases), ...LOSSES.map(lossCase)];
}
