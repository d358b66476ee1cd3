import { parseTrainingConfig } from '../config';
import { InputError } from '../errors';
import { bestCheckpoint } from '../storage/checkpoints';
import { plainName } from '../storage/model-cache';
import { estimateStorage } from '../storage/quota';
import type { Checkpoint } from '../train/checkpoint';
import { decodeCheckpoint } from '../train/checkpoint-files';
import { Advisor } from './advisor';
import type * as Api from './api';
import { Asking } from './asking';
import type { GpuAccess, Wait } from './gpu-access';
import { LoadedRun, type OpenModelForRun } from './loaded-run';
import { MeasuredPace } from './measured-pace';
import type { ModelShelf } from './models';
import { newRun } from './new-run';
import { Operations } from './operations';
import { RunAtWork } from './run-at-work';
import { RunListing } from './run-listing';
import { downloadFiles, zipFile, zipName } from './run-zip';
import type { Services, StoredRun } from './services';
import { datasetOfRun, forgetForRun, keepForRun, openStoredDataset } from './stored-dataset';
import { TabLock } from './tab-lock';
import { throttledProgress } from './throttled-progress';
import { sameTokenization } from './tokenization';
import { writeOwned } from './unowned-files';

type Method<Name extends keyof Api.TrainerWorker> = Api.TrainerWorker[Name];

const MODELS_LOCK = 'tunesmith-model-files';

/** What the service takes from its surroundings, and a test gives it. */
export interface TrainerHost {
  readonly locks: LockManager;
  readonly wait: Wait;
  readonly openModel: OpenModelForRun;
}

/** The worker's own. */
export function workerHost(): TrainerHost {
  return {
    locks: navigator.locks,
    wait: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
    openModel: (parts, options) => LoadedRun.open(parts, options),
  };
}

/** What the trainer's worker does for the page; `api.ts` says what each method promises. */
export class TrainerService implements Api.TrainerWorker {
  readonly #listing: RunListing;
  readonly #lock: TabLock;
  readonly #pace: MeasuredPace;
  readonly #advisor: Advisor;
  readonly #asking: Asking;
  readonly #operations = new Operations<Api.TrainerOperation>();
  #listener: (event: Api.TrainerEvent) => void = () => undefined;
  #atWork: RunAtWork | null = null;
  /** Whether a run is about to be at work. */
  #beginning = false;
  /** Counts the events that tell how a run stands. */
  #runsTold = 0;

  constructor(
    private readonly services: Services,
    private readonly shelf: ModelShelf,
    private readonly gpu: GpuAccess,
    private readonly host: TrainerHost,
  ) {
    const atWork = () => this.#atWork;
    this.#listing = new RunListing(services, atWork, () => this.#lock.runElsewhere());
    this.#lock = new TabLock((lock) => this.#emit({ type: 'lock', lock }), host.locks);
    this.#pace = new MeasuredPace({ gpu, isFree: () => this.#isFree(), wait: host.wait });
    this.#advisor = new Advisor(services, shelf, gpu, this.#pace);
    const checkpoint = (run: StoredRun) => this.#checkpoint(run);
    this.#asking = new Asking({ services, shelf, gpu, atWork, checkpoint, wait: host.wait });
  }

  /** Whether a run is at work in this worker, or about to be. */
  get isTraining(): boolean {
    return this.#atWork !== null || this.#beginning;
  }

  probe: Method<'probe'> = async () => ({
    gpu: await this.gpu.probe(),
    storage: await estimateStorage(),
  });

  listen: Method<'listen'> = async (listener) => {
    this.#listener = listener;
    await this.#lock.watch();
    this.#emit({ type: 'lock', lock: this.#lock.state });
    if (this.#atWork) await this.#emitRun(this.#atWork.id);
  };

  models: Method<'models'> = () => this.#advisor.models();

  findModel: Method<'findModel'> = (repository) =>
    this.#operations.run('install', async (signal) =>
      this.#advisor.summary(await this.shelf.find(repository, signal)),
    );

  installModel: Method<'installModel'> = (modelId, onProgress) =>
    this.#install((signal) => this.shelf.install(modelId, throttledProgress(onProgress), signal));

  installFiles: Method<'installFiles'> = (folder, files, onProgress) =>
    this.#install((signal) =>
      this.shelf.installFiles(folder, files, throttledProgress(onProgress), signal),
    );

  removeModel: Method<'removeModel'> = async (modelId) => {
    const run = this.#atWork && (await this.#listing.get(this.#atWork.id));
    if (run?.modelId === modelId) {
      throw new InputError('the run at work needs this model; stop it first');
    }
    await this.shelf.remove(modelId);
  };

  suggest: Method<'suggest'> = (modelId, datasetId) => this.#advisor.suggest(modelId, datasetId);

  forecast: Method<'forecast'> = (modelId, datasetId, config) =>
    this.#advisor.forecast(modelId, datasetId, config);

  duration: Method<'duration'> = (modelId, datasetId, config, sampling) =>
    this.#advisor.duration(modelId, datasetId, config, sampling);

  train: Method<'train'> = async (request) => {
    const config = parseTrainingConfig(request.config);
    return this.#begin(async () => {
      const { stored } = await openStoredDataset(this.services, request.datasetId);
      if (stored.summary.examples === 0) {
        throw new InputError('the dataset has nothing to train on');
      }
      const model = (await this.shelf.list()).find(({ id }) => id === request.modelId);
      if (model?.state !== 'installed') {
        throw new InputError('the model is not installed; download it first');
      }
      // Another tab may have tokenised them again for its own model and settings.
      if (!sameTokenization(stored.summary.tokenization, { ...config, modelId: request.modelId })) {
        throw new InputError(
          'the data are tokenised for another model or other settings; train again',
        );
      }
      const taken = (await this.services.runs.list()).map(({ name }) => name);
      const run = newRun(request, config, model.name, stored.summary, taken);
      try {
        await keepForRun(this.services, run.id, stored);
        await this.services.runs.put(run);
      } catch (error) {
        await forgetForRun(this.services, run.id);
        throw error;
      }
      return run;
    });
  };

  pause: Method<'pause'> = async () => this.#atWork?.pause();

  resume: Method<'resume'> = async (runId) => {
    if (this.#atWork?.id === runId) {
      // It answers from the weights that it trains.
      await this.#operations.cancel('ask');
      return this.#atWork.resume();
    }
    await this.#begin(async () => {
      const run = await this.#listing.get(runId);
      if (run.phase === 'finished') throw new InputError('the run is finished; start a new one');
      return { ...run, phase: 'preparing', failure: null, closed: false };
    });
    await this.#emitRun(runId);
  };

  stop: Method<'stop'> = async () => {
    await this.#operations.cancel('ask');
    await this.#atWork?.stop();
  };

  runs: Method<'runs'> = () => this.#listing.list();
  openRun: Method<'openRun'> = (runId) => this.#listing.detail(runId);
  lastRun: Method<'lastRun'> = () => this.#listing.last();

  renameRun: Method<'renameRun'> = async (runId, name) => {
    await this.services.runs.rename(runId, name);
    await this.#emitRun(runId);
  };

  deleteRun: Method<'deleteRun'> = async (runId) => {
    if (this.#atWork?.id === runId) throw new InputError('the run is at work; stop it first');
    // Another tab may have deleted it already.
    const run = (await this.#listing.list()).find(({ id }) => id === runId);
    if (run?.phase === 'elsewhere') {
      throw new InputError('the run is at work in another tab; stop it there first');
    }
    await this.services.runs.delete(runId);
    await forgetForRun(this.services, runId);
  };

  ask: Method<'ask'> = (request, onPiece, onProgress) =>
    this.#operations.run('ask', async (signal) => {
      this.#pace.putAside();
      await this.#lock.refuseElsewhere();
      const run = await this.#listing.get(request.runId);
      const listeners = { onPiece, onProgress: throttledProgress(onProgress) };
      return this.#asking.ask(run, request, listeners, signal);
    });

  download: Method<'download'> = (runId, onProgress) =>
    this.#operations.run('download', async (signal) => {
      const run = await this.#listing.get(runId);
      const checkpoint = await this.#checkpoint(run);
      const { folder, tokenizer } = await this.shelf.open(run.modelId);
      const stored = await this.services.datasets.get(datasetOfRun(runId));
      if (!stored) throw new InputError('the dataset of the run is not stored here any more');
      const dataset = stored.summary;
      const source = { folder, tokenizer, checkpoint, baseModel: plainName(run.modelId), dataset };
      const files = () => downloadFiles(source);
      const progress = throttledProgress(onProgress);
      return zipFile(this.services, zipName(run.name), files, progress, signal);
    });

  cancel: Method<'cancel'> = (operation) => this.#operations.cancel(operation);

  /** Adds a model, the only one here, after what ended tabs have left of theirs is deleted. */
  #install(work: (signal: AbortSignal) => ReturnType<ModelShelf['install']>) {
    const sweep = () => this.services.models.sweep();
    return this.#operations.run('install', async (signal) => {
      const model = await writeOwned(this.host.locks, MODELS_LOCK, sweep, () => work(signal));
      return this.#advisor.summary(model);
    });
  }

  /** Whether nobody is at work on the GPU. */
  async #isFree(): Promise<boolean> {
    if (this.isTraining || this.#operations.isRunning('ask')) return false;
    return !(await this.#lock.isElsewhere());
  }

  /** Takes the lock and sets a run to work. */
  async #begin(prepare: () => Promise<StoredRun>): Promise<Api.RunDetail> {
    if (this.isTraining) {
      throw new InputError('a run is at work already; stop it first');
    }
    this.#beginning = true;
    this.#pace.putAside();
    try {
      // Its models leave the GPU.
      await this.#operations.cancel('ask');
      await this.#lock.take();
      const run = await prepare();
      this.#lock.nameRun(run.id);
      this.#asking.forget();
      const { services, shelf: models, gpu, host } = this;
      const emit = (event: Api.TrainerEvent): void => this.#emit(event);
      this.#atWork = new RunAtWork(run, {
        services,
        models,
        gpu,
        listing: this.#listing,
        emit,
        ...host,
      });
      void this.#follow(this.#atWork);
      return await this.#listing.detail(run.id);
    } finally {
      this.#beginning = false;
      if (!this.#atWork) this.#lock.release();
    }
  }

  async #follow(run: RunAtWork): Promise<void> {
    try {
      await run.done;
    } catch (error) {
      // Not even its end could be stored.
      const notice = { severity: 'error' as const, message: String(error) };
      this.#emit({ type: 'notice', runId: run.id, notice });
    }
    this.#atWork = null;
    this.#lock.release();
    await this.#emitRun(run.id).catch(() => undefined);
  }

  /** The run as it rests on the GPU, else its best checkpoint where it stopped early, else its last. @throws InputError where there is none */
  async #checkpoint({ id, config }: StoredRun): Promise<Checkpoint> {
    const held = this.#atWork?.id === id ? await this.#atWork.checkpoint() : undefined;
    if (held) return held;
    const records = await this.services.checkpoints.list(id);
    const best = config.early_stopping_patience > 0 ? bestCheckpoint(records) : undefined;
    const record = best ?? records[0];
    if (!record) throw new InputError('the run has no checkpoint yet; wait for its first step');
    return decodeCheckpoint(this.services.checkpoints.folder(record));
  }

  /** Tells a run as it stands, never after something newer that the run told itself meanwhile. */
  async #emitRun(runId: string): Promise<void> {
    let told: number;
    let run: Api.RunSummary;
    do {
      told = this.#runsTold;
      run = await this.#listing.summary(await this.#listing.get(runId));
    } while (told !== this.#runsTold);
    this.#emit({ type: 'run', run });
  }

  #emit(event: Api.TrainerEvent): void {
    if (event.type === 'run') this.#runsTold += 1;
    this.#listener(event);
  }
}
