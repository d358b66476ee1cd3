import type { TrainingConfig } from '../config';
import type { DataCursor } from '../data/batches';
import type { TrainableModel } from '../model/trainable';
import type { Checkpoint, RunIdentity } from './checkpoint';
import { RunClock } from './clock';
import type { MicroBatches } from './drawn-step';
import type { StepMetrics } from './metrics';
import { RunControl } from './run-control';
import { RunLoop, type RunListeners, type RunOutcome } from './run-loop';
import { RunState } from './run-state';
import { totalSteps } from './schedule';

export type { CheckpointReason, RunListeners, RunOutcome } from './run-loop';
export type { StepMetrics };

export interface TrainerParts {
  model: TrainableModel;
  config: TrainingConfig;
  /** At the start of its first epoch. */
  train: MicroBatches;
  /** At the start of an epoch; null where nothing is held out. */
  evaluation: MicroBatches | null;
  /** What besides the configuration must be the same when a run goes on: model, data, precision. */
  identity?: RunIdentity;
  /** Milliseconds from any fixed moment. */
  now?: () => number;
}

/** Trains a model: one run, in one or more sessions. */
export class Trainer {
  readonly totalSteps: number;
  readonly #state: RunState;
  readonly #clock: RunClock;
  readonly #evaluationStart: DataCursor | null;
  #control: RunControl | null = null;
  #fresh = true;
  #failed = false;

  constructor(private readonly parts: TrainerParts) {
    const { config, train, identity = {} } = parts;
    this.totalSteps = totalSteps(config, train.microBatchesPerEpoch);
    const trainExamples = train.examplesPerEpoch;
    const constants = { config, identity, trainExamples, totalSteps: this.totalSteps };
    this.#state = new RunState(constants, train.cursor);
    this.#clock = new RunClock(parts.now ?? (() => performance.now()));
    this.#evaluationStart = parts.evaluation?.cursor ?? null;
  }

  /** Steps done. */
  get step(): number {
    return this.#state.step;
  }

  /** Of all steps so far, those before a resume among them. */
  get metrics(): readonly StepMetrics[] {
    return this.#state.metrics;
  }

  /**
   * Trains to the end, or until it is stopped. After a stop it may be called again.
   *
   * @throws what the model or a listener throws; the trainer is of no use then, and the run goes on from its last checkpoint in another.
   */
  async run(listeners: RunListeners): Promise<RunOutcome> {
    this.#refuseUnlessAtRest();
    const control = new RunControl();
    const stop = () => control.stop();
    if (listeners.signal?.aborted) stop();
    listeners.signal?.addEventListener('abort', stop, { once: true });
    this.#control = control;
    this.#clock.start();
    const fresh = this.#fresh;
    this.#fresh = false;
    try {
      const loop = new RunLoop({
        ...this.parts,
        state: this.#state,
        clock: this.#clock,
        evaluationStart: this.#evaluationStart,
        control,
        listeners,
      });
      return await loop.run(fresh);
    } catch (error) {
      this.#failed = true;
      throw error;
    } finally {
      this.#control = null;
      this.#clock.stop();
      listeners.signal?.removeEventListener('abort', stop);
      await control.end();
    }
  }

  /**
   * Submits no further micro-batch until `resume`. A checkpoint is made meanwhile.
   * @returns true when the trainer rests; false when the run has ended, or was resumed, before it could.
   */
  async pause(): Promise<boolean> {
    return (await this.#control?.pause()) ?? false;
  }

  resume(): void {
    this.#control?.resume();
  }

  /** Submits no further micro-batch and ends the run where its last step left it; what was accumulated since is thrown away. */
  stop(): void {
    this.#control?.stop();
  }

  /** A checkpoint of the last step; while the run is under way or paused, at the next border of micro-batches. */
  state(): Promise<Checkpoint> {
    const control = this.#control;
    if (!control) return this.#checkpoint();
    return new Promise((resolve, reject) => {
      control.ask(() => this.#checkpoint().then(resolve, reject));
    });
  }

  /**
   * Puts the run where the checkpoint was made.
   *
   * @throws InputError where configuration, identity, data or model are not those of the checkpoint.
   */
  async restore(checkpoint: Checkpoint): Promise<void> {
    this.#refuseUnlessAtRest();
    this.#state.restore(checkpoint, this.parts.model);
    this.parts.train.restore(checkpoint.cursor);
    this.#clock.set(checkpoint.seconds);
    this.#fresh = false;
    await this.parts.model.importState(checkpoint.state);
  }

  async #checkpoint(): Promise<Checkpoint> {
    if (this.#failed) throw new Error('the run has failed; its last checkpoint is what is left');
    return this.#state.checkpoint(this.parts.model, this.#clock.seconds);
  }

  #refuseUnlessAtRest(): void {
    if (this.#control) throw new Error('the run is under way');
    if (this.#failed) throw new Error('the run has failed; go on in a new trainer');
  }
}
