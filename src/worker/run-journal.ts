import { messageOf } from '../errors';
import { QuotaError } from '../storage/errors';
import type { Checkpoint } from '../train/checkpoint';
import { decodeCheckpoint, encodeCheckpoint } from '../train/checkpoint-files';
import type { Notice, Progress, Sample, StepMetrics, TrainerEvent } from './api';
import { MetricsWriter } from './metrics-writer';
import type { RunListing } from './run-listing';
import type { Services, StoredRun } from './services';
import { throttledProgress } from './throttled-progress';

/** Where a run is stored and told. */
export interface JournalParts {
  readonly services: Services;
  readonly listing: RunListing;
  readonly emit: (event: TrainerEvent) => void;
}

/** The record of the run at work: all that it stores and tells of itself. */
export class RunJournal {
  readonly #metrics: MetricsWriter;
  readonly #progress: (progress: Progress) => void;

  constructor(
    private stored: StoredRun,
    private readonly parts: JournalParts,
  ) {
    const runId = stored.id;
    this.#progress = throttledProgress((progress) =>
      parts.emit({ type: 'progress', runId, progress }),
    );
    this.#metrics = new MetricsWriter(parts.services.runs, runId, (error) =>
      this.notice('warning', messageOf(error)),
    );
  }

  /** The run as it stands. */
  get run(): Readonly<StoredRun> {
    return this.stored;
  }

  /** Stores a change and tells it. A full storage does not keep a run from going on and being told about. */
  async change(change: Partial<StoredRun>): Promise<void> {
    const { services, listing, emit } = this.parts;
    this.stored = { ...this.stored, ...change };
    // Whoever renames the run meanwhile writes its stored name.
    const { name } = (await services.runs.get(this.stored.id)) ?? this.stored;
    this.stored = { ...this.stored, name };
    try {
      await services.runs.update(this.stored.id, this.stored);
    } catch (error) {
      if (!(error instanceof QuotaError)) throw error;
    }
    emit({ type: 'run', run: await listing.summary(this.stored) });
  }

  async notice(severity: Notice['severity'], message: string): Promise<void> {
    const notice = { severity, message };
    this.parts.emit({ type: 'notice', runId: this.stored.id, notice });
    await this.change({ notices: [...this.stored.notices, notice] });
  }

  /** Tells what the run is doing besides its steps, a few times a second at most; null when that is over. */
  doing(progress: Progress | null): void {
    if (progress) this.#progress(progress);
    else this.parts.emit({ type: 'progress', runId: this.stored.id, progress });
  }

  step(metrics: StepMetrics): void {
    this.#metrics.add(metrics);
    const { step, loss, eval_loss: evalLoss } = metrics;
    this.stored = { ...this.stored, step, loss };
    if (evalLoss !== undefined && evalLoss < (this.stored.bestEvalLoss ?? Infinity)) {
      this.stored.bestEvalLoss = evalLoss;
    }
    this.parts.emit({ type: 'steps', runId: this.stored.id, metrics: [metrics] });
  }

  async samples(step: number, samples: Sample[]): Promise<void> {
    const kept = this.stored.samples.filter((sample) => sample.step < step);
    await this.change({ samples: [...kept, ...samples] });
    this.parts.emit({ type: 'samples', runId: this.stored.id, samples });
  }

  /** @throws QuotaError; what was stored before is there still */
  async save(checkpoint: Checkpoint): Promise<void> {
    const { id: runId } = this.stored;
    const { step } = checkpoint.progress;
    const last = checkpoint.metrics.at(-1);
    const evalLoss = last?.step === step ? (last.eval_loss ?? null) : null;
    const files = await encodeCheckpoint(checkpoint);
    await this.parts.services.checkpoints.save({ runId, step, evalLoss }, files);
    await this.change({});
  }

  /** The run's last checkpoint; undefined before its first. */
  async lastCheckpoint(): Promise<Checkpoint | undefined> {
    const { checkpoints } = this.parts.services;
    const [last] = await checkpoints.list(this.stored.id);
    return last && decodeCheckpoint(checkpoints.folder(last));
  }

  /** Takes back what was stored and told of the steps after a checkpoint: they are made again. */
  async rewind({ progress: { step }, metrics }: Checkpoint): Promise<void> {
    const { services, emit } = this.parts;
    await this.flush();
    try {
      await services.runs.rewindMetrics(this.stored.id, step);
    } catch (error) {
      // What a full storage keeps is replaced as the steps are made again.
      if (!(error instanceof QuotaError)) throw error;
    }
    await this.change({ step, loss: metrics.at(-1)?.loss ?? null });
    emit({ type: 'rewound', runId: this.stored.id, step });
  }

  /** Resolves when every step's metrics are stored, or cannot be. */
  flush(): Promise<void> {
    return this.#metrics.flush();
  }
}
