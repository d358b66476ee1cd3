import { chatTemplate } from '../../data/chat-templates';
import { encodePrompt, loadTokenizer, type Tokenizer } from '../../data/tokenizer';
import { InputError } from '../../errors';
import type { FinishReason, GenerateOptions, LlamaGenerator } from '../../model/llama-generator';
import { BASE, TUNED } from '../../model/open-generator';
import { defineCommand } from '../command';
import { adapter, headQuantization, model, precision, quantization } from '../common-options';
import { withGenerator } from '../loaded-model';
import { openAdapter, openModel } from '../model-input';
import { flag, integerBetween, numberBetween, optional, required, share } from '../options';
import { withRuntime } from '../runtime';

const DEFAULT_TOKENS = 256;
const MOST_TOKENS = 2 ** 20;
const LARGEST_SEED = 2 ** 32 - 1;

/** Continues a prompt. */
export const generateCommand = defineCommand({
  name: 'generate',
  summary: 'continues a prompt, or answers it as one turn of a chat',
  options: {
    model,
    adapter,
    quantization,
    headQuantization,
    prompt: required({ placeholder: 'P', help: 'the text' }, (word) => word),
    chat: flag("renders the prompt as a user's turn by the model's chat template"),
    maxTokens: optional(
      { placeholder: 'N', help: `tokens at most (default ${DEFAULT_TOKENS})` },
      integerBetween(1, MOST_TOKENS),
    ),
    temperature: optional(
      { placeholder: 'T', help: '0 (default): always the likeliest token' },
      numberBetween(0, 1000),
    ),
    topP: optional(
      { placeholder: 'P', help: 'draws among the likeliest tokens that reach this probability' },
      share,
    ),
    topK: optional(
      { placeholder: 'K', help: 'draws among the K likeliest tokens; 0 (default): among all' },
      integerBetween(0, LARGEST_SEED),
    ),
    seed: optional(
      { placeholder: 'S', help: 'of the draws (default 0)' },
      integerBetween(0, LARGEST_SEED),
    ),
    precision,
  },
  async work(values) {
    const folder = await openModel(values.model);
    const tokenizer = await loadTokenizer(folder.folder);
    const prompt = promptTokens(tokenizer, values.prompt, values.chat);
    const outside = prompt.find((id) => id >= folder.config.vocab_size);
    if (outside !== undefined) {
      throw new InputError(
        `the tokenizer gives token ${outside}, but the model has ${folder.config.vocab_size}`,
        { file: 'tokenizer.json' },
      );
    }
    const lora =
      values.adapter === undefined ? undefined : await openAdapter(values.adapter, folder);
    const maxTokens = values.maxTokens ?? DEFAULT_TOKENS;
    const source = {
      folder,
      settings: {
        quantization: values.quantization ?? 'as-is',
        head_quantization: values.headQuantization ?? 'none',
      },
      adapter: lora,
      capacity: prompt.length + maxTokens,
    };
    const { tokens, finishReason } = await withRuntime(values.precision, (runtime) =>
      withGenerator(runtime, source, (generator) =>
        collect(generator, {
          adapter: lora === undefined ? BASE : TUNED,
          prompt,
          maxTokens,
          endTokens: folder.config.eos_token_ids,
          settings: {
            temperature: values.temperature ?? 0,
            topP: values.topP ?? 1,
            topK: values.topK ?? 0,
            seed: values.seed ?? 0,
          },
        }),
      ),
    );
    return {
      text: tokenizer.decode(tokens, { skipSpecialTokens: true }),
      prompt_tokens: prompt.length,
      completion_tokens: tokens.length,
      finish_reason: finishReason,
    };
  },
});

function promptTokens(tokenizer: Tokenizer, prompt: string, chat: boolean): number[] {
  const tokens = chat
    ? tokenizer.encode(
        tokenizer.renderChat([{ role: 'user', content: prompt }], {
          template: chatTemplate('auto', tokenizer),
          addGenerationPrompt: true,
        }),
        { addSpecialTokens: false },
      )
    : encodePrompt(tokenizer, prompt);
  if (tokens.length > 0) return tokens;
  throw new InputError('--prompt is empty, and the tokenizer adds nothing to it');
}

async function collect(
  generator: LlamaGenerator,
  options: GenerateOptions,
): Promise<{ tokens: number[]; finishReason: FinishReason }> {
  const tokens: number[] = [];
  const text = generator.generate(options);
  for (;;) {
    const next = await text.next();
    if (next.done === true) return { tokens, finishReason: next.value };
    tokens.push(next.value);
  }
}
