import type { TrainingConfig } from '../config';
import type { TokenizedDataset } from '../data/dataset';
import type { Tokenizer } from '../data/tokenizer';
import type { Runtime } from '../engine/runtime';
import type { LlamaFolder } from '../formats/llama-folder';
import { GenerationGraph } from '../model/generation-graph';
import { LlamaGenerator } from '../model/llama-generator';
import type { LoadOptions } from '../model/load-weights';
import { openTraining, type OpenTraining } from '../model/open-training';
import type { TrainableModel } from '../model/trainable';
import { runBatches, type RunBatches } from '../train/run-batches';
import type { Answerer } from './answerer';
import { chatPrompt, plainPrompt, writeText } from './chat-prompt';
import { isSoftware } from './gpu-access';

/** Tokens of prompt and answer together that a run keeps room for. */
export const GENERATION_CAPACITY = 640;
const SAMPLE_TOKENS = 80;
/** Where a CPU plays the GPU a token takes as long as the whole sample does on a GPU. */
const SOFTWARE_SAMPLE_TOKENS = 24;
const GREEDY = { temperature: 0, topP: 1, topK: 0, seed: 0 };

export interface LoadedRunParts {
  readonly runtime: Runtime;
  readonly folder: LlamaFolder;
  readonly tokenizer: Tokenizer | null;
  readonly dataset: TokenizedDataset;
  readonly config: TrainingConfig;
}

export interface SampleOptions {
  readonly signal: AbortSignal;
  /** Told of tokens: how many are written, and how many there will be at most. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** A run's model on the GPU, as the run works with it. */
export interface LoadedModel {
  readonly model: TrainableModel;
  readonly batches: RunBatches;
  /** What the tuned model makes of a prompt now: an answer, or where it learns plain text, how the text goes on. */
  sample(prompt: string, options: SampleOptions): Promise<string>;
  /** Base and tuned model as they lie here; null where they cannot be asked. */
  answerer(): Answerer | null;
  destroy(): void;
}

/** Loads a run's model. @throws GpuError where memory does not suffice; nothing stays allocated then */
export type OpenModelForRun = (parts: LoadedRunParts, options: LoadOptions) => Promise<LoadedModel>;

/** A run's model on the GPU: what trains it, and what writes with the same weights meanwhile. */
export class LoadedRun implements LoadedModel {
  private constructor(
    private readonly parts: LoadedRunParts,
    readonly batches: RunBatches,
    private readonly training: OpenTraining,
    private readonly generator: LlamaGenerator,
  ) {}

  /** @throws GpuError where memory does not suffice; nothing stays allocated then. */
  static async open(parts: LoadedRunParts, options: LoadOptions): Promise<LoadedRun> {
    const { runtime, folder, dataset, config } = parts;
    const batches = runBatches(dataset, config);
    const source = { folder, config, batch: batches.shape };
    const training = await openTraining(runtime, source, options);
    const graph = generationGraph(training.planned, folder);
    try {
      options.signal?.throwIfAborted();
      const generator = await LlamaGenerator.create(runtime, graph);
      return new LoadedRun(parts, batches, training, generator);
    } catch (error) {
      graph.set.destroy();
      training.destroy();
      throw error;
    }
  }

  get model(): TrainableModel {
    return this.training.model;
  }

  async sample(prompt: string, { signal, onProgress }: SampleOptions): Promise<string> {
    const { tokenizer, config, folder, dataset, runtime } = this.parts;
    if (!tokenizer) return '';
    const ids = learnsText(dataset)
      ? plainPrompt(tokenizer, prompt)
      : chatPrompt(tokenizer, config.chat_template, prompt);
    const maxTokens = sampleTokens(isSoftware(runtime.gpu.info));
    onProgress?.(0, maxTokens);
    const { text } = await writeText(
      this.generator.generate({
        adapter: this.#tuned,
        prompt: ids.slice(-(GENERATION_CAPACITY - maxTokens)),
        maxTokens,
        settings: GREEDY,
        endTokens: folder.config.eos_token_ids,
        signal,
      }),
      tokenizer,
      (_, tokens) => onProgress?.(tokens, maxTokens),
    );
    return text;
  }

  answerer(): Answerer | null {
    const { folder, tokenizer } = this.parts;
    // Full fine-tuning has changed the base itself.
    if (this.#tuned === 0 || !tokenizer) return null;
    const { generator } = this;
    return {
      base: { generator, adapter: 0 },
      tuned: { generator, adapter: this.#tuned },
      folder,
      tokenizer,
      destroy: () => undefined,
    };
  }

  destroy(): void {
    this.generator.destroy();
    this.training.destroy();
  }

  /** Index of the tuned model among the generator's adapters; in full fine-tuning the weights themselves are tuned. */
  get #tuned(): number {
    return this.training.planned.lora ? 1 : 0;
  }
}

/** Tokens of a sample at most. */
export function sampleTokens(software: boolean): number {
  return software ? SOFTWARE_SAMPLE_TOKENS : SAMPLE_TOKENS;
}

/** The graph that a run writes with, over the weights that it trains. */
export function generationGraph(
  { weights, lora, activationType }: OpenTraining['planned'],
  { config }: Pick<LlamaFolder, 'config'>,
): GenerationGraph {
  return new GenerationGraph({
    config,
    weights,
    adapters: lora ? [null, lora] : [null],
    capacity: GENERATION_CAPACITY,
    cacheType: activationType,
  });
}

/** Whether all examples are documents: then a prompt is a beginning of text, not a question. */
export function learnsText(dataset: TokenizedDataset): boolean {
  return dataset.files.every(({ examples }) =>
    Object.keys(examples).every((kind) => kind === 'document'),
  );
}
