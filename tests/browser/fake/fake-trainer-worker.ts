import { DEFAULT_CONFIG } from '../../../src/config';
import type {
  AnswerPiece,
  Answers,
  AskRequest,
  Forecast,
  ModelSummary,
  Probe,
  ProgressListener,
  RunDetail,
  RunPhase,
  RunRequest,
  RunSummary,
  Suggestion,
  TrainerEvent,
  TrainerOperation,
  TrainerWorker,
} from '../../../src/worker/api';
import { ANSWERS, metricsOf, run, type Scene } from './scenes';

const MIB = 2 ** 20;
const MEMORY = {
  total_bytes: 1371 * MIB,
  weights_bytes: 702 * MIB,
  adapter_bytes: 45 * MIB,
  optimizer_bytes: 135 * MIB,
  activations_bytes: 391 * MIB,
  workspace_bytes: 98 * MIB,
};

/** Plays the run of a scene: buttons change its phase, nothing is computed. */
export class FakeTrainerWorker implements TrainerWorker {
  #listener: (event: TrainerEvent) => void = () => undefined;
  #runs: RunDetail[];
  #cancelInstall: () => void = () => undefined;

  constructor(private readonly scene: Scene) {
    this.#runs = [...(scene.run ? [scene.run] : []), ...scene.otherRuns];
  }

  probe(): Promise<Probe> {
    const storage = { quotaBytes: 4e10, usedBytes: 1e7, persisted: false };
    return Promise.resolve({ gpu: this.scene.gpu, storage });
  }

  listen(listener: (event: TrainerEvent) => void): Promise<void> {
    this.#listener = listener;
    listener({ type: 'lock', lock: this.scene.lock });
    // As in the worker, the page opens the run first and hears of it then.
    setTimeout(() => this.#tellState());
    return Promise.resolve();
  }

  models(): Promise<ModelSummary[]> {
    return Promise.resolve(this.scene.models);
  }

  findModel(repository: string): Promise<ModelSummary> {
    const found = this.scene.models.find((model) => model.id === repository);
    return found
      ? Promise.resolve(found)
      : Promise.reject(
          new Error(`${repository}: the hub has no such repository; check owner and name.`),
        );
  }

  installModel(modelId: string, onProgress: ProgressListener): Promise<ModelSummary> {
    if (this.scene.download === 'arrives') return this.findModel(modelId);
    const activity = 'Downloading model.safetensors';
    onProgress({ activity, done: 4.1e8, total: 1.03e9, unit: 'bytes' });
    if (this.scene.download === 'breaks off') {
      return Promise.reject(
        new Error(
          'model.safetensors: the connection to the model host broke off; 391 MiB are kept, so press Go on downloading',
        ),
      );
    }
    const startedAt = performance.now();
    const ticks = setInterval(() => {
      const seconds = (performance.now() - startedAt) / 1000;
      onProgress({ activity, done: 4.1e8 + 1.1e7 * seconds, total: 1.03e9, unit: 'bytes' });
    }, 100);
    return new Promise((_, reject) => {
      this.#cancelInstall = () => {
        clearInterval(ticks);
        reject(new DOMException('It was cancelled.', 'AbortError'));
      };
    });
  }

  installFiles(): Promise<ModelSummary> {
    return this.findModel('starter');
  }

  removeModel(): Promise<void> {
    return Promise.resolve();
  }

  async suggest(): Promise<Suggestion> {
    if (this.scene.suggests === 'when told') {
      await new Promise((resolve) => addEventListener('suggest', resolve, { once: true }));
    }
    const { prompts } = run('finished', 0);
    return { config: { ...DEFAULT_CONFIG, r: 8, max_steps: 60 }, prompts, sampleEverySteps: 10 };
  }

  forecast(modelId: string): Promise<Forecast> {
    const fits = this.scene.models.find((model) => model.id === modelId)?.fits !== false;
    return Promise.resolve({
      memory: MEMORY,
      budgetBytes: 8192 * MIB,
      verdict: fits ? 'fits' : 'too-large',
      remedy: {},
      steps: 100,
      ...this.scene.forecast,
    });
  }

  duration(): Promise<number | null> {
    return this.scene.timing ? new Promise(() => undefined) : Promise.resolve(530);
  }

  train(request: RunRequest): Promise<RunDetail> {
    const started = { ...run('training', 0), config: request.config, prompts: request.prompts };
    this.#runs = [started, ...this.#runs.filter((other) => other.id !== started.id)];
    setTimeout(() => {
      this.#listener({
        type: 'steps',
        runId: started.id,
        metrics: [1, 2, 3].map((step) => metricsOf(step, 100, 1)),
      });
    });
    return Promise.resolve(started);
  }

  pause(): Promise<void> {
    return this.#become('paused');
  }

  resume(): Promise<void> {
    return this.#become('training');
  }

  stop(): Promise<void> {
    return this.#become('stopped');
  }

  runs(): Promise<RunSummary[]> {
    return Promise.resolve(this.#runs);
  }

  openRun(runId: string): Promise<RunDetail> {
    const found = this.#runs.find((other) => other.id === runId);
    return found ? Promise.resolve(found) : Promise.reject(new Error('There is no such run.'));
  }

  lastRun(): Promise<RunDetail | null> {
    return Promise.resolve(this.scene.run);
  }

  renameRun(runId: string, name: string): Promise<void> {
    this.#runs = this.#runs.map((other) => (other.id === runId ? { ...other, name } : other));
    return Promise.resolve();
  }

  deleteRun(runId: string): Promise<void> {
    this.#runs = this.#runs.filter((other) => other.id !== runId);
    return Promise.resolve();
  }

  async ask(_: AskRequest, onPiece: (piece: AnswerPiece) => void): Promise<Answers> {
    for (const side of ['base', 'tuned'] as const) {
      for (const text of ANSWERS[side].split(/(?= )/)) {
        onPiece({ side, text });
        await Promise.resolve();
      }
    }
    return {
      base: { text: ANSWERS.base, tokens: 31, finishReason: 'length' },
      tuned: { text: ANSWERS.tuned, tokens: 47, finishReason: 'stop' },
    };
  }

  download(_: string, onProgress: ProgressListener): Promise<File> {
    onProgress({ activity: 'Writing the zip', done: 1, total: 1, unit: 'bytes' });
    return Promise.resolve(new File(['nothing was trained'], 'fables-1.zip'));
  }

  cancel(operation: TrainerOperation): Promise<void> {
    if (operation === 'install') this.#cancelInstall();
    return Promise.resolve();
  }

  #tellState(): void {
    const current = this.scene.run;
    if (!current) return;
    this.#listener({ type: 'run', run: current });
    this.#listener({ type: 'memory', runId: current.id, memory: MEMORY });
    const { progress, notice } = this.scene;
    if (progress) this.#listener({ type: 'progress', runId: current.id, progress });
    if (notice) this.#listener({ type: 'notice', runId: current.id, notice });
  }

  #become(phase: RunPhase): Promise<void> {
    const current = this.#runs[0];
    if (current) this.#listener({ type: 'run', run: { ...current, phase } });
    return Promise.resolve();
  }
}
