import type { StepMetrics } from '../train/metrics';
import type { Services } from './services';

/** Stores a run's metrics behind the loop's back: what comes while a write is under way goes into the next one. */
export class MetricsWriter {
  #waiting: StepMetrics[] = [];
  #writing: Promise<void> | undefined;

  /** @param onFailure told once a write fails; the metrics are in the next checkpoint too. */
  constructor(
    private readonly runs: Services['runs'],
    private readonly runId: string,
    private readonly onFailure: (error: unknown) => void,
  ) {}

  add(metrics: StepMetrics): void {
    this.#waiting.push(metrics);
    this.#writing ??= this.#write();
  }

  /** Resolves when everything added is stored. */
  async flush(): Promise<void> {
    while (this.#writing) await this.#writing;
  }

  async #write(): Promise<void> {
    while (this.#waiting.length > 0) {
      const metrics = this.#waiting;
      this.#waiting = [];
      try {
        await this.runs.addMetrics(this.runId, metrics);
      } catch (error) {
        this.onFailure(error);
      }
    }
    this.#writing = undefined;
  }
}
