import { describe, expect, it } from 'vitest';
import { parseTrainingConfig } from '../../src/config';
import type { TokenizedDataset } from '../../src/data/dataset';
import type { ExampleKind } from '../../src/data/examples';
import { suggest } from '../../src/worker/suggest';
import { wordTokenizer } from '../data/fake-tokenizer';

const SMALL = 5e6;
const LARGE = 1e9;

interface Example {
  ids: number[];
  /** First trained token; all unless told. */
  trainedFrom?: number;
}

/** A dataset as far as suggestions look at it. */
function datasetOf(examples: readonly Example[], kind: ExampleKind): TokenizedDataset {
  const lengths = Uint32Array.from(examples, ({ ids }) => ids.length);
  const trained = examples.map(({ ids, trainedFrom = 0 }) => ids.length - trainedFrom);
  const sum = (values: Iterable<number>) => [...values].reduce((total, each) => total + each, 0);
  return {
    examples: examples.length,
    lengths,
    tokens: sum(lengths),
    trainedTokens: sum(trained),
    files: [{ name: 'file', bytes: 1, examples: { [kind]: examples.length } }],
    read: (index: number) => {
      const { ids = [], trainedFrom = 0 } = examples[index] ?? {};
      const labels = Int32Array.from(ids, (id, t) => (t < trainedFrom ? -100 : id));
      return Promise.resolve({ inputIds: Uint32Array.from(ids), labels, source: 'file:1' });
    },
  } as unknown as TokenizedDataset;
}

const ofLengths = (lengths: number[], kind: ExampleKind = 'conversation') =>
  datasetOf(
    lengths.map((length) => ({ ids: Array.from({ length }, () => 2) })),
    kind,
  );

async function configFor(dataset: TokenizedDataset, parameters = SMALL) {
  const { config } = await suggest(parameters, dataset, null);
  // What is suggested can be trained with.
  expect(parseTrainingConfig(config)).toEqual(config);
  return config;
}

describe('the suggested settings', () => {
  it('hold nine of ten examples whole in the rows of a small model, with as many tokens a step', async () => {
    const rows = async (lengths: number[]) => {
      const { max_seq_length, micro_batch_size } = await configFor(ofLengths(lengths));
      return [max_seq_length, micro_batch_size];
    };
    const mostly = (length: number, rest: number) => [...Array<number>(9).fill(length), rest];
    expect(await rows(mostly(128, 500))).toEqual([128, 4]);
    expect(await rows(mostly(129, 20))).toEqual([256, 2]);
    expect(await rows(mostly(300, 20))).toEqual([512, 1]);
    expect(await rows(mostly(900, 900))).toEqual([512, 1]);
    // Cut there, they lead to the same suggestion again.
    expect(await rows(mostly(256, 256))).toEqual([256, 2]);
  });

  it('split documents into short rows for a small model, whatever their length', async () => {
    expect(await configFor(ofLengths([512, 512, 512], 'document'))).toMatchObject({
      max_seq_length: 128,
      micro_batch_size: 4,
    });
    expect(await configFor(ofLengths([512, 512, 512], 'document'), LARGE)).toMatchObject({
      max_seq_length: 512,
      micro_batch_size: 1,
    });
  });

  it('give few data enough steps to learn from, and many no more than a person waits for', async () => {
    // 512 tokens a step: ten rounds of next to nothing, three epochs of little, an epoch of more, and then no more than 300.
    const steps = async (tokens: number) => {
      const lengths = Array<number>(Math.floor(tokens / 100)).fill(100);
      return (await configFor(ofLengths(lengths))).max_steps;
    };
    expect(await steps(100)).toBe(10);
    expect(await steps(512 * 30)).toBe(60);
    expect(await steps(512 * 100)).toBe(100);
    expect(await steps(512 * 1000)).toBe(300);
  });

  it('hold examples out only where there are enough', async () => {
    const one = Array<number>(49).fill(20);
    expect((await configFor(ofLengths(one))).eval_fraction).toBe(0);
    expect((await configFor(ofLengths([...one, 20]))).eval_fraction).toBeGreaterThan(0);
  });

  it('hold out no more than evaluations are done with long before the run', async () => {
    const share = async (count: number) =>
      (await configFor(ofLengths(Array<number>(count).fill(20)))).eval_fraction;
    expect(await share(1000)).toBe(0.05);
    expect(await share(10_000)).toBe(0.01);
    expect(await share(60_000)).toBe(0.002);
  });

  it('learn faster with a small model', async () => {
    const data = ofLengths([20, 20]);
    const small = await configFor(data, SMALL);
    expect(small.learning_rate).toBeGreaterThan((await configFor(data, LARGE)).learning_rate);
  });
});

const PLAIN = { addSpecialTokens: false };

describe('the suggested prompts', () => {
  const words = wordTokenizer();
  const tokenizer = {
    ...words,
    decode: (ids: ArrayLike<number>) => words.text(Array.from(ids).filter((id) => id > 1)),
  };
  const promptsOf = async (dataset: TokenizedDataset) =>
    (await suggest(SMALL, dataset, tokenizer)).prompts;

  it('of documents are their first words', async () => {
    const ids = [0, ...tokenizer.encode('Once there was a fox who saw some fine grapes', PLAIN), 1];
    expect(await promptsOf(datasetOf([{ ids }], 'document'))).toEqual([
      'Once there was a fox who saw some',
    ]);
  });

  it('of conversations are their questions, without headers and special tokens', async () => {
    const chat = (question: string) => {
      const before = [0, ...tokenizer.encode(`user\n\n${question}`, PLAIN), 1];
      const ids = [...before, ...tokenizer.encode('In the barn, behind the third door.', PLAIN), 1];
      return { ids, trainedFrom: before.length };
    };
    const examples = ['Where is the hen?', 'Where is the cow?', 'Where is the cat?'].map(chat);
    expect(await promptsOf(datasetOf(examples, 'conversation'))).toEqual([
      'Where is the hen?',
      'Where is the cow?',
    ]);
    // The same question twice shows nothing more.
    const twice = ['Who?', 'Who?'].map(chat);
    expect(await promptsOf(datasetOf(twice, 'conversation'))).toEqual(['Who?']);
  });

  it('are none without a tokenizer, nor where all is trained and nothing asked', async () => {
    const trainedWhole = { ids: [5, 6, 7] };
    const dataset = datasetOf([trainedWhole], 'tokens');
    expect(await promptsOf(dataset)).toEqual([]);
    expect((await suggest(SMALL, dataset, null)).prompts).toEqual([]);
  });

  it('are sampled a few times in a run', async () => {
    const { config, sampleEverySteps } = await suggest(
      SMALL,
      ofLengths(Array<number>(600).fill(100)),
      null,
    );
    expect(config.max_steps / sampleEverySteps).toBeCloseTo(5, 0);
    expect((await suggest(SMALL, ofLengths([9]), null)).sampleEverySteps).toBe(5);
  });
});
