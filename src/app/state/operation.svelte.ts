import type { Progress, ProgressListener } from '../../worker/api';

/** Something that takes a while: how far it is, how long yet, and a way to end it. */
export class Operation {
  /** Null while nothing is under way. */
  progress = $state.raw<Progress | null>(null);
  running = $state(false);
  /** Whether it has taken long enough to be worth showing. */
  visible = $state(false);
  secondsLeft = $state<number | null>(null);

  #turn = 0;
  #startedAt = 0;
  #doneAtStart: number | null = null;

  constructor(private readonly stop: () => Promise<void>) {}

  /**
   * Runs the work and shows its progress. A new one takes the display over from the one before.
   *
   * @returns what the work returns, or undefined when it was cancelled
   */
  async run<Result>(
    activity: string,
    work: (onProgress: ProgressListener) => Promise<Result>,
  ): Promise<Result | undefined> {
    const turn = (this.#turn += 1);
    this.progress = { activity, done: 0, total: null, unit: 'parts' };
    this.running = true;
    this.visible = false;
    this.secondsLeft = null;
    this.#beginCounting();
    const timer = setTimeout(() => {
      if (turn === this.#turn) this.visible = true;
    }, VISIBLE_AFTER_MILLISECONDS);
    try {
      return await work((progress) => {
        if (turn === this.#turn) this.#tell(progress);
      });
    } catch (error) {
      if (isAbort(error)) return undefined;
      throw error;
    } finally {
      clearTimeout(timer);
      if (turn === this.#turn) this.#end();
    }
  }

  /** Ends what is under way; its `run` then returns undefined. */
  async cancel(): Promise<void> {
    if (this.running) await this.stop();
  }

  #tell(progress: Progress): void {
    // What comes next takes its own time.
    if (progress.activity !== this.progress?.activity) this.#beginCounting();
    this.progress = progress;
    this.#doneAtStart ??= progress.done;
    const done = progress.done - this.#doneAtStart;
    const seconds = (performance.now() - this.#startedAt) / 1000;
    this.secondsLeft =
      progress.total === null || done <= 0 || seconds < 1
        ? null
        : (seconds / done) * (progress.total - progress.done);
  }

  #beginCounting(): void {
    this.#startedAt = performance.now();
    this.#doneAtStart = null;
  }

  #end(): void {
    this.running = false;
    this.visible = false;
    this.progress = null;
    this.secondsLeft = null;
  }
}

/** Shorter work ends before a bar could be read. */
const VISIBLE_AFTER_MILLISECONDS = 400;

/** Whether an error only says that something was cancelled. */
export function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}
