import { describe, expect, it } from 'vitest';
import { DEFAULT_CONFIG } from '../../src/config';
import type { DatasetSummary } from '../../src/worker/api';
import { newRun } from '../../src/worker/new-run';

function named(name: string, files: string[], modelName: string, taken: string[] = []) {
  const request = {
    name,
    modelId: 'm',
    datasetId: 'd',
    config: DEFAULT_CONFIG,
    precision: 'auto' as const,
    prompts: [],
    sampleEverySteps: 5,
  };
  const dataset = {
    files: files.map((file) => ({ name: file, bytes: 1, examples: {} })),
    examples: 412,
  } as unknown as DatasetSummary;
  const { name: given, dataName } = newRun(request, DEFAULT_CONFIG, modelName, dataset, taken);
  return [given, dataName];
}

describe('a new run', () => {
  it('is called by the person, else by data and model, shortly', () => {
    expect(named('  Mine ', ['fables.jsonl'], 'Starter')[0]).toBe('Mine');
    expect(named(' ', ['fables.jsonl'], 'Starter')).toEqual([
      'fables on Starter',
      'fables.jsonl, 412 examples',
    ]);
    expect(named('', ['a.b.txt', 'c.md', 'd.md'], 'unsloth/Llama-3.2-1B')).toEqual([
      'a.b and 2 more on Llama-3.2-1B',
      'a.b.txt and 2 more, 412 examples',
    ]);
  });

  it('is numbered where another has its name, unless a person gave it', () => {
    const taken = ['fables on Starter', 'fables on Starter, 2', 'Mine'];
    expect(named('', ['fables.jsonl'], 'Starter', taken)[0]).toBe('fables on Starter, 3');
    expect(named('Mine', ['fables.jsonl'], 'Starter', taken)[0]).toBe('Mine');
  });

  it('of a file that is called by its ending alone, or a comma, has a name all the same', () => {
    expect(named('', ['one, two.txt'], 'Starter')[0]).toBe('one, two on Starter');
    expect(named('', ['.txt'], 'Starter')[0]).toBe('.txt on Starter');
  });
});
