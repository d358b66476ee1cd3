import { describe, expect, test } from 'vitest';
import { buildDataset, requireExamples, type BuildProgress } from '../../src/data/build-dataset';
import { memorySink } from '../../src/data/byte-sink';
import { TokenizedDataset, type DatasetIndex } from '../../src/data/dataset';
import type { DataProblem } from '../../src/data/examples';
import { memorySource } from '../../src/formats/byte-source';
import { fixtureTokenizer } from './tokenizers';

const CONFIG = { max_seq_length: 32, chat_template: 'auto', train_on_prompt: false } as const;

function file(name: string, ...lines: unknown[]) {
  const text = lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line)));
  return memorySource(name, new TextEncoder().encode(text.join('\n')));
}

const FILES = [
  file('a.txt', 'A short text.'),
  file(
    'b.jsonl',
    {
      messages: [
        { role: 'user', content: 'Hi' },
        { role: 'assistant', content: 'Hello' },
      ],
    },
    { messages: [{ role: 'user', content: 'Nobody answers' }] },
    { prompt: 'p', completion: 'word '.repeat(60) },
    { input_ids: [4, 5, 6], labels: [-100, 5, 9] },
    'not JSON',
    { input_ids: [4, 5000], labels: [4, 5000] },
    { text: 'last' },
  ),
];

async function build() {
  const problems: DataProblem[] = [];
  const sink = memorySink();
  const dataset = await buildDataset(FILES, await fixtureTokenizer('starter'), CONFIG, sink, {
    vocabularySize: 3072,
    onProblem: (problem) => problems.push(problem),
  });
  return { dataset, problems, sink };
}

async function all(dataset: TokenizedDataset) {
  return Promise.all(Array.from(dataset.lengths, (_, index) => dataset.read(index)));
}

describe('buildDataset', () => {
  test('keeps the good part of the files in their order and counts the rest', async () => {
    const { dataset, problems } = await build();
    expect((await all(dataset)).map(({ source }) => source)).toEqual([
      'a.txt:1',
      'b.jsonl:1',
      'b.jsonl:3',
      'b.jsonl:4',
      'b.jsonl:7',
    ]);
    expect(dataset).toMatchObject({ examples: 5, truncated: 1, dropped: 1, problems: 2 });
    expect(problems).toEqual([
      { file: 'b.jsonl', line: 5, message: 'this is not valid JSON' },
      {
        file: 'b.jsonl',
        line: 6,
        message:
          "the token id 5000 is outside the model's vocabulary of 3072; the data were made for another model",
      },
    ]);
    expect(dataset.files).toEqual([
      { name: 'a.txt', bytes: 13, examples: { document: 1 } },
      {
        name: 'b.jsonl',
        bytes: FILES[1]?.size,
        examples: { conversation: 2, 'prompt-completion': 1, tokens: 1, document: 1 },
      },
    ]);
    expect((await dataset.read(3)).kind).toBe('tokens');
  });

  test('gives back what was stored, labels of their own included', async () => {
    const { dataset } = await build();
    const tokenizer = await fixtureTokenizer('starter');
    const examples = await all(dataset);
    expect([...(examples[3]?.inputIds ?? [])]).toEqual([4, 5, 6]);
    expect([...(examples[3]?.labels ?? [])]).toEqual([-100, 5, 9]);
    const document = [0, ...tokenizer.encode('A short text.', { addSpecialTokens: false }), 1];
    expect([...(examples[0]?.inputIds ?? [])]).toEqual(document);
    expect([...(examples[0]?.labels ?? [])]).toEqual(document);
    expect(examples[2]?.inputIds).toHaveLength(32);
    expect(dataset.tokens).toBe(examples.reduce((sum, { inputIds }) => sum + inputIds.length, 0));
    expect(dataset.trainedTokens).toBe(
      examples.reduce(
        (sum, { labels }) => sum + labels.slice(1).filter((label) => label !== -100).length,
        0,
      ),
    );
  });

  test('opens again from the index and the same bytes, and from no others', async () => {
    const { dataset, sink } = await build();
    const index = structuredClone<DatasetIndex>(dataset.index);
    expect(await all(await TokenizedDataset.open(sink, index))).toEqual(await all(dataset));
    await expect(dataset.read(5)).rejects.toThrow('there is no example 5; the dataset has 5');
    await expect(TokenizedDataset.open(memorySink(), index)).rejects.toThrow(
      `the stored tokens have 0 bytes of ${sink.size}; drop the files again`,
    );
    const damaged = memorySink();
    await damaged.append((await sink.read(0, sink.size)).fill(1, sink.size - 4));
    await expect(TokenizedDataset.open(damaged, index)).rejects.toThrow('are damaged');
  });

  test('tokens of an earlier version are not mistaken for these', async () => {
    const { dataset, sink } = await build();
    const older = { ...dataset.index, version: 1 } as unknown as DatasetIndex;
    await expect(TokenizedDataset.open(sink, older)).rejects.toThrow('of an earlier version');
  });

  test('ends at the first problem where nobody listens', async () => {
    const building = buildDataset(FILES, await fixtureTokenizer('starter'), CONFIG, memorySink());
    await expect(building).rejects.toThrow('b.jsonl:5: this is not valid JSON');
  });

  test('does without a tokenizer for tokens, and names the first text', async () => {
    const tokens = file('t.jsonl', { input_ids: [1, 2], labels: [-100, 2] }, { text: 'a' });
    const building = buildDataset([tokens], null, CONFIG, memorySink());
    await expect(building).rejects.toThrow(
      /^t\.jsonl:2: this is text, but the model comes without/,
    );
  });

  test('tells at the end how far it came, and stops when told', async () => {
    const told: BuildProgress[] = [];
    const tokenizer = await fixtureTokenizer('starter');
    const options = { onProgress: (progress: BuildProgress) => void told.push(progress) };
    const dataset = await buildDataset(FILES.slice(0, 1), tokenizer, CONFIG, memorySink(), options);
    expect(told.at(-1)).toEqual({
      file: 'a.txt',
      bytesDone: 13,
      bytesTotal: 13,
      examples: 1,
      tokens: dataset.tokens,
    });
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(buildDataset(FILES, tokenizer, CONFIG, memorySink(), { signal })).rejects.toThrow(
      'enough',
    );
  });

  test('its own output, written as JSONL, is the same dataset', async () => {
    const { dataset } = await build();
    const lines = (await all(dataset)).map(({ inputIds, labels, source }) => ({
      input_ids: [...inputIds],
      labels: [...labels],
      source,
    }));
    const again = await buildDataset([file('t.jsonl', ...lines)], null, CONFIG, memorySink());
    const tokensOf = async (made: TokenizedDataset) =>
      (await all(made)).map(({ inputIds, labels }) => ({ inputIds, labels }));
    expect(await tokensOf(again)).toEqual(await tokensOf(dataset));
  });
});

test('requireExamples says why there is nothing to train on', async () => {
  const tokenizer = await fixtureTokenizer('starter');
  const question = { messages: [{ role: 'user', content: 'Hi' }] };
  const dropped = await buildDataset([file('q.jsonl', question)], tokenizer, CONFIG, memorySink());
  expect(() => requireExamples(dropped)).toThrow(
    'q.jsonl: there is nothing to train on: all examples (1) were dropped because nothing in them',
  );
  const empty = await buildDataset([file('e.txt')], tokenizer, CONFIG, memorySink());
  expect(() => requireExamples(empty)).toThrow('e.txt: there is nothing to train on: no example');
});
