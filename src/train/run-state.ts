import type { TrainingConfig } from '../config';
import type { DataCursor } from '../data/batches';
import type { StepReading, TrainableModel } from '../model/trainable';
import type { Checkpoint, RunIdentity } from './checkpoint';
import { refuseOtherRun } from './differences';
import type { DrawnStep } from './drawn-step';
import type { StepMetrics } from './metrics';
import {
  progressAfterEvaluation,
  progressAfterStep,
  START_OF_RUN,
  type RunProgress,
} from './progress';

/** What stays the same all through a run. */
export interface RunConstants {
  config: TrainingConfig;
  identity: RunIdentity;
  totalSteps: number;
  /** Examples of one epoch. */
  trainExamples: number;
}

/** Where a run stands after its last step whose reading is in. Together with the model's own state it makes a checkpoint. */
export class RunState {
  progress: RunProgress = START_OF_RUN;
  /** Of the steps whose evaluation, where one was due, is done. */
  metrics: StepMetrics[] = [];
  /** The last step's, where its evaluation is due and not done. */
  unevaluated: StepMetrics | null = null;

  /** @param cursor where the next step begins in the data. */
  constructor(
    readonly constants: RunConstants,
    public cursor: DataCursor,
  ) {}

  get step(): number {
    return this.progress.step;
  }

  get finished(): boolean {
    return this.step >= this.constants.totalSteps && this.unevaluated === null;
  }

  /** Whether as many evaluations in a row as the configuration allows brought nothing better. */
  get outOfPatience(): boolean {
    const patience = this.constants.config.early_stopping_patience;
    return patience > 0 && this.progress.evaluationsSinceBest >= patience;
  }

  /** Whether no evaluation so far was better than this step's. */
  get isBest(): boolean {
    return this.progress.best?.step === this.step;
  }

  /** Takes in what a step came to; its metrics wait in `unevaluated` where `evaluationDue`. */
  takeStep(
    drawn: DrawnStep,
    reading: StepReading,
    used: { learningRate: number; seconds: number; evaluationDue: boolean },
  ): StepMetrics {
    this.progress = progressAfterStep(this.progress, drawn, reading);
    this.cursor = drawn.cursorAfter;
    const metrics: StepMetrics = {
      step: this.step,
      epoch: this.progress.examples / this.constants.trainExamples,
      loss: finiteOrNaN(reading.lossSum / drawn.trainedTokens),
      learning_rate: used.learningRate,
      grad_norm: finiteOrNaN(reading.gradNorm),
      trained_tokens: drawn.trainedTokens,
      seconds: used.seconds,
    };
    if (!reading.finite) metrics.skipped = true;
    if (used.evaluationDue) this.unevaluated = metrics;
    else this.metrics.push(metrics);
    return metrics;
  }

  /** Takes in the evaluation of the last step. */
  takeEvaluation(unevaluated: StepMetrics, loss: number): StepMetrics {
    const metrics = { ...unevaluated, eval_loss: finiteOrNaN(loss) };
    this.progress = progressAfterEvaluation(this.progress, metrics.eval_loss);
    this.unevaluated = null;
    this.metrics.push(metrics);
    return metrics;
  }

  async checkpoint(model: TrainableModel, seconds: number): Promise<Checkpoint> {
    const { config, identity, totalSteps } = this.constants;
    return {
      config,
      identity,
      totalSteps,
      progress: this.progress,
      seconds,
      cursor: this.cursor,
      metrics: [...this.metrics],
      unevaluated: this.unevaluated,
      parameters: model.parameters.map(({ name, shape }) => ({ name, shape: [...shape] })),
      state: await model.exportState(),
    };
  }

  /** @throws InputError where the checkpoint is of another run. */
  restore(checkpoint: Checkpoint, model: TrainableModel): void {
    refuseOtherRun(checkpoint, { ...this.constants, parameters: model.parameters });
    this.progress = checkpoint.progress;
    this.cursor = checkpoint.cursor;
    this.metrics = [...checkpoint.metrics];
    this.unevaluated = checkpoint.unevaluated;
  }
}

function finiteOrNaN(value: number): number {
  return Number.isFinite(value) ? value : NaN;
}
