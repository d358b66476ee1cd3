/** A run at work over a model on the CPU and storage in memory, with a GPU that can be lost: what the tests of the worker share. */

import { expect } from 'vitest';
import { DEFAULT_CONFIG, type TrainingConfig } from '../../src/config';
import { buildDataset } from '../../src/data/build-dataset';
import { memorySource } from '../../src/formats/byte-source';
import type { LlamaFolder } from '../../src/formats/llama-folder';
import type { TrainableModel } from '../../src/model/trainable';
import { CheckpointStore } from '../../src/storage/checkpoints';
import { DatasetStore } from '../../src/storage/datasets';
import { ModelCache } from '../../src/storage/model-cache';
import { RunStore } from '../../src/storage/runs';
import type { Checkpoint } from '../../src/train/checkpoint';
import { decodeCheckpoint } from '../../src/train/checkpoint-files';
import { runBatches } from '../../src/train/run-batches';
import type { RunPhase, RunSummary, TrainerEvent } from '../../src/worker/api';
import { GpuAccess, type Wait } from '../../src/worker/gpu-access';
import type { LoadedModel, OpenModelForRun } from '../../src/worker/loaded-run';
import { newRun } from '../../src/worker/new-run';
import { RunAtWork, type RunSurroundings } from '../../src/worker/run-at-work';
import { RunListing } from '../../src/worker/run-listing';
import type { Services, StoredDataset, StoredRun } from '../../src/worker/services';
import { keepForRun } from '../../src/worker/stored-dataset';
import { TinyModel } from '../reference/tiny-model';
import { freshDatabase } from '../storage/fresh-database';
import { MemoryStore } from '../storage/memory-store';
import {
  bitsOf,
  randomExamples,
  VOCABULARY,
  withoutSeconds,
  type SmallExample,
} from '../train/training-bench';
import { FakeGpu } from './fake-gpu';

export const CONFIG: TrainingConfig = {
  ...DEFAULT_CONFIG,
  method: 'lora',
  quantization: 'none',
  learning_rate: 0.05,
  lora_dropout: 0.2,
  gradient_accumulation_steps: 2,
  packing: false,
  max_steps: 5,
  save_steps: 2,
  eval_fraction: 0.3,
  eval_steps: 3,
};

export interface BenchData {
  examples?: readonly SmallExample[];
  vocabulary?: number;
}

/** What a run works with instead of the CPU's model and its GPU. */
export type OtherModel = Pick<RunSurroundings, 'models' | 'openModel'> & { instance: GPU };

/** Services whose every part lies in memory. */
export async function memoryServices(): Promise<Services & { downloads: MemoryStore }> {
  const database = await freshDatabase();
  const downloads = new MemoryStore();
  return {
    runs: new RunStore(database),
    checkpoints: new CheckpointStore(database),
    datasets: new DatasetStore(database),
    models: new ModelCache(database, new MemoryStore()),
    datasetFiles: new MemoryStore(),
    downloads,
    openDownload: (folder, name) =>
      Promise.resolve(new File([Uint8Array.from(downloads.bytes(folder, name) ?? [])], name)),
  };
}

/** Stores a small dataset of token ids, as the dataset's worker does. */
export async function storeDataset(
  services: Services,
  id: string,
  { examples = randomExamples(12, 1), vocabulary = VOCABULARY }: BenchData = {},
): Promise<StoredDataset> {
  const folder = await services.datasetFiles.folder(id);
  const sink = await folder.append('tokens');
  const lines = examples.map((example) => JSON.stringify(example));
  const file = memorySource('data.jsonl', new TextEncoder().encode(lines.join('\n')));
  const tokenization = {
    modelId: 'tiny',
    chat_template: 'auto',
    train_on_prompt: false,
    max_seq_length: CONFIG.max_seq_length,
  } as const;
  const dataset = await buildDataset([file], null, tokenization, sink, {
    vocabularySize: vocabulary,
  });
  await sink.close();
  const stored: StoredDataset = {
    summary: {
      id,
      files: [...dataset.files],
      examples: dataset.examples,
      tokens: dataset.tokens,
      trainedTokens: dataset.trainedTokens,
      truncated: 0,
      dropped: 0,
      problems: [],
      problemCount: 0,
      lengths: { binWidth: 1, counts: [], longest: 0 },
      tokenization,
    },
    index: dataset.index,
    folder: id,
    tokensFile: 'tokens',
  };
  await services.datasets.put(id, stored);
  return stored;
}

/** The model of a run on a GPU that may be lost: everything asked of it is an occasion, and rejects when it is lost. */
export class TinyLoaded implements LoadedModel {
  readonly model: TrainableModel;
  readonly batches: LoadedModel['batches'];

  constructor(
    parts: Parameters<OpenModelForRun>[0],
    private readonly bench: RunBench,
  ) {
    const { dataset, config } = parts;
    this.batches = runBatches(dataset, config);
    const model = new TinyModel({ vocabulary: VOCABULARY, hidden: 3, dropout: 0.3 });
    this.model = new Proxy(model, {
      get: (_, name: string) => {
        const member: unknown = Reflect.get(model, name, model);
        if (typeof member !== 'function' || name === 'destroy') return member;
        const call = member.bind(model) as (...values: unknown[]) => unknown;
        return async (...values: unknown[]) => {
          await this.#occasion(name);
          const result = await call(...values);
          this.#refuseIfLost();
          return result;
        };
      },
    });
  }

  async sample(
    prompt: string,
    { signal, onProgress }: Parameters<LoadedModel['sample']>[1],
  ): Promise<string> {
    for (let token = 0; token < 3; token++) {
      await this.#occasion('token');
      signal.throwIfAborted();
      onProgress?.(token + 1, 3);
    }
    return `${prompt} and so on`;
  }

  answerer(): null {
    return null;
  }

  destroy(): void {
    this.bench.loaded -= 1;
  }

  async #occasion(name: string): Promise<void> {
    this.#refuseIfLost();
    await this.bench.occasion(name);
    this.#refuseIfLost();
  }

  #refuseIfLost(): void {
    // As browsers call it.
    if (this.bench.gpu.lost) throw new DOMException('The device is lost.', 'AbortError');
  }
}

export class RunBench {
  readonly gpu = new FakeGpu();
  readonly events: TrainerEvent[] = [];
  /** Waits of more than a second that were asked for. */
  readonly waits: number[] = [];
  /** Models on the GPU. */
  loaded = 0;
  /** Called at every occasion on which something may happen to a run, by what it does. */
  onOccasion: (name: string, count: number) => void | Promise<void> = () => undefined;
  /** What a wait does instead of passing at once. */
  onWait: (milliseconds: number) => Promise<void> | undefined = () => undefined;
  #occasions = 0;
  #milliseconds = 0;
  #run: RunAtWork | null = null;
  #access: GpuAccess | null = null;

  private constructor(
    readonly services: Services,
    readonly record: StoredRun,
    private readonly other: OtherModel | undefined,
  ) {}

  static async create(
    config: Partial<TrainingConfig> = {},
    data: BenchData = {},
    other?: OtherModel,
  ): Promise<RunBench> {
    const services = await memoryServices();
    const stored = await storeDataset(services, 'data', data);
    const request = {
      name: 'A run',
      modelId: 'tiny',
      datasetId: 'data',
      config: { ...CONFIG, ...config },
      precision: 'auto' as const,
      prompts: ['Once', 'Twice'],
      sampleEverySteps: 3,
    };
    const record = newRun(request, request.config, 'Tiny', stored.summary);
    await keepForRun(services, record.id, stored);
    await services.runs.put(record);
    return new RunBench(services, record, other);
  }

  readonly models = {
    open: async () => {
      await this.occasion('open');
      return { folder: { name: 'tiny' } as LlamaFolder, tokenizer: null };
    },
  };

  get run(): RunAtWork {
    if (!this.#run) throw new Error('the run is not begun');
    return this.#run;
  }

  /** Sets the run to work again from what is stored of it, and lets it end. */
  async beginAgain(): Promise<void> {
    const stored = (await this.services.runs.get(this.record.id)) ?? this.record;
    await this.begin({ ...stored, phase: 'preparing', failure: null }).done;
  }

  begin(record = this.record): RunAtWork {
    const { services } = this;
    this.#access ??= new GpuAccess(
      () => this.other?.instance ?? this.gpu.instance,
      () => this.#milliseconds,
    );
    this.#run = new RunAtWork(record, {
      services,
      gpu: this.#access,
      listing: new RunListing(
        services,
        () => this.#run,
        () => Promise.resolve(null),
      ),
      emit: (event) => void this.events.push(event),
      models: this.models,
      openModel: this.openModel,
      wait: this.wait,
      ...this.other,
    });
    return this.#run;
  }

  async occasion(name: string): Promise<void> {
    await this.onOccasion(name, ++this.#occasions);
  }

  /** Phases in the order in which they were told, each once in a row. */
  get phases(): RunPhase[] {
    const all = this.summaries.map(({ phase }) => phase);
    return all.filter((phase, index) => phase !== all[index - 1]);
  }

  get summaries(): RunSummary[] {
    return this.events.flatMap((event) => (event.type === 'run' ? [event.run] : []));
  }

  get notices(): string[] {
    return this.events.flatMap((event) => (event.type === 'notice' ? [event.notice.message] : []));
  }

  /** Resolves when the run was told to be in a phase; rejects where it ends first. */
  async until(phase: RunPhase): Promise<void> {
    const ended = this.run.done.then(() => true);
    for (;;) {
      if (this.summaries.at(-1)?.phase === phase) return;
      const turn = new Promise<false>((resolve) => setImmediate(() => resolve(false)));
      if ((await Promise.race([ended, turn])) && this.summaries.at(-1)?.phase !== phase) {
        throw new Error(`the run ended ${this.phases.join(', ')}`);
      }
    }
  }

  /** Resolves when the run rests and has given the reason once more, or has ended. */
  async untilPausedOrDone(reason: RegExp): Promise<void> {
    const given = () => this.notices.filter((notice) => reason.test(notice)).length;
    const before = given();
    const done = this.run.done.then(() => true);
    const turn = () => new Promise<false>((resolve) => setImmediate(() => resolve(false)));
    while (!(await Promise.race([done, turn()]))) {
      const last = this.events.at(-1);
      const isPaused = last?.type === 'run' && last.run.phase === 'paused';
      if (isPaused && given() > before) return;
    }
  }

  async lastCheckpoint(): Promise<Checkpoint> {
    const [last] = await this.services.checkpoints.list(this.record.id);
    if (!last) throw new Error('there is no checkpoint');
    return decodeCheckpoint(this.services.checkpoints.folder(last));
  }

  /** All that a run leaves, to be compared bit for bit with another's. */
  async outcome(): Promise<object> {
    const { id } = this.record;
    const last = await this.lastCheckpoint();
    const run = await this.services.runs.get(id);
    return {
      phase: run?.phase,
      step: run?.step,
      failure: run?.failure,
      samples: run?.samples,
      bits: bitsOf(last),
      checkpointMetrics: withoutSeconds(last.metrics),
      metrics: withoutSeconds(await this.services.runs.metrics(id)),
    };
  }

  readonly openModel: OpenModelForRun = async (parts, options) => {
    for (let piece = 1; piece <= 3; piece++) {
      await this.occasion('load');
      options.signal?.throwIfAborted();
      if (this.gpu.lost) throw new DOMException('The device is lost.', 'AbortError');
      options.onProgress?.(piece, 3);
    }
    this.loaded += 1;
    expect(this.loaded, 'models on the GPU at once').toBe(1);
    return new TinyLoaded(parts, this);
  };

  /** Takes a turn of the event loop, in which what was settled before is heard of. Short waits are grace periods that others cut short. */
  readonly wait: Wait = async (milliseconds) => {
    const isLong = milliseconds > 1000;
    if (isLong) this.waits.push(milliseconds);
    await this.onWait(milliseconds);
    await new Promise((resolve) => setImmediate(resolve));
    if (isLong) this.#milliseconds += milliseconds;
  };
}
