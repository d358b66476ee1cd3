import { GpuError } from '../engine/gpu';
import { InputError, messageOf } from '../errors';
import { asPrediction } from '../model/memory';
import { QuotaError } from '../storage/errors';
import type { Checkpoint } from '../train/checkpoint';
import { decodeCheckpoint, encodeCheckpoint } from '../train/checkpoint-files';
import { Trainer, type RunOutcome } from '../train/trainer';
import type { Notice, RunPhase, TrainerEvent } from './api';
import type { GpuAccess } from './gpu-access';
import { LoadedRun } from './loaded-run';
import { MetricsWriter } from './metrics-writer';
import type { Models } from './models';
import type { RunListing } from './run-listing';
import type { Services, StoredRun } from './services';
import { datasetOfRun, openStoredDataset } from './stored-dataset';

/** What a run works with. */
export interface RunSurroundings {
  readonly services: Services;
  readonly models: Models;
  readonly gpu: GpuAccess;
  readonly listing: RunListing;
  readonly emit: (event: TrainerEvent) => void;
  /** Waits for so many milliseconds: before the GPU may be asked for again. */
  readonly wait: (milliseconds: number) => Promise<void>;
}

/** The one run that this worker trains, from its preparation to its end, across losses of the GPU. */
export class RunAtWork {
  #loaded: LoadedRun | null = null;
  #trainer: Trainer | null = null;
  #stopped = false;
  readonly #stopping = new AbortController();
  readonly #metrics: MetricsWriter;
  /** Resolves when the run has left the GPU. */
  readonly done: Promise<void>;

  constructor(
    private run: StoredRun,
    private readonly around: RunSurroundings,
  ) {
    this.#metrics = new MetricsWriter(around.services.runs, run.id, (error) => {
      void this.#notice('warning', messageOf(error));
    });
    this.done = this.#live();
  }

  get id(): string {
    return this.run.id;
  }

  get phase(): RunPhase {
    return this.run.phase;
  }

  /** The model on the GPU, while the run is paused: it may be asked then. */
  get resting(): LoadedRun | null {
    return this.run.phase === 'paused' ? this.#loaded : null;
  }

  async pause(): Promise<void> {
    if (this.run.phase !== 'training') return;
    await this.#trainer?.pause();
    await this.#change({ phase: 'paused' });
  }

  async resume(): Promise<void> {
    if (this.run.phase !== 'paused') return;
    await this.#change({ phase: 'training' });
    this.#trainer?.resume();
  }

  /** Ends within one micro-batch, its adapter kept. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#stopping.abort(new DOMException('The run was stopped.', 'AbortError'));
    this.#trainer?.stop();
    await this.done;
  }

  async #live(): Promise<void> {
    try {
      while (!(await this.#session())) {
        // The GPU was lost: once more, from the last checkpoint.
      }
    } catch (error) {
      await this.#end(error);
    }
    await this.#metrics.flush();
  }

  /** One stretch on one device. @returns false where the GPU was lost and the run is to go on. */
  async #session(): Promise<boolean> {
    const { gpu } = this.around;
    const runtime = await gpu.open(this.run.precision);
    const state = { lost: false };
    const loss = runtime.gpu.lost.then((failure) => {
      state.lost = true;
      throw new GpuError(failure);
    });
    // Raced below; a loss after the end of the session concerns nobody.
    loss.catch(() => undefined);
    try {
      const outcome = await Promise.race([this.#trainOn(runtime), loss]);
      await this.#finish(outcome);
      return true;
    } catch (error) {
      if (this.#stopped) throw error;
      // A call that the loss has broken may be heard of before the loss itself.
      await Promise.race([loss.catch(() => undefined), this.around.wait(1000)]);
      if (!state.lost) throw error;
      await this.#recover();
      return false;
    } finally {
      this.#trainer = null;
      this.#loaded?.destroy();
      this.#loaded = null;
    }
  }

  async #recover(): Promise<void> {
    await this.#change({ phase: 'recovering' });
    const wait = this.around.gpu.waitMilliseconds;
    const when = wait > 0 ? `in ${Math.ceil(wait / 1000)} s, when the browser allows it` : 'now';
    await this.#notice(
      'warning',
      `The GPU was lost; the run goes on from its last checkpoint ${when}.`,
    );
    await this.around.wait(wait);
  }

  async #trainOn(runtime: Awaited<ReturnType<GpuAccess['open']>>): Promise<RunOutcome> {
    const { services, models, emit } = this.around;
    const { id, config } = this.run;
    const { folder, tokenizer } = await models.open(this.run.modelId);
    const { dataset } = await openStoredDataset(services, datasetOfRun(id));
    const parts = { runtime, folder, tokenizer, dataset, config };
    const loaded = await LoadedRun.open(parts, {
      onProgress: (done, total) => {
        const progress = { activity: 'Loading the model', done, total, unit: 'bytes' as const };
        emit({ type: 'progress', runId: id, progress });
      },
      signal: this.#stopping.signal,
    });
    this.#loaded = loaded;
    emit({ type: 'memory', runId: id, memory: asPrediction(runtime.gpu.memory.byPurpose) });
    const trainer = new Trainer({
      model: loaded.training.model,
      config,
      train: loaded.batches.train,
      evaluation: loaded.batches.evaluation,
      identity: { model: this.run.modelId, dataset: this.run.datasetId },
    });
    this.#trainer = trainer;
    await this.#restore(trainer);
    await this.#change({ phase: 'training', totalSteps: trainer.totalSteps });
    return trainer.run({
      onStep: (metrics) => this.#step(metrics),
      onCheckpoint: (checkpoint) => this.#save(checkpoint),
      onSample: (step) => this.#sample(step, loaded),
      sampleSteps: this.run.sampleEverySteps,
      signal: this.#stopping.signal,
    });
  }

  /** Goes back to the last checkpoint, where there is one. */
  async #restore(trainer: Trainer): Promise<void> {
    const { services, emit } = this.around;
    const [last] = await services.checkpoints.list(this.id);
    if (!last) return;
    const checkpoint = await decodeCheckpoint(services.checkpoints.folder(last));
    await trainer.restore(checkpoint);
    const { step } = last;
    await this.#metrics.flush();
    await services.runs.rewindMetrics(this.id, step);
    const loss = checkpoint.metrics.at(-1)?.loss ?? null;
    await this.#change({ step, loss });
    emit({ type: 'rewound', runId: this.id, step });
  }

  #step(metrics: Parameters<MetricsWriter['add']>[0]): void {
    this.#metrics.add(metrics);
    const { step, loss, eval_loss: evalLoss } = metrics;
    this.run = { ...this.run, step, loss };
    if (evalLoss !== undefined && evalLoss < (this.run.bestEvalLoss ?? Infinity)) {
      this.run.bestEvalLoss = evalLoss;
    }
    this.around.emit({ type: 'steps', runId: this.id, metrics: [metrics] });
  }

  async #save(checkpoint: Checkpoint): Promise<void> {
    const { services } = this.around;
    const { step } = this.run;
    const last = checkpoint.metrics.at(-1);
    const evalLoss = last?.step === step ? (last.eval_loss ?? null) : null;
    try {
      const files = await encodeCheckpoint(checkpoint);
      await services.checkpoints.save({ runId: this.id, step, evalLoss }, files);
      await this.#change({});
    } catch (error) {
      if (!(error instanceof QuotaError)) throw error;
      await this.#notice('error', messageOf(error));
      // Not waited for: pausing makes a checkpoint of its own, which waits for this one to end.
      void this.pause();
    }
  }

  async #sample(step: number, loaded: LoadedRun): Promise<void> {
    const samples = [];
    for (const prompt of this.run.prompts) {
      if (this.#stopping.signal.aborted) return;
      samples.push({ step, prompt, text: await loaded.sample(prompt, this.#stopping.signal) });
    }
    if (samples.length === 0) return;
    const kept = this.run.samples.filter((sample) => sample.step < step);
    await this.#change({ samples: [...kept, ...samples] });
    this.around.emit({ type: 'samples', runId: this.id, samples });
  }

  async #finish(outcome: RunOutcome): Promise<void> {
    switch (outcome.end) {
      case 'diverged':
        return this.#change({ phase: 'failed', failure: outcome.reason });
      case 'stopped':
        return this.#change({ phase: 'stopped' });
      case 'stopped-early':
        await this.#notice('information', 'The evaluation loss stopped falling; the best is kept.');
        return this.#change({ phase: 'finished' });
      case 'finished':
        return this.#change({ phase: 'finished' });
    }
  }

  /** The run ends with an error, or because it was stopped before it began. */
  async #end(error: unknown): Promise<void> {
    if (this.#stopped) return this.#change({ phase: 'stopped' });
    await this.#change({ phase: 'failed', failure: failureSentence(error) });
  }

  async #notice(severity: Notice['severity'], message: string): Promise<void> {
    const notice = { severity, message };
    this.around.emit({ type: 'notice', runId: this.id, notice });
    await this.#change({ notices: [...this.run.notices, notice] });
  }

  /** Stores a change and tells it. A full storage does not stop a run from being told about. */
  async #change(change: Partial<StoredRun>): Promise<void> {
    const { services, listing, emit } = this.around;
    this.run = { ...this.run, ...change };
    // Whoever renames the run meanwhile writes its stored name.
    const { name } = (await services.runs.get(this.id)) ?? this.run;
    this.run = { ...this.run, name };
    try {
      await services.runs.update(this.id, this.run);
    } catch (error) {
      if (!(error instanceof QuotaError)) throw error;
    }
    emit({ type: 'run', run: await listing.summary(this.run) });
  }
}

function failureSentence(error: unknown): string {
  if (error instanceof GpuError && error.failure.kind === 'out-of-memory') {
    return `${error.message} Take a smaller model, a shorter max_seq_length or a smaller micro_batch_size, and turn gradient checkpointing on.`;
  }
  if (error instanceof InputError || error instanceof GpuError) return error.message;
  return `The run could not go on: ${messageOf(error)}`;
}
