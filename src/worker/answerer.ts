import type { Tokenizer } from '../data/tokenizer';
import type { Runtime } from '../engine/runtime';
import { InputError } from '../errors';
import type { LlamaFolder } from '../formats/llama-folder';
import { describeFolder } from '../model/llama-weights';
import { LlamaGenerator } from '../model/llama-generator';
import { loadWeights, type LoadOptions } from '../model/load-weights';
import { openGenerator } from '../model/open-generator';
import { trainedAdapter } from '../model/open-training';
import { PlannedTraining } from '../model/planned-training';
import type { Checkpoint } from '../train/checkpoint';
import type { Answer, AnswerPiece, Answers, AskRequest } from './api';
import { chatPrompt, plainPrompt, writeText } from './chat-prompt';
import { GENERATION_CAPACITY, generationGraph } from './loaded-run';

/** A generator and the index of one model among its adapters. */
interface Side {
  readonly generator: LlamaGenerator;
  readonly adapter: number;
}

/** A run's base and tuned model on the GPU, ready to be asked. */
export interface Answerer {
  readonly base: Side;
  readonly tuned: Side;
  readonly folder: LlamaFolder;
  readonly tokenizer: Tokenizer;
  destroy(): void;
}

/** Loads the models that a checkpoint stands for. */
export async function openAnswerer(
  runtime: Runtime,
  folder: LlamaFolder,
  tokenizer: Tokenizer | null,
  checkpoint: Checkpoint,
  options: LoadOptions,
): Promise<Answerer> {
  if (!tokenizer) throw new InputError('the model has no tokenizer, so it cannot be asked');
  const { config } = checkpoint;
  if (config.method === 'full') return openFull(runtime, folder, tokenizer, checkpoint, options);
  const adapter = trainedAdapter(
    checkpoint.parameters.map((parameter) => ({ ...parameter, decay: true })),
    checkpoint.state,
    config,
    folder.name,
  );
  const opened = await openGenerator(
    runtime,
    { folder, settings: config, adapter, capacity: GENERATION_CAPACITY },
    options,
  );
  const { generator } = opened;
  return {
    base: { generator, adapter: 0 },
    tuned: { generator, adapter: 1 },
    folder,
    tokenizer,
    destroy: () => opened.destroy(),
  };
}

/** Full fine-tuning changed the weights themselves: two whole models. */
async function openFull(
  runtime: Runtime,
  folder: LlamaFolder,
  tokenizer: Tokenizer,
  { config, state, parameters }: Checkpoint,
  options: LoadOptions,
): Promise<Answerer> {
  const base = await openGenerator(
    runtime,
    { folder, settings: config, capacity: GENERATION_CAPACITY },
    options,
  );
  const batch = { rows: 1, rowLength: 1 };
  const planned = new PlannedTraining(describeFolder(folder), config, batch, runtime.gpu);
  const graph = generationGraph(planned, folder);
  try {
    await planned.trained.materialise(runtime.gpu);
    await loadWeights(runtime, folder, planned.weights, { signal: options.signal });
    parameters.forEach(({ name }, index) => {
      const values = state.parameters[index];
      if (values) planned.parameters.write(runtime.gpu, name, 'parameters', values);
    });
    const tuned = await LlamaGenerator.create(runtime, graph);
    return {
      base: { generator: base.generator, adapter: 0 },
      tuned: { generator: tuned, adapter: 0 },
      folder,
      tokenizer,
      destroy() {
        tuned.destroy();
        planned.trained.destroy();
        base.destroy();
      },
    };
  } catch (error) {
    graph.set.destroy();
    planned.trained.destroy();
    base.destroy();
    throw error;
  }
}

/** Asks both models, base first. */
export async function askBoth(
  answerer: Answerer,
  request: AskRequest,
  template: Parameters<typeof chatPrompt>[1],
  onPiece: (piece: AnswerPiece) => void,
  signal: AbortSignal,
): Promise<Answers> {
  const { tokenizer } = answerer;
  const question = request.question.trim();
  if (question === '') throw new InputError('the question is empty; write one');
  const prompt =
    tokenizer.chatTemplate === null && template === 'auto'
      ? plainPrompt(tokenizer, question)
      : chatPrompt(tokenizer, template, question);
  if (prompt.length >= GENERATION_CAPACITY) {
    throw new InputError(
      `the question has ${prompt.length} tokens; shorten it to fewer than ${GENERATION_CAPACITY}`,
    );
  }
  const ask = async (side: AnswerPiece['side']): Promise<Answer> => {
    const { generator, adapter } = answerer[side];
    const tokens = generator.generate({
      adapter,
      prompt,
      maxTokens: request.maximumTokens,
      settings: { temperature: request.temperature, topP: 1, topK: 0, seed: request.seed },
      endTokens: answerer.folder.config.eos_token_ids,
      signal,
    });
    return writeText(tokens, tokenizer, (text) => onPiece({ side, text }));
  };
  return { base: await ask('base'), tuned: await ask('tuned') };
}
