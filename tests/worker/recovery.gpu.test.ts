import { beforeAll, describe, expect, it, vi } from 'vitest';
import type { TrainingConfig } from '../../src/config';
import { SubmissionPacer } from '../../src/engine/submission-pacer';
import { createNodeGpu } from '../../src/headless/gpu';
import { LoadedRun } from '../../src/worker/loaded-run';
import { wordTokenizer } from '../data/fake-tokenizer';
import { fixtureFolder, readResults } from '../model/fixture';
import { LosableGpu } from './losable-gpu';
import { RunBench } from './run-bench';

/** Multiply-adds of a submission: so few that forward and backward pass are several each, as those of a large model are. */
const SMALL_BUDGET = 2e6;

const CONFIG: Partial<TrainingConfig> = {
  method: 'qlora',
  quantization: 'nf4',
  target_modules: ['q_proj', 'v_proj', 'down_proj'],
  r: 4,
  max_seq_length: 16,
  micro_batch_size: 2,
  max_steps: 4,
  eval_steps: 2,
  learning_rate: 0.01,
};

beforeAll(() => {
  vi.spyOn(SubmissionPacer.prototype, 'budget', 'get').mockReturnValue(SMALL_BUDGET);
});

async function bench(): Promise<{ bench: RunBench; gpu: LosableGpu }> {
  const gpu = new LosableGpu(createNodeGpu());
  const folder = await fixtureFolder();
  const { examples } = await readResults();
  const lines = [...examples, ...examples, ...examples].map((ids) => ({
    input_ids: ids,
    labels: ids,
  }));
  const tokenizer = {
    ...wordTokenizer(),
    decode: (ids: ArrayLike<number>) => Array.from(ids).join(),
  };
  const made = await RunBench.create(
    CONFIG,
    { examples: lines, vocabulary: folder.config.vocab_size },
    {
      instance: gpu.instance,
      models: { open: () => Promise.resolve({ folder, tokenizer }) },
      openModel: (parts, options) => LoadedRun.open(parts, options),
    },
  );
  return { bench: made, gpu };
}

/** What the run that nothing happens to comes to, and what it submits and reads, by label, in order: the first test's, for all others. */
let whole: object;
const labels: string[] = [];

describe('a run on a real device that is lost', () => {
  it('is compared with one that nothing happens to', async () => {
    const { bench: undisturbed, gpu } = await bench();
    gpu.strikes = (label) => {
      labels.push(label);
      return false;
    };
    await undisturbed.begin().done;
    whole = await undisturbed.outcome();
    expect(whole).toMatchObject({ phase: 'finished', step: 4 });
    // Several submissions a pass, so that a loss can strike between forward and backward.
    const perPass = labels.filter((label) => label === 'accumulate').length / 8;
    expect(perPass).toBeGreaterThan(3);
  });

  // Of each phase some submission in the middle of a run, given by how far among those of its label it is.
  it.each([
    ['the loading of its weights', 'load', 0.5],
    ['a forward pass', 'accumulate', 'first'],
    ['a backward pass', 'accumulate', 'last'],
    ['an update', 'update', 0.5],
    ['an evaluation', 'evaluate', 0.5],
    ['the prompt of a sample', 'prefill', 0.5],
    ['a sample', 'decode', 0.6],
    ['the reading of a checkpoint', 'read', 0.5],
  ] as const)('in %s goes on by itself and ends with the same bits', async (_, label, where) => {
    const matches = (each: string): boolean =>
      label === 'read' ? each.startsWith('read ') : each === label;
    const count = labels.filter(matches).length;
    expect(count).toBeGreaterThan(0);
    const passes = 8;
    const middle = (passes / 2) * (count / passes);
    const nth =
      where === 'first' ? middle + 1 : where === 'last' ? middle : Math.ceil(where * count);
    const { bench: disturbed, gpu } = await bench();
    let seen = 0;
    gpu.strikes = (each) => matches(each) && ++seen === nth;
    await disturbed.begin().done;
    expect(disturbed.phases).toContain('recovering');
    expect(disturbed.notices).toHaveLength(1);
    expect(await disturbed.outcome()).toEqual(whole);
  });
});

describe('a run on a real device that refuses something', () => {
  it('fails with what was refused, and begun again ends with the same bits on another device', async () => {
    const { bench: disturbed, gpu } = await bench();
    let seen = 0;
    gpu.strikes = (label) => {
      if (label === 'update' && ++seen === 3) gpu.refuse();
      return false;
    };
    await disturbed.begin().done;
    expect(disturbed.summaries.at(-1)).toMatchObject({
      phase: 'failed',
      failure: expect.stringMatching(/^The GPU refused an operation: .*"useless"/) as string,
    });
    await disturbed.beginAgain();
    expect(await disturbed.outcome()).toEqual(whole);
  });
});
