/** Counts the seconds that a run has worked; what passes while it is stopped does not count. */
export class RunClock {
  #before = 0;
  #startedAt: number | undefined;

  /** @param now milliseconds from any fixed moment. */
  constructor(private readonly now: () => number) {}

  get seconds(): number {
    const running = this.#startedAt === undefined ? 0 : (this.now() - this.#startedAt) / 1000;
    return this.#before + running;
  }

  start(): void {
    this.#startedAt ??= this.now();
  }

  stop(): void {
    this.#before = this.seconds;
    this.#startedAt = undefined;
  }

  /** Goes on from what an earlier session had worked. */
  set(seconds: number): void {
    this.stop();
    this.#before = seconds;
  }
}
