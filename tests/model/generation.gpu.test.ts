import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LlamaFolder } from '../../src/formats/llama-folder';
import { PREFILL_TOKENS } from '../../src/model/generation-graph';
import { BASE, openGenerator, TUNED, type OpenGenerator } from '../../src/model/open-generator';
import { openTestGpu, type TestGpu } from '../gpu';
import { at, relativeError } from '../reference/numeric';
import { fixtureAdapter, fixtureFolder, readResults } from './fixture';

// Two blocks of f32 matmuls against PyTorch's f32, which rounds in another order.
const TOLERANCE = 5e-6;
// Keys and values of two blocks lie in the cache with 11 bits, at most 2^-10 of themselves off: sqrt(4) * 2^-10. On lavapipe 7e-4 is seen.
const HALF_TOLERANCE = 2e-3;
const GREEDY = { temperature: 0, topP: 1, topK: 0, seed: 0 };

let runtime: TestGpu;
let half: TestGpu;
let folder: LlamaFolder;
beforeAll(async () => {
  runtime = await openTestGpu({ without: ['f16'] });
  half = await openTestGpu();
  folder = await fixtureFolder();
});
afterAll(() => {
  runtime.gpu.destroy();
  half.gpu.destroy();
});

async function open(
  quantization: 'as-is' | 'nf4',
  withLogits: boolean,
  on = runtime,
): Promise<OpenGenerator> {
  return openGenerator(on, {
    folder,
    settings: { quantization, head_quantization: 'none' },
    adapter: await fixtureAdapter(folder),
    capacity: 2 * PREFILL_TOKENS + 40,
    withLogits,
  });
}

async function allLogits(
  { generator }: OpenGenerator,
  adapter: number,
  tokens: readonly number[],
): Promise<number[]> {
  const logits: number[] = [];
  for await (const rows of generator.logits(adapter, tokens)) logits.push(...rows);
  return logits;
}

async function write(open: OpenGenerator, adapter: number, prompt: number[], maxTokens: number) {
  const { generator } = open;
  const tokens: number[] = [];
  const text = generator.generate({
    adapter,
    prompt,
    maxTokens,
    settings: GREEDY,
    endTokens: [],
  });
  for (let next = await text.next(); ; next = await text.next()) {
    if (next.done) return { tokens, finishReason: next.value };
    tokens.push(next.value);
  }
}

function prompt(length: number): number[] {
  return Array.from({ length }, (_, i) => (7 * i + 3) % folder.config.vocab_size);
}

describe('logits', () => {
  it.each([
    ['as-is', 'dense_logits'],
    ['nf4', 'nf4_logits'],
  ] as const)('with an adapter over %s weights are those of PyTorch and PEFT', async (as, key) => {
    const results = await readResults();
    const model = await open(as, true);
    const actual = await allLogits(model, TUNED, results.examples[0] ?? []);
    expect(relativeError(actual, results[key].flat())).toBeLessThan(TOLERANCE);
    model.destroy();
    expect(runtime.gpu.memory.total).toBe(0);
  });

  it('with a cache in 16 bits are nearly those, and the cache is half as large', async () => {
    const results = await readResults();
    const tokens = results.examples[0] ?? [];
    const [exact, rounded] = [await open('nf4', true), await open('nf4', true, half)];
    const { config } = folder;
    const cached = config.num_key_value_heads * config.head_dim * (2 * PREFILL_TOKENS + 40);
    const saved = runtime.gpu.memory.total - half.gpu.memory.total;
    // Two bytes less a number, of keys and of values.
    expect(saved).toBe(2 * 2 * cached * config.num_hidden_layers);
    const expected = results.nf4_logits.flat();
    const error = relativeError(await allLogits(rounded, TUNED, tokens), expected);
    expect(error).toBeLessThan(HALF_TOLERANCE);
    // That of f32 would mean that nothing was rounded.
    expect(error).toBeGreaterThan(TOLERANCE);
    exact.destroy();
    rounded.destroy();
  });

  it('do not depend on where prefill cuts a text', async () => {
    const model = await open('as-is', true);
    const text = prompt(2 * PREFILL_TOKENS + 5);
    const vocabulary = folder.config.vocab_size;
    const whole = await allLogits(model, BASE, text);
    const start = await allLogits(model, BASE, text.slice(0, PREFILL_TOKENS - 1));
    // The same rows by the same kernels in the same order: equal to the bit.
    expect(whole.slice(0, start.length)).toEqual(start);
    expect(whole.length).toBe(text.length * vocabulary);
    model.destroy();
  });
});

describe('greedy generation', () => {
  it.each([1, 5, PREFILL_TOKENS, PREFILL_TOKENS + 1, 2 * PREFILL_TOKENS + 3])(
    'after %i tokens writes what the logits of the whole text choose',
    async (length) => {
      const model = await open('nf4', true);
      const vocabulary = folder.config.vocab_size;
      for (const adapter of [BASE, TUNED]) {
        const start = prompt(length);
        const { tokens, finishReason } = await write(model, adapter, start, 6);
        expect(finishReason).toBe('length');
        expect(tokens).toHaveLength(6);
        const logits = await allLogits(model, adapter, [...start, ...tokens]);
        tokens.forEach((token, i) => {
          const row = (length - 1 + i) * vocabulary;
          const values = logits.slice(row, row + vocabulary);
          // Decode sums in another order than prefill: a tie within rounding may fall either way.
          expect(at(values, token)).toBeGreaterThan(Math.max(...values) - 1e-4);
        });
      }
      model.destroy();
    },
  );

  it('stops at an end token, at the capacity and when it is told to', async () => {
    const model = await open('nf4', false);
    const start = prompt(9);
    const free = await write(model, TUNED, start, 8);
    const end = at(free.tokens, 4);
    const text = model.generator.generate({
      adapter: TUNED,
      prompt: start,
      maxTokens: 8,
      settings: GREEDY,
      endTokens: [end],
    });
    const kept: number[] = [];
    let next = await text.next();
    for (; !next.done; next = await text.next()) kept.push(next.value);
    expect(next.value).toBe('stop');
    expect(kept).toEqual(free.tokens.slice(0, free.tokens.indexOf(end)));
    const long = await write(model, BASE, prompt(2 * PREFILL_TOKENS + 30), 1000);
    expect(long.tokens).toHaveLength(11);
    expect(long.finishReason).toBe('length');
    model.destroy();
  });
});
