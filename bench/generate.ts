/** Generation: how long a prompt takes to its first token, how fast the tokens after it come, and where a prompt's time goes. */

import { Runtime } from '../src/engine/runtime';
import { writeTensor } from '../src/engine/transfer';
import { flag, integerBetween, optional, type OptionValues } from '../src/headless/options';
import { PREFILL_TOKENS, type GenerationGraph } from '../src/model/generation-graph';
import type { LlamaGenerator } from '../src/model/llama-generator';
import { BASE, openGenerator } from '../src/model/open-generator';
import type { BenchContext } from './measure';
import { MODEL_OPTIONS, withModel } from './models';
import { printProfile } from './profile-table';

/** Tokens written after each prompt. */
const WRITTEN = 16;
const PROMPTS = [32, 256, 1024, 2000];
const GREEDY = { temperature: 0, topP: 1, topK: 0, seed: 0 };

/** What `npm run bench -- generate` takes. */
export const GENERATE_OPTIONS = {
  ...MODEL_OPTIONS,
  prompt: optional(
    { placeholder: 'N', help: `tokens of the prompt; ${PROMPTS.join(', ')} unless said` },
    integerBetween(2, 131_072),
  ),
  profile: flag("lists where the time of the longest prompt's last piece goes; needs timestamps"),
};

/** Prints the shortest times of two texts for each length of prompt. */
export async function timeGeneration(
  { gpu }: BenchContext,
  values: OptionValues<typeof GENERATE_OPTIONS>,
): Promise<void> {
  const { shape = 'starter', layers } = values;
  const prompts = values.prompt === undefined ? PROMPTS : [values.prompt];
  const longest = Math.max(...prompts);
  await withModel(shape, layers, async (folder) => {
    const runtime = new Runtime(gpu);
    const settings = { quantization: 'nf4', head_quantization: 'none' } as const;
    const open = await openGenerator(runtime, { folder, settings, capacity: longest + WRITTEN });
    console.log(`${shape}, ${folder.config.num_hidden_layers} layers, NF4`);
    for (const length of prompts) {
      // The first text compiles and warms up.
      const texts = [];
      for (let text = 0; text < 3; text++) texts.push(await timeText(open.generator, length));
      const shortest = (times: number[]): number => Math.min(...times.slice(1));
      const first = shortest(texts.map(({ firstToken }) => firstToken));
      const rest = shortest(texts.map(({ laterTokens }) => laterTokens));
      console.log(
        `  prompt of ${String(length).padStart(5)}: first token after ${first.toFixed(2).padStart(7)} s, ` +
          `${(length / first).toFixed(1).padStart(7)} tokens/s; then ${(WRITTEN / rest).toFixed(1)} tokens/s`,
      );
    }
    if (values.profile) await profilePrompt(runtime, open.graph, longest);
    open.destroy();
  });
}

/** Seconds to the first token, and from there to the last. */
async function timeText(
  generator: LlamaGenerator,
  length: number,
): Promise<{ firstToken: number; laterTokens: number }> {
  const text = generator.generate({
    adapter: BASE,
    // Any tokens: the work does not depend on them.
    prompt: Array.from({ length }, (_, i) => i % 1000),
    maxTokens: WRITTEN + 1,
    settings: GREEDY,
    endTokens: [],
  });
  const start = performance.now();
  await text.next();
  const first = performance.now();
  while (!(await text.next()).done);
  return { firstToken: (first - start) / 1000, laterTokens: (performance.now() - first) / 1000 };
}

async function profilePrompt(
  runtime: Runtime,
  { plans, range }: GenerationGraph,
  length: number,
): Promise<void> {
  const plan = plans[BASE]?.prefill;
  if (!plan) throw new Error('the bare model has no plans');
  const first = length - (length % PREFILL_TOKENS || PREFILL_TOKENS);
  writeTensor(runtime.gpu, range, Uint32Array.of(first, length - first));
  const compiled = await runtime.compile(plan);
  await printProfile(runtime, compiled);
  compiled.destroy();
}
