import { parseTrainingConfig, type TrainingConfig } from '../config';
import { InputError } from '../errors';
import { describeFolder } from '../model/llama-weights';
import { bestCheckpoint } from '../storage/checkpoints';
import { estimateStorage } from '../storage/quota';
import type { Checkpoint } from '../train/checkpoint';
import { decodeCheckpoint } from '../train/checkpoint-files';
import { downloadFiles, zipStream } from './adapter-zip';
import { answererOf, askBoth, openAnswerer, type Answerer } from './answerer';
import type * as Api from './api';
import { describeConfig, forecast } from './forecast';
import { type GpuAccess } from './gpu-access';
import { countParameters, type Models } from './models';
import { Operations } from './operations';
import { RunAtWork } from './run-at-work';
import { RunListing } from './run-listing';
import { storedFile, type Services, type StoredRun } from './services';
import { STARTER } from './starter-model';
import { datasetOfRun, forgetForRun, keepForRun, openStoredDataset } from './stored-dataset';
import { suggest } from './suggest';
import { TabLock } from './tab-lock';
import { throttledProgress } from './throttled-progress';

type Method<Name extends keyof Api.TrainerWorker> = Api.TrainerWorker[Name];

/** What the trainer's worker does for the page; `api.ts` says what each method promises. */
export class TrainerService implements Api.TrainerWorker {
  readonly #listing: RunListing;
  readonly #lock: TabLock;
  readonly #operations = new Operations<Api.TrainerOperation>();
  #listener: (event: Api.TrainerEvent) => void = () => undefined;
  #atWork: RunAtWork | null = null;
  /** The models of the last question, kept for the next. */
  #answerer: { key: string; answerer: Answerer } | null = null;

  constructor(
    private readonly services: Services,
    private readonly shelf: Models,
    private readonly gpu: GpuAccess,
  ) {
    this.#listing = new RunListing(services, () => this.#atWork?.id);
    this.#lock = new TabLock((lock) => this.#emit({ type: 'lock', lock }));
  }

  probe: Method<'probe'> = async () => ({
    gpu: await this.gpu.probe(),
    storage: await estimateStorage(),
  });

  listen: Method<'listen'> = async (listener) => {
    this.#listener = listener;
    await this.#lock.watch();
    this.#emit({ type: 'lock', lock: this.#lock.state });
    if (!this.#atWork) return;
    const run = await this.#listing.summary(await this.#listing.get(this.#atWork.id));
    this.#emit({ type: 'run', run });
  };

  models: Method<'models'> = async () => {
    const described = await this.shelf.list();
    const probe = await this.gpu.probe();
    const budget = 'memoryBudgetBytes' in probe ? probe.memoryBudgetBytes : null;
    const software = 'software' in probe && probe.software;
    const summaries = await Promise.all(
      described.map(async (model) => ({
        ...model,
        fits: budget === null ? null : await this.#fits(model.id, budget),
        proposed: false,
      })),
    );
    // On a software GPU anything but the starter would take days.
    const candidates = software ? summaries.filter(({ id }) => id === STARTER) : summaries;
    const fitting = candidates.filter(({ fits }) => fits !== false);
    const most = Math.max(...fitting.map(({ parameters }) => parameters));
    const best = fitting.find(({ parameters }) => parameters === most);
    return summaries.map((model) => ({ ...model, proposed: model === best }));
  };

  findModel: Method<'findModel'> = async (repository) =>
    this.#summary(await this.shelf.find(repository));

  installModel: Method<'installModel'> = (modelId, onProgress) =>
    this.#operations.run('install', async (signal) =>
      this.#summary(await this.shelf.install(modelId, throttledProgress(onProgress), signal)),
    );

  installFiles: Method<'installFiles'> = (files, onProgress) =>
    this.#operations.run('install', async (signal) =>
      this.#summary(await this.shelf.installFiles(files, throttledProgress(onProgress), signal)),
    );

  removeModel: Method<'removeModel'> = async (modelId) => {
    const run = this.#atWork && (await this.#listing.get(this.#atWork.id));
    if (run?.modelId === modelId) {
      throw new InputError('the run at work needs this model; stop it first');
    }
    await this.shelf.remove(modelId);
  };

  suggest: Method<'suggest'> = async (modelId, datasetId) => {
    const { dataset } = await openStoredDataset(this.services, datasetId);
    const parameters = countParameters(await this.shelf.config(modelId));
    const tokenizer = await this.shelf.tokenizer(modelId);
    return suggest(parameters, dataset, tokenizer);
  };

  forecast: Method<'forecast'> = async (modelId, datasetId, config) => {
    const checked = parseTrainingConfig(config);
    const probe = await this.gpu.probe();
    const budget = 'memoryBudgetBytes' in probe ? probe.memoryBudgetBytes : 0;
    const dataset = datasetId ? (await openStoredDataset(this.services, datasetId)).dataset : null;
    const description = await this.#describe(modelId);
    const result = forecast(description, checked, dataset, budget);
    return { ...result, seconds: await this.#seconds(modelId, checked, result.steps) };
  };

  train: Method<'train'> = async (request) => {
    const config = parseTrainingConfig(request.config);
    if (this.#atWork) throw new InputError('a run is at work already; stop it first');
    const { stored } = await openStoredDataset(this.services, request.datasetId);
    if (stored.summary.examples === 0) throw new InputError('the dataset has nothing to train on');
    const model = (await this.shelf.list()).find(({ id }) => id === request.modelId);
    if (model?.state !== 'installed') {
      throw new InputError('the model is not installed; download it first');
    }
    await this.#lock.take();
    const run = newRun(request, config, model.name, dataName(stored.summary));
    try {
      await keepForRun(this.services, run.id, stored);
      await this.services.runs.put(run);
    } catch (error) {
      this.#lock.release();
      throw error;
    }
    await this.#begin(run);
    return this.#listing.detail(run.id);
  };

  pause: Method<'pause'> = async () => this.#atWork?.pause();

  resume: Method<'resume'> = async (runId) => {
    if (this.#atWork?.id === runId) return this.#atWork.resume();
    if (this.#atWork) throw new InputError('another run is at work; stop it first');
    const run = await this.#listing.get(runId);
    if (run.phase === 'finished') throw new InputError('the run is finished; start a new one');
    await this.#lock.take();
    await this.#begin({ ...run, phase: 'preparing', failure: null, closed: false });
  };

  stop: Method<'stop'> = async () => this.#atWork?.stop();

  runs: Method<'runs'> = () => this.#listing.list();
  openRun: Method<'openRun'> = (runId) => this.#listing.detail(runId);
  lastRun: Method<'lastRun'> = () => this.#listing.last();

  renameRun: Method<'renameRun'> = async (runId, name) => {
    await this.services.runs.rename(runId, name);
    this.#emit({ type: 'run', run: await this.#listing.summary(await this.#listing.get(runId)) });
  };

  deleteRun: Method<'deleteRun'> = async (runId) => {
    if (this.#atWork?.id === runId) throw new InputError('the run is at work; stop it first');
    await this.services.runs.delete(runId);
    await forgetForRun(this.services, runId);
  };

  ask: Method<'ask'> = (request, onPiece, onProgress) =>
    this.#operations.run('ask', async (signal) => {
      const run = await this.#listing.get(request.runId);
      const answerer = await this.#openAnswerer(run, throttledProgress(onProgress), signal);
      return askBoth(answerer, request, run.config.chat_template, onPiece, signal);
    });

  download: Method<'download'> = (runId, onProgress) =>
    this.#operations.run('download', async (signal) => {
      const run = await this.#listing.get(runId);
      const checkpoint = await this.#checkpoint(runId);
      const { folder, tokenizer } = await this.shelf.open(run.modelId);
      const stored = await this.services.datasets.get(datasetOfRun(runId));
      if (!stored) throw new InputError('the dataset of the run is not stored here any more');
      const source = { folder, tokenizer, checkpoint, baseModel: run.modelId };
      const files = await downloadFiles({ ...source, dataset: stored.summary });
      return this.#writeZip(run, files, throttledProgress(onProgress), signal);
    });

  cancel: Method<'cancel'> = (operation) => this.#operations.cancel(operation);

  async #begin(run: StoredRun): Promise<void> {
    this.#forgetAnswerer();
    const { services, shelf: models, gpu } = this;
    const stored = await services.runs.update(run.id, run);
    const atWork = new RunAtWork(stored, {
      services,
      models,
      gpu,
      listing: this.#listing,
      emit: (event) => this.#emit(event),
      wait: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
    });
    this.#atWork = atWork;
    this.#emit({ type: 'run', run: await this.#listing.summary(stored) });
    void atWork.done.then(async () => {
      this.#atWork = null;
      this.#lock.release();
      const ended = await services.runs.get(run.id);
      if (ended) this.#emit({ type: 'run', run: await this.#listing.summary(ended) });
    });
  }

  async #openAnswerer(
    run: StoredRun,
    onProgress: Api.ProgressListener,
    signal: AbortSignal,
  ): Promise<Answerer> {
    if (this.#atWork?.id === run.id) {
      const resting = this.#atWork.resting && answererOf(this.#atWork.resting);
      if (resting) return resting;
    }
    if (this.#atWork) throw new InputError('the GPU is training; pause or stop the run, then ask');
    const [last] = await this.services.checkpoints.list(run.id);
    const key = `${run.id} ${last?.sequence ?? ''}`;
    if (this.#answerer?.key === key && this.gpu.current) return this.#answerer.answerer;
    this.#forgetAnswerer();
    const checkpoint = await this.#checkpoint(run.id);
    const { folder, tokenizer } = await this.shelf.open(run.modelId);
    const runtime = await this.gpu.open(run.precision);
    const answerer = await openAnswerer(runtime, folder, tokenizer, checkpoint, {
      signal,
      onProgress: (done, total) =>
        onProgress({ activity: 'Loading the model', done, total, unit: 'bytes' }),
    });
    this.#answerer = { key, answerer };
    return answerer;
  }

  #forgetAnswerer(): void {
    this.#answerer?.answerer.destroy();
    this.#answerer = null;
  }

  /** The run's best checkpoint where it stopped early, else its last. @throws InputError where there is none */
  async #checkpoint(runId: string): Promise<Checkpoint> {
    const records = await this.services.checkpoints.list(runId);
    const run = await this.#listing.get(runId);
    const best = run.config.early_stopping_patience > 0 ? bestCheckpoint(records) : undefined;
    const record = best ?? records[0];
    if (!record) throw new InputError('the run has no checkpoint yet; wait for its first step');
    return decodeCheckpoint(this.services.checkpoints.folder(record));
  }

  async #writeZip(
    run: StoredRun,
    files: Awaited<ReturnType<typeof downloadFiles>>,
    onProgress: Api.ProgressListener,
    signal: AbortSignal,
  ): Promise<File> {
    const total = files.reduce((sum, { bytes }) => sum + bytes.length, 0);
    await this.services.downloads.remove('zips');
    const folder = await this.services.downloads.folder('zips');
    const name = `${run.name.replace(/[^\p{L}\p{N}._-]+/gu, '-').slice(0, 80) || 'adapter'}.zip`;
    const appender = await folder.append(name);
    try {
      const reader = zipStream(files).getReader();
      for (let next = await reader.read(); !next.done; next = await reader.read()) {
        signal.throwIfAborted();
        await appender.append(new Uint8Array(next.value));
        const done = Math.min(appender.size, total);
        onProgress({ activity: `Writing ${name}`, done, total, unit: 'bytes' });
      }
      await appender.flush();
    } finally {
      await appender.close();
    }
    return storedFile('downloads', 'zips', name);
  }

  async #describe(modelId: string) {
    const installed = (await this.shelf.list()).find(({ id }) => id === modelId);
    if (installed?.state === 'installed')
      return describeFolder((await this.shelf.open(modelId)).folder);
    const prequantised = modelId.endsWith('bnb-4bit');
    return describeConfig(await this.shelf.config(modelId), prequantised);
  }

  async #fits(modelId: string, budget: number): Promise<boolean> {
    const description = describeConfig(await this.shelf.config(modelId), false);
    return forecast(description, parseTrainingConfig({}), null, budget).verdict === 'fits';
  }

  async #summary(model: Omit<Api.ModelSummary, 'fits' | 'proposed'>): Promise<Api.ModelSummary> {
    const known = (await this.models()).find(({ id }) => id === model.id);
    return known ?? { ...model, fits: null, proposed: false };
  }

  /** From the speed of the newest run of this model with steps to tell from. */
  async #seconds(
    modelId: string,
    config: TrainingConfig,
    steps: number | null,
  ): Promise<number | null> {
    if (steps === null) return null;
    const runs = await this.services.runs.list();
    const similar = runs.find(
      (run) => run.modelId === modelId && run.step >= 3 && run.config.method === config.method,
    );
    if (!similar) return null;
    const metrics = await this.services.runs.metrics(similar.id);
    const last = metrics.at(-1);
    if (!last || last.seconds <= 0) return null;
    const tokensOf = (settings: TrainingConfig): number =>
      settings.micro_batch_size * settings.gradient_accumulation_steps * settings.max_seq_length;
    const secondsPerStep = last.seconds / last.step;
    return (steps * secondsPerStep * tokensOf(config)) / tokensOf(similar.config);
  }

  #emit(event: Api.TrainerEvent): void {
    this.#listener(event);
  }
}

function newRun(
  { name, modelId, datasetId, precision, prompts, sampleEverySteps }: Api.RunRequest,
  config: TrainingConfig,
  modelName: string,
  data: string,
): StoredRun {
  return {
    id: crypto.randomUUID(),
    name: name.trim() || `${data.split(',')[0] ?? 'data'} on ${modelName}`,
    createdAt: Date.now(),
    phase: 'preparing',
    modelId,
    datasetId,
    config,
    step: 0,
    totalSteps: 0,
    loss: null,
    bestEvalLoss: null,
    modelName,
    dataName: data,
    failure: null,
    precision,
    prompts: [...prompts],
    sampleEverySteps,
    samples: [],
    notices: [],
    closed: false,
  };
}

/** 'fables.txt, 412 examples' */
function dataName({ files, examples }: Api.DatasetSummary): string {
  const [first, ...others] = files.map(({ name }) => name);
  const more = others.length > 0 ? ` and ${others.length} more` : '';
  return `${first ?? 'data'}${more}, ${examples} ${examples === 1 ? 'example' : 'examples'}`;
}
