import type { StepMetrics } from '../train/metrics';
import type { Services } from './services';

/** Stores a run's metrics behind the loop's back: what comes while a write is under way goes into the next one. */
export class MetricsWriter {
  #waiting: StepMetrics[] = [];
  #writing: Promise<void> | undefined;
  #failed = false;

  /** @param onFailure told once when writes begin to fail; what was not written goes with the next write, and is in the next checkpoint too. */
  constructor(
    private readonly runs: Pick<Services['runs'], 'addMetrics'>,
    private readonly runId: string,
    private readonly onFailure: (error: unknown) => Promise<void>,
  ) {}

  add(metrics: StepMetrics): void {
    this.#waiting.push(metrics);
    this.#writing ??= this.#write();
  }

  /** Resolves when everything added is stored, or was tried once more. */
  async flush(): Promise<void> {
    await this.#writing;
    if (this.#waiting.length > 0) await (this.#writing ??= this.#write());
  }

  async #write(): Promise<void> {
    try {
      while (this.#waiting.length > 0) {
        const metrics = this.#waiting;
        this.#waiting = [];
        if (await this.#store(metrics)) continue;
        this.#waiting = [...metrics, ...this.#waiting];
        return;
      }
    } finally {
      this.#writing = undefined;
    }
  }

  /** @returns whether they are stored */
  async #store(metrics: readonly StepMetrics[]): Promise<boolean> {
    try {
      await this.runs.addMetrics(this.runId, metrics);
      this.#failed = false;
      return true;
    } catch (error) {
      if (!this.#failed) await this.onFailure(error);
      this.#failed = true;
      return false;
    }
  }
}
