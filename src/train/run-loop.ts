import type { TrainingConfig } from '../config';
import type { DataCursor } from '../data/batches';
import type { StepReading, TrainableModel } from '../model/trainable';
import { allFinite, type Checkpoint } from './checkpoint';
import type { RunClock } from './clock';
import { drawStep, type DrawnStep, type MicroBatches } from './drawn-step';
import { evaluateEpoch } from './evaluate';
import type { StepMetrics } from './metrics';
import type { RunControl } from './run-control';
import type { RunState } from './run-state';
import { learningRateAt } from './schedule';
import { dropoutSeed } from './seeds';

/** After so many steps in a row without finite loss and gradients there is no way back. */
const HOPELESS = 3;

/** Why a checkpoint was made. */
export type CheckpointReason = 'start' | 'interval' | 'best' | 'pause' | 'stop' | 'end';

/** What the loop tells. It waits for the promises, and ends with their errors. */
export interface RunListeners {
  /**
   * A step is done, with its evaluation where one was due. A step whose evaluation was stopped is told without it, and again with it
   * when the run goes on.
   */
  onStep(metrics: StepMetrics): void;
  /** `best`: no evaluation so far had a lower loss than this step's. */
  onCheckpoint(
    checkpoint: Checkpoint,
    kept: { reason: CheckpointReason; best: boolean },
  ): Promise<void>;
  /** Before each micro-batch of an evaluation: how many are done, and how many there are. */
  onEvaluation?(done: number, total: number): void;
  /**
   * The model rests after this step, to be sampled from: at 0, every `sampleSteps`, and at the end. A pause or a stop aborts `interruption`:
   * then it resolves as soon as it can, and is called again for the same step when the run goes on.
   */
  onSample?: (step: number, interruption: AbortSignal) => Promise<void>;
  sampleSteps?: number;
  /** Aborting is the same as `Trainer.stop`. */
  signal?: AbortSignal;
}

/** `diverged`: loss, gradients or weights are no longer finite; of that no checkpoint was made. */
export type RunOutcome =
  { end: 'finished' | 'stopped' | 'stopped-early' } | { end: 'diverged'; reason: string };

interface LoopParts {
  model: TrainableModel;
  config: TrainingConfig;
  train: MicroBatches;
  evaluation: MicroBatches | null;
  evaluationStart: DataCursor | null;
  state: RunState;
  clock: RunClock;
  control: RunControl;
  listeners: RunListeners;
}

/** A step whose update is submitted and whose reading is not in yet. */
interface PendingStep {
  drawn: DrawnStep;
  learningRate: number;
  reading: Promise<TimedReading>;
}

/** What a step came to, and when the GPU was done with it, in seconds of the run: it is taken in up to a step later. */
type TimedReading = StepReading & { seconds: number };

/**
 * The loop of one session. It submits the micro-batches of step k + 1 while the GPU still works on step k, and takes in what step k came
 * to before it submits the update of k + 1: so the GPU has work all the time, and AdamW's bias correction counts only updates that were
 * applied. Steps after which something is to be done (evaluation, checkpoint, samples, the end) are taken in at once.
 */
export class RunLoop {
  #pending: PendingStep | null = null;
  #ending: RunOutcome | null = null;
  /** Whether the last step is in no checkpoint yet. */
  #unsaved = false;
  /** Whether a checkpoint was due at a step that was skipped. */
  #saveOverdue = false;

  constructor(private readonly parts: LoopParts) {}

  /** @param fresh whether the run begins here. */
  async run(fresh: boolean): Promise<RunOutcome> {
    const { state } = this.parts;
    if (fresh) {
      this.#unsaved = true;
      await this.#save('start');
    }
    // Also when it goes on from its first checkpoint: then its samples were cut off, or they are the same.
    if (state.step === 0) await this.#sample();
    if (state.unevaluated) await this.#atBorder();
    while (!this.#ending && !state.finished) {
      if (state.outOfPatience) this.#ending = { end: 'stopped-early' };
      else await this.#nextStep();
    }
    const outcome = this.#ending ?? { end: 'finished' };
    if (outcome.end !== 'diverged') {
      await this.#save(outcome.end === 'stopped' ? 'stop' : 'end');
    }
    return this.#ending ?? outcome;
  }

  async #nextStep(): Promise<void> {
    const { model, config, train, state } = this.parts;
    const drawn = await drawStep(train, config.gradient_accumulation_steps);
    const index = state.step + (this.#pending ? 1 : 0);
    const lossScale = 1 / drawn.trainedTokens;
    for (const [microBatch, batch] of drawn.batches.entries()) {
      if (!(await this.#mayGoOn())) return this.#abandonStep();
      const seed = dropoutSeed(config.seed, index, microBatch);
      await model.accumulate(batch, { lossScale, seed });
    }
    await this.#takePending();
    if (!(await this.#mayGoOn())) return this.#abandonStep();
    await this.#submitUpdate(drawn);
    if (this.#isBorder(index + 1)) {
      await this.#takePending();
      await this.#atBorder();
    }
  }

  async #submitUpdate(drawn: DrawnStep): Promise<void> {
    const { model, config, state, clock } = this.parts;
    const learningRate = learningRateAt(config, state.step, state.constants.totalSteps);
    const t = state.progress.updates + 1;
    await model.update({
      learningRate,
      beta1: config.adam_beta1,
      beta2: config.adam_beta2,
      epsilon: config.adam_epsilon,
      weightDecay: config.weight_decay,
      biasCorrection1: 1 - config.adam_beta1 ** t,
      biasCorrection2: 1 - config.adam_beta2 ** t,
      maxGradNorm: config.max_grad_norm,
    });
    const reading = model.readStep().then((read) => ({ ...read, seconds: clock.seconds }));
    // It is awaited later; until then a lost GPU must not count as an error that nobody handles.
    reading.catch(() => undefined);
    this.#pending = { drawn, learningRate, reading };
  }

  /** Waits for the reading of the step before, and tells of it. */
  async #takePending(): Promise<void> {
    if (!this.#pending) return;
    const { drawn, learningRate, reading } = this.#pending;
    const { state, listeners } = this.parts;
    const read = await reading;
    this.#pending = null;
    this.#unsaved = true;
    const hopeless = !read.finite && state.progress.skippedInARow + 1 >= HOPELESS;
    const evaluationDue = !hopeless && this.#evaluationDue(state.step + 1);
    const { seconds } = read;
    const metrics = state.takeStep(drawn, read, { learningRate, seconds, evaluationDue });
    if (!evaluationDue) listeners.onStep(metrics);
    if (hopeless) {
      this.#ending = diverged(
        `loss or gradients of ${HOPELESS} steps in a row, up to step ${state.step},`,
      );
    }
  }

  #evaluationDue(step: number): boolean {
    const { evaluation, config, state } = this.parts;
    if (!evaluation) return false;
    return step % config.eval_steps === 0 || step === state.constants.totalSteps;
  }

  #sampleDue(step: number): boolean {
    const { onSample, sampleSteps = Infinity } = this.parts.listeners;
    if (!onSample) return false;
    return step % sampleSteps === 0 || step === this.parts.state.constants.totalSteps;
  }

  #isBorder(step: number): boolean {
    return (
      step === this.parts.state.constants.totalSteps ||
      step % this.parts.config.save_steps === 0 ||
      this.#saveOverdue ||
      this.#evaluationDue(step) ||
      this.#sampleDue(step)
    );
  }

  /** What is to be done after a step, with nothing else under way. */
  async #atBorder(): Promise<void> {
    const { state, config } = this.parts;
    if (this.#ending) return;
    const evaluated = state.unevaluated !== null;
    if (state.unevaluated && !(await this.#evaluate(state.unevaluated))) return;
    if (this.#sampleDue(state.step)) await this.#sample();
    if (state.finished || state.outOfPatience) return;
    if (evaluated && state.isBest) await this.#save('best');
    this.#saveOverdue ||= state.step % config.save_steps === 0;
    // A step that was skipped may be the first of three: what led there is not saved over what was good.
    if (this.#saveOverdue && state.progress.skippedInARow === 0) await this.#save('interval');
  }

  /** @returns false when it was stopped half-way. */
  async #evaluate(unevaluated: StepMetrics): Promise<boolean> {
    const { model, evaluation, evaluationStart, state, listeners } = this.parts;
    if (!evaluation || !evaluationStart) return true;
    evaluation.restore(evaluationStart);
    const total = evaluation.microBatchesPerEpoch;
    let done = 0;
    const evaluated = await evaluateEpoch(model, evaluation, () => {
      listeners.onEvaluation?.(done++, total);
      return this.#mayGoOn();
    });
    this.#unsaved = true;
    if (!evaluated) {
      listeners.onStep(unevaluated);
      return false;
    }
    listeners.onStep(state.takeEvaluation(unevaluated, evaluated.loss));
    return true;
  }

  /** Has the model sampled from; what a pause cuts off begins again after it. */
  async #sample(): Promise<void> {
    const { control, listeners, state } = this.parts;
    let interruption: AbortSignal;
    do {
      interruption = control.interruption;
      await listeners.onSample?.(state.step, interruption);
    } while (interruption.aborted && (await this.#mayGoOn()));
  }

  /** Between micro-batches: answers what was asked, rests while paused. False when the run is to end. */
  async #mayGoOn(): Promise<boolean> {
    const { control, clock } = this.parts;
    if (control.asked || control.paused) await this.#takePending();
    await control.serve();
    if (control.paused && !this.#ending) {
      await this.#save('pause');
      clock.stop();
      await control.rest();
      clock.start();
    }
    if (control.stopping) this.#ending ??= { end: 'stopped' };
    return !this.#ending;
  }

  /** Goes back to where the last step left model and data. */
  async #abandonStep(): Promise<void> {
    await this.#takePending();
    await this.parts.model.discard();
    this.parts.train.restore(this.parts.state.cursor);
  }

  async #save(reason: CheckpointReason): Promise<void> {
    if (!this.#unsaved) return;
    const { state, model, clock, listeners } = this.parts;
    const checkpoint = await state.checkpoint(model, clock.seconds);
    if (!allFinite(checkpoint.state)) {
      this.#ending = diverged(`the weights after step ${state.step}`);
      return;
    }
    await listeners.onCheckpoint(checkpoint, { reason, best: state.isBest });
    this.#unsaved = false;
    this.#saveOverdue = false;
  }
}

function diverged(what: string): RunOutcome {
  return {
    end: 'diverged',
    reason: `${what} are not finite; a lower learning rate or a longer warm-up may help`,
  };
}
