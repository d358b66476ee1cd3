import type { Runtime } from '../engine/runtime';
import { adapterName, GpuError, type GpuFailure } from '../engine/gpu';
import { messageOf } from '../errors';
import { asPrediction } from '../model/memory';
import { QuotaError } from '../storage/errors';
import type { Checkpoint } from '../train/checkpoint';
import { Trainer, type RunOutcome, type StepMetrics } from '../train/trainer';
import type { Sample, TrainerEvent } from './api';
import { lossSoon, type Wait } from './gpu-access';
import type { LoadedModel, OpenModelForRun } from './loaded-run';
import type { Models } from './models';
import type { RunJournal } from './run-journal';
import type { Services } from './services';
import { datasetOfRun, openStoredDataset } from './stored-dataset';

/** What a session works with. */
export interface SessionParts {
  readonly services: Services;
  readonly models: Pick<Models, 'open'>;
  readonly openModel: OpenModelForRun;
  readonly emit: (event: TrainerEvent) => void;
  readonly wait: Wait;
}

/** What ends a rest in which a checkpoint waits for room. */
type RestEnd = 'resumed' | 'stopped' | 'ended';

/** One stretch of a run on one device: from the loading of its model to its end, or to the loss of the GPU. */
export class RunSession {
  #loaded: LoadedModel | null = null;
  #trainer: Trainer | null = null;
  #training = false;
  #lost: GpuFailure | null = null;
  readonly #ending = new AbortController();
  #unstored: { checkpoint: Checkpoint; endRest: (end: RestEnd) => void } | null = null;

  constructor(
    private readonly runtime: Runtime,
    private readonly journal: RunJournal,
    private readonly parts: SessionParts,
  ) {}

  /** What `stop` or `end` was given, or the loss of the GPU: whatever came first. */
  get endedBy(): unknown {
    return this.#ending.signal.reason as unknown;
  }

  /** Whether it is past its preparations, so that it can be paused and go on. */
  get training(): boolean {
    return this.#training;
  }

  /** The model on the GPU, to be asked while the session rests. */
  get model(): LoadedModel | null {
    return this.#loaded;
  }

  /**
   * Prepares and trains. Frees the GPU's memory before it resolves or rejects.
   * @throws GpuError when the GPU is lost or too small; what `end` was given, while it is not training yet
   */
  async run(): Promise<RunOutcome> {
    void this.runtime.gpu.lost.then((failure) => {
      this.#lost = failure;
      this.end(new GpuError(failure));
    });
    try {
      const outcome = await this.#train();
      if (this.#lost && outcome.end === 'stopped') throw new GpuError(this.#lost);
      return outcome;
    } catch (error) {
      throw await this.#lossBehind(error);
    } finally {
      this.#training = false;
      this.#loaded?.destroy();
      this.#loaded = null;
    }
  }

  /** Resolves with true when the GPU rests, with false when the session ended instead. */
  async pause(): Promise<boolean> {
    return (await this.#trainer?.pause()) ?? false;
  }

  resume(): void {
    this.#unstored?.endRest('resumed');
    this.#trainer?.resume();
  }

  /** Ends within one micro-batch or token, after a last checkpoint where it trains. */
  stop(reason: unknown): void {
    this.#unstored?.endRest('stopped');
    this.#ending.abort(reason);
  }

  /** Ends it without another checkpoint. */
  end(reason: unknown): void {
    this.#unstored?.endRest('ended');
    this.#ending.abort(reason);
  }

  /** The checkpoint of a session that rests. */
  async checkpoint(): Promise<Checkpoint | undefined> {
    return this.#unstored?.checkpoint ?? this.#trainer?.state();
  }

  async #train(): Promise<RunOutcome> {
    const { models, services, openModel, emit } = this.parts;
    const { id, modelId, datasetId, config, sampleEverySteps } = this.journal.run;
    const { signal } = this.#ending;
    const { folder, tokenizer } = await models.open(modelId);
    const { dataset } = await openStoredDataset(services, datasetOfRun(id));
    signal.throwIfAborted();
    const onProgress = (done: number, total: number): void =>
      this.journal.doing({ activity: 'Loading the model', done, total, unit: 'bytes' });
    const source = { runtime: this.runtime, folder, tokenizer, dataset, config };
    const unwatch = this.runtime.kernels.watch((done, total) =>
      this.journal.doing({ activity: 'Compiling the shaders', done, total, unit: 'parts' }),
    );
    const loaded = await openModel(source, { onProgress, signal }).finally(unwatch);
    this.#loaded = loaded;
    const memory = asPrediction(this.runtime.gpu.memory.byPurpose);
    emit({ type: 'memory', runId: id, memory });
    const { model, batches } = loaded;
    const identity = { model: modelId, dataset: datasetId };
    const { train, evaluation } = batches;
    const trainer = new Trainer({ model, config, train, evaluation, identity });
    const last = await this.journal.lastCheckpoint();
    if (last) {
      await trainer.restore(last);
      await this.journal.rewind(last);
    }
    signal.throwIfAborted();
    await this.journal.change({
      phase: 'training',
      totalSteps: trainer.totalSteps,
      gpu: adapterName(this.runtime.gpu.info),
    });
    // A pause or a stop that came while that was stored.
    signal.throwIfAborted();
    this.#trainer = trainer;
    this.#training = true;
    return trainer.run({
      onStep: (metrics) => this.#step(metrics),
      onEvaluation: (done, total) =>
        this.journal.doing({ activity: 'Evaluating', done, total, unit: 'parts' }),
      onCheckpoint: (checkpoint) => this.#keep(checkpoint),
      onSample: (step, interruption) => this.#sample(step, loaded, interruption),
      sampleSteps: sampleEverySteps,
      signal,
    });
  }

  #step(metrics: StepMetrics): void {
    this.journal.step(metrics);
    if (metrics.eval_loss !== undefined) this.journal.doing(null);
  }

  async #sample(step: number, loaded: LoadedModel, interruption: AbortSignal): Promise<void> {
    const { prompts } = this.journal.run;
    const samples: Sample[] = [];
    for (const [index, prompt] of prompts.entries()) {
      const activity = `Writing sample ${index + 1} of ${prompts.length}`;
      try {
        const text = await loaded.sample(prompt, {
          onProgress: (done, total) =>
            this.journal.doing({ activity, done, total, unit: 'tokens' }),
          signal: interruption,
        });
        samples.push({ step, prompt, text });
      } catch (error) {
        if (!interruption.aborted || this.#lost) throw error;
        // The trainer asks for them again when it goes on.
        samples.length = 0;
        break;
      }
    }
    if (samples.length > 0) await this.journal.samples(step, samples);
    this.journal.doing(null);
  }

  /**
   * Stores a checkpoint. A full storage pauses the run here, with everything still on the GPU and the checkpoint in memory, where it can be
   * downloaded: going on tries again; stopping does too, and then makes do with what is stored.
   */
  async #keep(checkpoint: Checkpoint): Promise<void> {
    for (let end: RestEnd = 'resumed'; ;) {
      try {
        if (end === 'ended') return;
        await this.journal.save(checkpoint);
        return;
      } catch (error) {
        if (!(error instanceof QuotaError)) throw error;
        if (end === 'stopped') return this.#giveUp(error);
        end = await this.#restWith(checkpoint, error);
      }
    }
  }

  async #restWith(checkpoint: Checkpoint, error: QuotaError): Promise<RestEnd> {
    let endRest: (end: RestEnd) => void = () => undefined;
    const ended = new Promise<RestEnd>((resolve) => {
      endRest = resolve;
    });
    this.#unstored = { checkpoint, endRest };
    if (this.#lost) endRest('ended');
    await this.journal.change({ phase: 'paused' });
    const result = this.journal.run.config.method === 'full' ? 'model' : 'adapter';
    await this.journal.notice(
      'error',
      `${messageOf(error)}. The run is paused and nothing of it is lost: download the ${result}, or free some space and press Resume.`,
    );
    const end = await ended;
    this.#unstored = null;
    return end;
  }

  async #giveUp(error: QuotaError): Promise<void> {
    const message = `${messageOf(error)}. The run keeps its last stored checkpoint.`;
    await this.journal.notice('error', message);
  }

  /** The loss of the GPU where that is what is behind an error, else the error. */
  async #lossBehind(error: unknown): Promise<unknown> {
    if (this.#ending.signal.aborted && !this.#lost) return error;
    const lost = await lossSoon(this.runtime.gpu, this.parts.wait);
    return lost ? new GpuError(lost) : error;
  }
}
