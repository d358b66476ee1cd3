import { expect, it } from 'vitest';
import { parseTrainingConfig, type TrainingConfig } from '../../src/config';
import { runBatches } from '../../src/train/run-batches';
import { foreseenBatches } from '../../src/worker/foreseen-batches';
import { exampleSource, randomExamples } from '../train/training-bench';

const CHANGES: Partial<TrainingConfig>[] = [
  {},
  { learning_rate: 1e-3 },
  { max_seq_length: 7 },
  { micro_batch_size: 3 },
  { packing: false },
  { shuffle: false },
  { seed: 3 },
  { eval_fraction: 0.3 },
];

it('are those of the run, whatever was asked for before', () => {
  const dataset = exampleSource(randomExamples(40, 1));
  for (const change of CHANGES) {
    const config = parseTrainingConfig({ max_seq_length: 8, micro_batch_size: 2, ...change });
    const { shape, train, evaluation } = runBatches(dataset, config);
    expect(foreseenBatches(dataset, config)).toEqual({
      shape,
      train: { microBatchesPerEpoch: train.microBatchesPerEpoch },
      evaluation: evaluation && { microBatchesPerEpoch: evaluation.microBatchesPerEpoch },
    });
  }
});
