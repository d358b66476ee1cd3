import type { StepReading } from '../model/trainable';
import type { DrawnStep } from './drawn-step';

/** Where a run stands after a step, as plain JSON. */
export interface RunProgress {
  /** Steps done, skipped ones among them. */
  step: number;
  /** Steps whose update was applied: AdamW's t. */
  updates: number;
  skippedInARow: number;
  /** Examples seen, anew in each epoch. */
  examples: number;
  /** The evaluation with the lowest loss so far. */
  best: { step: number; evalLoss: number } | null;
  /** Evaluations since the best one. */
  evaluationsSinceBest: number;
}

export const START_OF_RUN: Readonly<RunProgress> = {
  step: 0,
  updates: 0,
  skippedInARow: 0,
  examples: 0,
  best: null,
  evaluationsSinceBest: 0,
};

export function progressAfterStep(
  progress: RunProgress,
  drawn: DrawnStep,
  reading: StepReading,
): RunProgress {
  return {
    ...progress,
    step: progress.step + 1,
    updates: progress.updates + (reading.finite ? 1 : 0),
    skippedInARow: reading.finite ? 0 : progress.skippedInARow + 1,
    examples: progress.examples + drawn.examples,
  };
}

/** Only a finite loss below the best so far counts as better. */
export function progressAfterEvaluation(progress: RunProgress, evalLoss: number): RunProgress {
  const better = evalLoss < (progress.best?.evalLoss ?? Infinity);
  return {
    ...progress,
    best: better ? { step: progress.step, evalLoss } : progress.best,
    evaluationsSinceBest: better ? 0 : progress.evaluationsSinceBest + 1,
  };
}
