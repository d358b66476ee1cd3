import type {
  MemoryParts,
  Notice,
  Progress,
  RunDetail,
  RunPhase,
  RunSummary,
  Sample,
  StepMetrics,
  TrainerEvent,
} from '../../worker/api';
import { recentSpeed, secondsLeft } from '../charts/run-curves';
import { statusText } from '../text/status';

/** Phases in which the run holds the GPU. */
const AT_WORK: readonly RunPhase[] = ['preparing', 'training', 'paused', 'recovering'];
/** Phases that a run leaves when it is resumed. */
const RESUMABLE: readonly RunPhase[] = ['paused', 'interrupted', 'stopped', 'failed'];

/** The run that the page shows. */
export class CurrentRun {
  summary = $state.raw<RunSummary | null>(null);
  detail = $state.raw<RunDetail | null>(null);
  samples = $state.raw<Sample[]>([]);
  notices = $state.raw<Notice[]>([]);
  /** What is on the GPU; null before it is told. */
  memory = $state.raw<MemoryParts | null>(null);
  progress = $state.raw<Progress | null>(null);
  /** Every step's metrics, in order; a new array each time, so that what is drawn from it is drawn again. */
  metrics = $state.raw<StepMetrics[]>([]);

  readonly phase = $derived(this.summary?.phase ?? null);
  readonly atWork = $derived(this.phase !== null && AT_WORK.includes(this.phase));
  /** Whether all weights are trained, so that what it gives is a whole model, not an adapter. */
  readonly wholeModel = $derived(this.detail?.config.method === 'full');
  readonly moving = $derived(this.atWork && this.phase !== 'paused');
  readonly resumable = $derived(
    this.phase !== null &&
      RESUMABLE.includes(this.phase) &&
      (this.phase === 'paused' || this.summary?.hasAdapter === true),
  );
  readonly tokensPerSecond = $derived(recentSpeed(this.metrics));
  readonly secondsLeft = $derived(
    this.phase === 'training' ? secondsLeft(this.metrics, this.summary?.totalSteps ?? 0) : null,
  );
  readonly trainedTokens = $derived(
    this.metrics.reduce((sum, step) => sum + step.trained_tokens, 0),
  );
  readonly skippedSteps = $derived(this.metrics.filter((step) => step.skipped === true).length);
  readonly status = $derived(
    this.summary ? statusText(this.summary, this.tokensPerSecond, this.progress) : '',
  );

  /** Shows a run as it is stored. */
  open(detail: RunDetail): void {
    this.summary = detail;
    this.detail = detail;
    this.metrics = detail.metrics;
    this.samples = detail.samples;
    this.notices = detail.notices;
    this.memory = null;
    this.progress = null;
  }

  close(): void {
    this.summary = null;
    this.detail = null;
    this.metrics = [];
    this.samples = [];
    this.notices = [];
    this.memory = null;
    this.progress = null;
  }

  /** Takes in what the worker tells of this run; what it tells of another is left alone. */
  tell(event: TrainerEvent): void {
    if (event.type === 'run') {
      if (event.run.id === this.summary?.id) this.#tellRun(event.run);
      return;
    }
    if (event.type === 'lock' || event.runId !== this.summary?.id) return;
    switch (event.type) {
      case 'progress':
        this.progress = event.progress;
        break;
      case 'steps':
        this.#tellSteps(event.metrics);
        break;
      case 'samples':
        this.samples = mergedSamples(this.samples, event.samples);
        break;
      case 'memory':
        this.memory = event.memory;
        break;
      case 'notice':
        this.notices = [...this.notices, event.notice];
        break;
      case 'rewound':
        this.metrics = this.metrics.filter((metrics) => metrics.step <= event.step);
        break;
    }
  }

  #tellRun(run: RunSummary): void {
    if (run.phase !== this.phase) this.progress = null;
    this.summary = run;
  }

  #tellSteps(metrics: StepMetrics[]): void {
    if (!this.summary) return;
    this.metrics = [...this.metrics, ...metrics];
    this.summary = afterSteps(this.summary, metrics);
  }
}

/** A run after some more steps. */
export function afterSteps(run: RunSummary, metrics: readonly StepMetrics[]): RunSummary {
  const last = metrics.at(-1);
  return last ? { ...run, step: last.step, loss: last.loss } : run;
}

/** Samples in the order of their steps, one for each step and prompt, the newer winning. */
function mergedSamples(before: Sample[], told: Sample[]): Sample[] {
  const kept = before.filter(
    (old) => !told.some((sample) => sample.step === old.step && sample.prompt === old.prompt),
  );
  return [...kept, ...told].sort((a, b) => a.step - b.step);
}
