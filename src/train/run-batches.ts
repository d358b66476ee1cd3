import type { TrainingConfig } from '../config';
import { BatchStream, rowLengthFor, splitDataset } from '../data/batches';
import type { ExampleSource } from '../data/dataset';
import type { BatchShape } from '../model/planned-training';

/** The micro-batches of a run: what is trained on, and what is held out. */
export interface RunBatches {
  readonly shape: BatchShape;
  readonly train: BatchStream;
  /** In the order of the data; null where nothing is held out. */
  readonly evaluation: BatchStream | null;
}

/** @throws InputError where there is nothing to train on */
export function runBatches(dataset: ExampleSource, config: TrainingConfig): RunBatches {
  const { micro_batch_size: rows, packing, shuffle, seed, eval_fraction: fraction } = config;
  const { train, evaluation } = splitDataset(dataset.examples, fraction, seed);
  const shape = { rows, rowLength: rowLengthFor(dataset, config) };
  const options = { ...shape, packing, seed };
  return {
    shape,
    train: new BatchStream(dataset, { ...options, indices: train, shuffle }),
    evaluation:
      evaluation.length === 0
        ? null
        : new BatchStream(dataset, { ...options, indices: evaluation, shuffle: false }),
  };
}
