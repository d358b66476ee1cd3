import type { TrainingConfig } from '../config';
import type { DataCursor } from '../data/batches';
import type { TrainableState, TrainedParameter } from '../model/trainable';
import type { StepMetrics } from './metrics';
import type { RunProgress } from './progress';

/** What besides the configuration a run is resumed on only if it is the same, each as a name or a hash: model, data, precision. */
export type RunIdentity = Readonly<Record<string, string>>;

/**
 * A run after one of its steps, complete: a trainer that restores it goes on bit for bit like the run that made it. Seeds need no place of
 * their own, because dropout's are functions of the configuration's seed and the step.
 */
export interface Checkpoint {
  config: TrainingConfig;
  identity: RunIdentity;
  totalSteps: number;
  progress: RunProgress;
  /** Worked so far, pauses left out. */
  seconds: number;
  /** Where the next step begins in the data. */
  cursor: DataCursor;
  /** Of the steps 1, 2, ..., all whose evaluation, where one was due, is done. */
  metrics: StepMetrics[];
  /** Of the last step, where its evaluation is due and was stopped: it is done first when the run goes on. */
  unevaluated: StepMetrics | null;
  /** What `state` holds, in its order. */
  parameters: Pick<TrainedParameter, 'name' | 'shape'>[];
  state: TrainableState;
}

/** Whether every value is finite. */
export function allFinite(state: TrainableState): boolean {
  return Object.values(state)
    .flat()
    .every((values: Float32Array) => values.every(Number.isFinite));
}
