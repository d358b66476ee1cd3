import { describe, expect, it } from 'vitest';
import { parseTrainingConfig, type TrainingConfig } from '../../src/config';
import type { Pace } from '../../src/engine/work';
import { Advisor } from '../../src/worker/advisor';
import { GpuAccess } from '../../src/worker/gpu-access';
import type { ModelShelf } from '../../src/worker/models';
import { newRun } from '../../src/worker/new-run';
import type { StoredRun } from '../../src/worker/services';
import { keepForRun } from '../../src/worker/stored-dataset';
import { fixtureFolder } from '../model/fixture';
import { FakeGpu } from './fake-gpu';
import { memoryServices, storeDataset } from './run-bench';

const SAMPLING = { prompts: 0, everySteps: 10 };
const SETTINGS = { max_seq_length: 16, max_steps: 100, gradient_accumulation_steps: 1 };
/** What the fake GPU calls itself. */
const GPU_NAME = 'a test';

const folder = await fixtureFolder();

/** An advisor over a storage with one dataset, and what the GPU would be timed for. */
async function bench(pace: Pace | null = null) {
  const services = await memoryServices();
  const stored = await storeDataset(services, 'data');
  const fake = new FakeGpu();
  const timed: string[] = [];
  const shelf = {
    list: () => Promise.resolve([{ id: 'tiny', state: 'installed' }]),
    open: () => Promise.resolve({ folder, tokenizer: null }),
  } as unknown as ModelShelf;
  const advisor = new Advisor(services, shelf, new GpuAccess(() => fake.instance), {
    of: (kind) => {
      timed.push(kind);
      return Promise.resolve(pace);
    },
  });
  const duration = (settings: Partial<TrainingConfig> = {}) =>
    advisor.duration('tiny', 'data', parseTrainingConfig({ ...SETTINGS, ...settings }), SAMPLING);
  /** Stores a run of five steps, each of which took a second but for the first, which took ten. */
  const storeRun = async (change: Partial<StoredRun> = {}): Promise<StoredRun> => {
    const request = {
      name: '',
      modelId: 'tiny',
      datasetId: 'data',
      config: parseTrainingConfig(SETTINGS),
      precision: 'auto' as const,
      prompts: [],
      sampleEverySteps: 10,
    };
    const run = { ...newRun(request, request.config, 'Tiny', stored.summary), step: 5 };
    const made = { ...run, gpu: GPU_NAME, ...change };
    await services.runs.put(made);
    await keepForRun(services, made.id, stored);
    await services.runs.addMetrics(
      made.id,
      Array.from({ length: made.step }, (_, i) => ({
        step: i + 1,
        epoch: 0,
        loss: 1,
        learning_rate: 1,
        grad_norm: 1,
        trained_tokens: 1,
        seconds: 10 + i,
      })),
    );
    return made;
  };
  return { services, duration, storeRun, timed };
}

describe('how long a run takes, as the page is told', () => {
  it('follows from a run of this model on this GPU, its first step left out', async () => {
    const { duration, storeRun, timed } = await bench();
    await storeRun();
    expect(await duration()).toBeCloseTo(100);
    expect(await duration({ max_steps: 50 })).toBeCloseTo(50);
    expect(timed).toEqual([]);
  });

  it('grows with the micro-batches of a step', async () => {
    const { duration, storeRun } = await bench();
    await storeRun();
    const seconds = (await duration({ gradient_accumulation_steps: 3 })) ?? NaN;
    // Three times but for the update, which a step makes once.
    expect(seconds).toBeGreaterThan(250);
    expect(seconds).toBeLessThan(300);
  });

  it.each<[string, Partial<StoredRun>]>([
    ['on another GPU', { gpu: 'another' }],
    ['on a GPU that was not noted', { gpu: null }],
    ['of another model', { modelId: 'other' }],
    ['by another method', { config: parseTrainingConfig({ ...SETTINGS, method: 'lora' }) }],
    ['of two steps', { step: 2 }],
  ])('does not follow from a run %s: the GPU is timed', async (_, change) => {
    const { duration, storeRun, timed } = await bench({
      secondsPerLaunch: 1,
      secondsPerMultiplyAdd: 0,
    });
    await storeRun(change);
    // Hundreds of launches a step.
    expect(await duration()).toBeGreaterThan(10_000);
    expect(timed).toEqual([`${GPU_NAME} tiny qlora nf4`]);
  });

  it('does not follow from a run whose data are gone', async () => {
    const { duration, storeRun, services } = await bench();
    const { id } = await storeRun();
    await services.datasets.delete(`run ${id}`);
    expect(await duration()).toBeNull();
  });

  it('is measured anew for micro-batches of another size, and then follows from the run where that cannot be', async () => {
    const { duration, storeRun, timed } = await bench();
    await storeRun();
    const seconds = (await duration({ micro_batch_size: 4 })) ?? NaN;
    expect(timed).toHaveLength(1);
    expect(seconds).toBeGreaterThan(200);
  });

  it('is not known without a GPU', async () => {
    const services = await memoryServices();
    await storeDataset(services, 'data');
    const advisor = new Advisor(services, {} as ModelShelf, new GpuAccess(() => undefined), {
      of: () => Promise.reject(new Error('there is nothing to time')),
    });
    const config = parseTrainingConfig(SETTINGS);
    expect(await advisor.duration('tiny', 'data', config, SAMPLING)).toBeNull();
  });
});
