import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseLlamaConfig } from '../../src/formats/llama-config';
import { expectedTensors } from '../../src/formats/llama-tensors';
import { memorySource } from '../../src/formats/byte-source';
import { decodeFloats, encodeFloats } from '../../src/formats/float-codec';
import { openSafetensors, readTensor } from '../../src/formats/safetensors';
import { encodeSafetensors } from '../../src/formats/safetensors-writer';
import { relativeError } from '../reference/numeric';
import { FIXTURES, headless, temporaryFolder, tokenizerModel, writeFiles } from './terminal';

const MODEL = join(FIXTURES, 'model/base');
const ADAPTER = join(FIXTURES, 'model/adapter');

interface Results {
  examples: number[][];
  ignored: number[];
  trained_tokens: number;
  dense_loss: number;
  nf4_loss: number;
  /** Of the first example, with the adapter. */
  dense_logits: number[][];
}
const results = JSON.parse(readFileSync(join(FIXTURES, 'model/results.json'), 'utf8')) as Results;

/** The fixture's examples as a dataset; of each, the first labels are not trained. */
const dataset = results.examples
  .map((ids, example) => {
    const labels = ids.map((id, t) => (t < (results.ignored[example] ?? 0) ? -100 : id));
    return `${JSON.stringify({ input_ids: ids, labels })}\n`;
  })
  .join('');

/** A model with a tokenizer whose weights make it always write the same token, whatever it has read. */
function writingModel(folder: string, token: number): string {
  const path = tokenizerModel(folder);
  const config = parseLlamaConfig(
    JSON.parse(readFileSync(join(path, 'config.json'), 'utf8')),
    'config.json',
  );
  const tensors = [...expectedTensors(config)].map(([name, { shape }]) => {
    const [, width = 1] = shape;
    const count = shape.reduce((product, size) => product * size, 1);
    // The first feature of the stream is 1 everywhere, and the head looks at nothing else.
    const value = (index: number) => {
      if (name === 'model.embed_tokens.weight') return index % width === 0 ? 1 : 0;
      if (name === 'lm_head.weight') return index === token * width ? 1 : 0;
      return name.includes('norm') ? 1 : 0;
    };
    const values = Float32Array.from({ length: count }, (_, index) => value(index));
    return { name, dtype: 'F32' as const, shape, bytes: encodeFloats(values, 'F32') };
  });
  writeFileSync(join(path, 'model.safetensors'), encodeSafetensors(tensors));
  return path;
}

describe('logits', () => {
  it("are PyTorch's, a tensor for each list", async () => {
    const folder = temporaryFolder();
    writeFiles(folder, { 'tokens.json': JSON.stringify(results.examples) });
    const call = ['--model', MODEL, '--adapter', ADAPTER, '--tokens', 'tokens.json'];
    const answer = await headless(
      folder,
      ...['logits', ...call, '--out', 'l.safetensors', '--precision', 'f32'],
    );
    expect(answer).toMatchObject({ code: 0, stdout: '{"out":"l.safetensors"}\n' });
    const bytes = new Uint8Array(readFileSync(join(folder, 'l.safetensors')));
    const { tensors } = await openSafetensors(memorySource('l.safetensors', bytes));
    expect([...tensors.keys()].sort()).toEqual(results.examples.map((_, i) => `logits.${i}`));
    for (const [index, ids] of results.examples.entries()) {
      expect(tensors.get(`logits.${index}`)?.shape).toEqual([ids.length, 61]);
    }
    const first = tensors.get('logits.0');
    const logits = first ? decodeFloats(await readTensor(first), 'F32') : [];
    // Two blocks of f32 sums, which PyTorch makes in another order.
    expect(relativeError(logits, results.dense_logits.flat())).toBeLessThan(1e-5);
  });

  it.each([
    ['[]', 'non-empty list'],
    ['[[1], []]', 'item 1 must be a non-empty list'],
    ['[1, 61]', 'item 1 is 61; token ids of this model go from 0 to 60'],
    ['[1, 2.5]', 'item 1 is 2.5'],
    ['{"a": 1}', 'non-empty list'],
    ['[1, ', 'tokens.json:1: '],
  ])('refuse the tokens %s', async (tokens, message) => {
    const folder = temporaryFolder();
    writeFiles(folder, { 'tokens.json': tokens });
    const call = ['--model', MODEL, '--tokens', 'tokens.json', '--out', 'l.safetensors'];
    const { code, last } = await headless(folder, 'logits', ...call);
    expect([code, last]).toEqual([2, expect.stringContaining(message)]);
  });
});

describe('evaluate', () => {
  it.each([
    ['as-is', [], 'dense_loss'],
    ['as-is by a configuration that says nothing of weights', ['--config', 'd.json'], 'dense_loss'],
    ['nf4 by option', ['--quantization', 'nf4'], 'nf4_loss'],
    ['nf4 by configuration', ['--config', 'c.json'], 'nf4_loss'],
    ['as-is over nf4', ['--config', 'c.json', '--quantization', 'none'], 'dense_loss'],
  ] as const)("gives PyTorch's loss over weights %s", async (_, words, expected) => {
    const folder = temporaryFolder();
    writeFiles(folder, {
      'd.jsonl': dataset,
      'c.json': '{"method": "qlora", "packing": false}',
      'd.json': '{"packing": false}',
    });
    const call = ['--model', MODEL, '--adapter', ADAPTER, '--data', 'd.jsonl'];
    const answer = await headless(folder, 'evaluate', ...call, '--precision', 'f32', ...words);
    const { loss, perplexity, trained_tokens, examples } = JSON.parse(answer.stdout) as Record<
      string,
      number
    >;
    expect([trained_tokens, examples]).toEqual([results.trained_tokens, results.examples.length]);
    // As of the gradients' test: f32 sums in another order.
    expect(relativeError([loss ?? NaN], [results[expected]])).toBeLessThan(2e-6);
    expect(perplexity).toBe(Math.exp(loss ?? NaN));
  });
});

describe('generate', () => {
  const run = (folder: string, model: string, ...words: string[]) =>
    headless(folder, 'generate', '--model', model, '--prompt', 'A fox', ...words);

  it('writes until it may write no more', async () => {
    const folder = temporaryFolder();
    const model = writingModel(folder, 70);
    const answer = await run(folder, model, '--max-tokens', '5');
    expect(answer.code).toBe(0);
    const { text, ...counts } = JSON.parse(answer.stdout) as Record<string, unknown>;
    expect(counts).toMatchObject({ completion_tokens: 5, finish_reason: 'length' });
    expect(text).toMatch(/^(.+)\1{4}$/);
  });

  it('stops at an end token, which is neither counted nor shown', async () => {
    const folder = temporaryFolder();
    const model = writingModel(folder, 2);
    const answer = await run(folder, model, '--chat');
    expect(JSON.parse(answer.stdout)).toMatchObject({
      text: '',
      completion_tokens: 0,
      finish_reason: 'stop',
    });
  });

  it('counts the tokens of a prompt with the beginning of text that the tokenizer adds', async () => {
    const folder = temporaryFolder();
    const model = writingModel(folder, 2);
    const counted = await run(folder, model);
    writeFiles(folder, { 'p.jsonl': '{"prompt": "A fox", "completion": "."}' });
    const call = ['--model', model, '--data', 'p.jsonl', '--out', 't.jsonl'];
    await headless(folder, 'tokenize', ...call);
    const { input_ids, labels } = JSON.parse(readFileSync(join(folder, 't.jsonl'), 'utf8')) as {
      input_ids: number[];
      labels: number[];
    };
    const prompt = input_ids.filter((_, t) => labels[t] === -100).length;
    expect(JSON.parse(counted.stdout)).toMatchObject({ prompt_tokens: prompt });
  });
});

describe('memory', () => {
  it('adds up, and grows with the length of a row', async () => {
    const folder = temporaryFolder();
    writeFiles(folder, { 'short.json': '{"max_seq_length": 32}', 'long.json': '{}' });
    const bytes = async (config: string) => {
      const { stdout } = await headless(folder, 'memory', '--model', MODEL, '--config', config);
      return JSON.parse(stdout) as Record<string, number>;
    };
    const short = await bytes('short.json');
    const { total_bytes, ...parts } = await bytes('long.json');
    expect(Object.keys(parts)).toEqual(
      ['weights', 'adapter', 'optimizer', 'activations', 'workspace'].map((it) => `${it}_bytes`),
    );
    expect(total_bytes).toBe(Object.values(parts).reduce((sum, part) => sum + part, 0));
    expect(parts.weights_bytes).toBe(short.weights_bytes);
    expect(parts.activations_bytes).toBeGreaterThan(4 * (short.activations_bytes ?? NaN));
  });
});

describe('a model with weights that are not numbers', () => {
  it('is bad input that names the tensor, and nothing is written', async () => {
    const folder = temporaryFolder();
    cpSync(MODEL, join(folder, 'model'), { recursive: true });
    const path = join(folder, 'model/model.safetensors');
    const bytes = readFileSync(path);
    // The last bytes of the data are the last elements of some tensor, in f32 or f16: all ones are NaN in either.
    bytes.fill(0xff, bytes.length - 4);
    writeFileSync(path, bytes);
    writeFiles(folder, { 'd.jsonl': dataset });
    const call = ['--model', 'model', '--data', 'd.jsonl', '--out', 'run'];
    const { code, last } = await headless(folder, 'train', ...call);
    expect([code, last]).toEqual([2, expect.stringMatching(/model\.safetensors: the tensor "/)]);
  });
});
