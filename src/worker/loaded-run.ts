import type { TrainingConfig } from '../config';
import type { TokenizedDataset } from '../data/dataset';
import type { Tokenizer } from '../data/tokenizer';
import type { Runtime } from '../engine/runtime';
import type { LlamaFolder } from '../formats/llama-folder';
import { GenerationGraph } from '../model/generation-graph';
import { LlamaGenerator } from '../model/llama-generator';
import type { LoadOptions } from '../model/load-weights';
import { openTraining, type OpenTraining } from '../model/open-training';
import { runBatches, type RunBatches } from '../train/run-batches';
import { chatPrompt, plainPrompt, writeText } from './chat-prompt';

/** Tokens of prompt and answer together that a run keeps room for. */
export const GENERATION_CAPACITY = 640;
/** Tokens of a sample at most. */
const SAMPLE_TOKENS = 80;
const GREEDY = { temperature: 0, topP: 1, topK: 0, seed: 0 };

export interface LoadedRunParts {
  readonly runtime: Runtime;
  readonly folder: LlamaFolder;
  readonly tokenizer: Tokenizer | null;
  readonly dataset: TokenizedDataset;
  readonly config: TrainingConfig;
}

/** A run's model on the GPU: what trains it, and what writes with the same weights meanwhile. */
export class LoadedRun {
  private constructor(
    readonly parts: LoadedRunParts,
    readonly batches: RunBatches,
    readonly training: OpenTraining,
    readonly generator: LlamaGenerator,
  ) {}

  /** @throws GpuError where memory does not suffice; nothing stays allocated then. */
  static async open(parts: LoadedRunParts, options: LoadOptions): Promise<LoadedRun> {
    const { runtime, folder, dataset, config } = parts;
    const batches = runBatches(dataset, config);
    const source = { folder, config, batch: batches.shape };
    const training = await openTraining(runtime, source, options);
    const graph = generationGraph(training.planned, folder);
    try {
      const generator = await LlamaGenerator.create(runtime, graph);
      return new LoadedRun(parts, batches, training, generator);
    } catch (error) {
      graph.set.destroy();
      training.destroy();
      throw error;
    }
  }

  /** Index of the tuned model among the generator's adapters; in full fine-tuning the weights themselves are tuned. */
  get tuned(): number {
    return this.training.planned.lora ? 1 : 0;
  }

  /** What the tuned model makes of a prompt now: an answer, or where it learns plain text, how the text goes on. */
  async sample(prompt: string, signal: AbortSignal): Promise<string> {
    const { tokenizer, config, folder, dataset } = this.parts;
    if (!tokenizer) return '';
    const ids = learnsText(dataset)
      ? plainPrompt(tokenizer, prompt)
      : chatPrompt(tokenizer, config.chat_template, prompt);
    const { text } = await writeText(
      this.generator.generate({
        adapter: this.tuned,
        prompt: ids.slice(-(GENERATION_CAPACITY - SAMPLE_TOKENS)),
        maxTokens: SAMPLE_TOKENS,
        settings: GREEDY,
        endTokens: folder.config.eos_token_ids,
        signal,
      }),
      tokenizer,
    );
    return text;
  }

  destroy(): void {
    this.generator.destroy();
    this.training.destroy();
  }
}

/** The graph that a run writes with, over the weights that it trains. */
export function generationGraph(
  { weights, lora }: OpenTraining['planned'],
  { config }: Pick<LlamaFolder, 'config'>,
): GenerationGraph {
  return new GenerationGraph({
    config,
    weights,
    adapters: lora ? [null, lora] : [null],
    capacity: GENERATION_CAPACITY,
  });
}

/** Whether all examples are documents: then a prompt is a beginning of text, not a question. */
export function learnsText(dataset: TokenizedDataset): boolean {
  return dataset.files.every(({ examples }) =>
    Object.keys(examples).every((kind) => kind === 'document'),
  );
}
