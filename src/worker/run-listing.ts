import { InputError } from '../errors';
import type { RunDetail, RunPhase, RunSummary } from './api';
import { summaryOf, type Services, type StoredRun } from './services';

/** Phases of a run that is held in memory; stored without a tab at work they mean that the tab ended. */
const AT_WORK: readonly RunPhase[] = ['preparing', 'training', 'paused', 'recovering'];

/** The run at work in this worker, as far as its listing goes. */
export interface HeldRun {
  readonly id: string;
  /** As it stands; what is stored of it may be some steps older, but has the newest name. */
  readonly record: Readonly<StoredRun>;
  /** Whether it rests with something learned on the GPU, stored or not. */
  readonly holdsAdapter: boolean;
}

/** The stored runs as the page sees them. */
export class RunListing {
  constructor(
    private readonly services: Services,
    private readonly atWork: () => HeldRun | null,
    /** Id of the run that another tab is at work on. */
    private readonly elsewhere: () => Promise<string | null>,
  ) {}

  async list(): Promise<RunSummary[]> {
    const runs = await this.services.runs.list();
    return Promise.all(runs.map((run) => this.summary(this.#standing(run))));
  }

  /** @throws InputError where there is no such run */
  async get(id: string): Promise<StoredRun> {
    const run = await this.services.runs.get(id);
    if (!run) throw new InputError('this run is not stored here any more');
    const standing = this.#standing(run);
    return { ...standing, phase: await this.#phase(standing) };
  }

  async detail(id: string): Promise<RunDetail> {
    const run = await this.get(id);
    const { datasetId, config, precision, prompts, samples, notices } = run;
    const metrics = await this.services.runs.metrics(id);
    const summary = await this.summary(run);
    return { ...summary, datasetId, config, precision, prompts, metrics, samples, notices };
  }

  /** The run to come back to on load. */
  async last(): Promise<RunDetail | null> {
    const atWork = this.atWork();
    if (atWork) return this.detail(atWork.id);
    const runs = await this.services.runs.list();
    const last = runs.find(({ closed }) => !closed);
    return last ? this.detail(last.id) : null;
  }

  async summary(run: StoredRun): Promise<RunSummary> {
    const checkpoints = await this.services.checkpoints.list(run.id);
    const atWork = this.atWork();
    const isHeld = atWork?.id === run.id && atWork.holdsAdapter;
    const hasAdapter = isHeld || checkpoints.some(({ step }) => step > 0);
    return summaryOf({ ...run, phase: await this.#phase(run) }, hasAdapter);
  }

  #standing(stored: StoredRun): StoredRun {
    const atWork = this.atWork();
    return atWork?.id === stored.id ? { ...atWork.record, name: stored.name } : stored;
  }

  async #phase(run: StoredRun): Promise<RunPhase> {
    if (!AT_WORK.includes(run.phase) || run.id === this.atWork()?.id) return run.phase;
    return run.id === (await this.elsewhere()) ? 'elsewhere' : 'interrupted';
  }
}
