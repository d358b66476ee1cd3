import type { TrainingConfig } from '../config';
import type { BatchStream } from '../data/batches';
import type { ExampleSource } from '../data/dataset';
import type { BatchShape } from '../model/planned-training';
import { runBatches } from '../train/run-batches';

type Counts = Pick<BatchStream, 'microBatchesPerEpoch'>;

/** What is known of a run's micro-batches before it begins. */
export interface ForeseenBatches {
  readonly shape: BatchShape;
  readonly train: Counts;
  /** Null where nothing is held out. */
  readonly evaluation: Counts | null;
}

const foreseen = new WeakMap<ExampleSource, { settings: string; batches: ForeseenBatches }>();

/**
 * The micro-batches of a run, planned anew only where a setting that decides them has changed: for a million examples that takes tens of MB.
 * @throws InputError where there is nothing to train on
 */
export function foreseenBatches(dataset: ExampleSource, config: TrainingConfig): ForeseenBatches {
  const { max_seq_length, micro_batch_size, packing, shuffle, seed, eval_fraction } = config;
  const settings = JSON.stringify([
    max_seq_length,
    micro_batch_size,
    packing,
    shuffle,
    seed,
    eval_fraction,
  ]);
  const last = foreseen.get(dataset);
  if (last?.settings === settings) return last.batches;
  const { shape, train, evaluation } = runBatches(dataset, config);
  // Without the plans of which row holds what.
  const batches = { shape, train: countsOf(train), evaluation: evaluation && countsOf(evaluation) };
  foreseen.set(dataset, { settings, batches });
  return batches;
}

function countsOf({ microBatchesPerEpoch }: BatchStream): Counts {
  return { microBatchesPerEpoch };
}
