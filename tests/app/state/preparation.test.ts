import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { withoutFolder } from '../../../src/app/state/dropped-files';
import { Tunesmith } from '../../../src/app/state/tunesmith.svelte';
import { DEFAULT_CONFIG, type TrainingConfig } from '../../../src/config';
import type {
  DatasetSummary,
  Forecast,
  ModelSummary,
  RunDetail,
  RunRequest,
  Suggestion,
  Tokenization,
  TokenPreview,
} from '../../../src/worker/api';
import { Operations } from '../../../src/worker/operations';
import { sameTokenization } from '../../../src/worker/tokenization';
import { FakeDatasetWorker } from '../../browser/fake/fake-dataset-worker';
import { FakeTrainerWorker } from '../../browser/fake/fake-trainer-worker';
import { sceneNamed } from '../../browser/fake/scenes';
import { withKeptStorage } from './page-of-scene';

const OTHER_MODEL = 'files:mine#1';

/** What is stored, as both workers find it, and when they come to what they are asked. */
class Storage {
  stored: DatasetSummary | null = null;
  #ids = 0;

  constructor(private readonly scheduler: fc.Scheduler) {}

  /** Some time, in which whatever else is under way may come first. */
  async pass(): Promise<void> {
    await this.scheduler.schedule(Promise.resolve());
  }

  newId(): string {
    this.#ids += 1;
    return `data-${this.#ids}`;
  }

  /** Reads tokens, which takes a while. @throws where they are gone by then */
  async read(datasetId: string): Promise<DatasetSummary> {
    await this.pass();
    const { stored } = this;
    await this.pass();
    if (stored?.id !== datasetId || stored !== this.stored) throw new Error('the tokens are gone');
    await this.pass();
    return stored;
  }
}

/** Stores what is dropped as the real worker does: the new in one go with the end of the old, and nothing of what is cancelled. */
class SlowDatasetWorker extends FakeDatasetWorker {
  readonly #operations = new Operations<'import'>();

  constructor(private readonly storage: Storage) {
    super(sceneNamed('empty'));
  }

  override importFiles(files: File[], tokenization: Tokenization): Promise<DatasetSummary> {
    const described = files.map(({ name, size }) => ({ name, bytes: size, examples: {} }));
    return this.#store(() => ({
      ...scenesData(),
      id: this.storage.newId(),
      files: described,
      tokenization,
    }));
  }

  override retokenize(datasetId: string, tokenization: Tokenization): Promise<DatasetSummary> {
    return this.#store(() => {
      const { stored } = this.storage;
      if (stored?.id !== datasetId) throw new Error('the dataset is gone');
      return { ...stored, tokenization };
    });
  }

  override async tokens(datasetId: string, index: number): Promise<TokenPreview> {
    await this.storage.read(datasetId);
    return super.tokens(datasetId, index);
  }

  override async remove(datasetId = ''): Promise<void> {
    await this.storage.pass();
    if (this.storage.stored?.id === datasetId) this.storage.stored = null;
    await this.storage.pass();
  }

  override async cancel(): Promise<void> {
    await this.#operations.cancel('import');
  }

  #store(make: () => DatasetSummary): Promise<DatasetSummary> {
    return this.#operations.run('import', async (signal) => {
      await this.storage.pass();
      const made = make();
      await this.storage.pass();
      signal.throwIfAborted();
      this.storage.stored = made;
      await this.storage.pass();
      return made;
    });
  }
}

class SlowTrainerWorker extends FakeTrainerWorker {
  readonly requests: RunRequest[] = [];

  constructor(private readonly storage: Storage) {
    super(sceneNamed('empty'));
  }

  override async models(): Promise<ModelSummary[]> {
    const models = await super.models();
    const [starter] = models;
    return starter ? [...models, { ...starter, id: OTHER_MODEL, origin: 'files' }] : models;
  }

  override async suggest(modelId = '', datasetId = ''): Promise<Suggestion> {
    return suitable(modelId, await this.storage.read(datasetId));
  }

  override async forecast(
    modelId: string,
    datasetId: string | null = null,
    config: TrainingConfig = DEFAULT_CONFIG,
  ): Promise<Forecast> {
    await this.storage.pass();
    const data = datasetId === null ? null : await this.storage.read(datasetId);
    const forecast = await super.forecast(modelId);
    return { ...forecast, steps: data && stepsOf(data, config) };
  }

  override train(request: RunRequest): Promise<RunDetail> {
    this.requests.push(request);
    return super.train(request);
  }
}

function scenesData(): DatasetSummary {
  const { data } = sceneNamed('dropped');
  if (!data) throw new Error('the scene has no data');
  return data;
}

/** A suggestion that another model, other files or other tokens would not have. */
function suitable(modelId: string, { files, tokenization }: DatasetSummary): Suggestion {
  const [file] = files;
  const max_seq_length = file?.name === 'short.txt' ? 64 : 256;
  const max_steps = 10 * (file?.name.length ?? 0) + modelId.length;
  const r = tokenization.modelId === modelId ? 8 : 4;
  const config = { ...DEFAULT_CONFIG, max_seq_length, max_steps, r };
  return { config, prompts: [`Of ${file?.name ?? ''}`], sampleEverySteps: max_steps };
}

/** Steps that other data or other settings would not have. */
const stepsOf = (data: DatasetSummary, config: TrainingConfig) =>
  1000 * Number(data.id.replace('data-', '')) + data.tokenization.max_seq_length + config.r;

interface Page {
  tunesmith: Tunesmith;
  storage: Storage;
  trainer: SlowTrainerWorker;
  errors: unknown[];
  pending: Promise<void>[];
}

function openPage(scheduler: fc.Scheduler): Page {
  const storage = new Storage(scheduler);
  const trainer = new SlowTrainerWorker(storage);
  const link = { onFailure: () => undefined, restart: () => undefined };
  const workers = {
    dataset: { api: new SlowDatasetWorker(storage), ...link },
    trainer: { api: trainer, ...link },
  };
  const tunesmith = new Tunesmith(workers, { postMessage: () => undefined, onmessage: null });
  return { tunesmith, storage, trainer, errors: [], pending: [] };
}

/** Begins what a control asks for. */
function begin({ errors, pending }: Page, work: Promise<void>): void {
  pending.push(work.catch((error: unknown) => void errors.push(error)));
}

/** What a person does, and how many answers of the workers come after it before they do the next. */
type Act = (page: Page) => void;
const ACTS: Record<string, Act> = {
  dropShort: (page) =>
    begin(page, page.tunesmith.take(withoutFolder([new File(['A hen.'], 'short.txt')]))),
  dropLonger: (page) =>
    begin(page, page.tunesmith.take(withoutFolder([new File(['A cow.'], 'longer.txt')]))),
  forget: (page) => begin(page, page.tunesmith.preparation.forget()),
  cancel: (page) => begin(page, page.tunesmith.dataset.operation.cancel()),
  length: (page) => begin(page, page.tunesmith.change({ max_seq_length: 32 })),
  otherLength: (page) => begin(page, page.tunesmith.change({ max_seq_length: 48 })),
  rank: (page) => begin(page, page.tunesmith.change({ r: 5 })),
  starter: (page) => begin(page, page.tunesmith.chooseModel('starter')),
  otherModel: (page) => begin(page, page.tunesmith.chooseModel(OTHER_MODEL)),
  next: (page) => begin(page, page.tunesmith.dataset.select(1)),
};
interface Step {
  act: string;
  answers: number;
}
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    act: fc.constantFrom(...Object.keys(ACTS)),
    answers: fc.constantFrom(0, 1, 2, 3, 5, 8, 50),
  }),
  { minLength: 1, maxLength: 12 },
);

async function use(page: Page, scheduler: fc.Scheduler, acts: readonly Step[]): Promise<void> {
  begin(page, page.tunesmith.open());
  for (const { act, answers } of acts) {
    ACTS[act]?.(page);
    for (let answer = 0; answer < answers; answer += 1) {
      // Until all that needs no worker is done.
      await new Promise((resolve) => setImmediate(resolve));
      if (scheduler.count() > 0) await scheduler.waitNext(1);
      expect(page.tunesmith.plan.problem).toBeNull();
    }
  }
  await scheduler.waitFor(Promise.all(page.pending));
}

withKeptStorage();

describe('what the next run is made of', () => {
  it('is what the person chose last, whenever the workers answer', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), steps, async (scheduler, acts) => {
        const page = openPage(scheduler);
        const { tunesmith, storage } = page;
        await use(page, scheduler, acts);
        const { dataset, models, plan, preparation } = tunesmith;
        expect(page.errors).toEqual([]);
        expect(plan.problem).toBeNull();
        expect(preparation.taking).toBe(false);
        expect(dataset.operation.running).toBe(false);
        const { summary } = dataset;
        expect(summary).toEqual(storage.stored);
        const wanted = plan.tokenization(models.tokenizerId);
        if (acts.some(({ act }) => act === 'cancel')) return;
        const last = acts.findLast(({ act }) =>
          ['dropShort', 'dropLonger', 'forget'].includes(act),
        );
        if (last && last.act !== 'forget') {
          expect(summary?.files[0]?.name).toBe(
            last.act === 'dropShort' ? 'short.txt' : 'longer.txt',
          );
        }
        if (!summary) return;
        expect(summary.tokenization).toEqual(wanted);
        expect(plan.forecast?.steps).toBe(stepsOf(summary, plan.config));
        const fits = suitable(models.chosenId, summary);
        expect(plan.suggestion).toEqual(fits.config);
        expect(plan.prompts).toEqual(fits.prompts);
      }),
      { numRuns: 1000 },
    );
  });

  it('is tokenised as it is wanted before a run begins', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), steps, async (scheduler, acts) => {
        const page = openPage(scheduler);
        const { tunesmith, storage, trainer } = page;
        await use(page, scheduler, acts);
        await scheduler.waitFor(tunesmith.train());
        if (!storage.stored) return;
        expect(page.errors).toEqual([]);
        const { plan, models } = tunesmith;
        expect(trainer.requests).toHaveLength(1);
        expect(trainer.requests[0]).toMatchObject({
          datasetId: storage.stored.id,
          config: plan.config,
        });
        const wanted = plan.tokenization(models.tokenizerId);
        expect(sameTokenization(storage.stored.tokenization, wanted)).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });
});
