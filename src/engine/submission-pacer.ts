/**
 * Keeps submissions short and two in flight. A driver resets a GPU that works on one submission for seconds, and a browser bars a page
 * that lost its GPU twice; a submission that is too short wastes its fixed cost. So the pacer learns how much work the device does in a
 * millisecond and hands out budgets of about {@link TARGET_MILLISECONDS}.
 */

import type { Gpu } from './gpu';

const TARGET_MILLISECONDS = 60;
const IN_FLIGHT = 2;
/** Multiply-adds of the first submission: under a second even on a software GPU of 0.1 GFLOPS. */
const FIRST_BUDGET = 3e7;
/** One measurement may be a hiccup: the budget at most quadruples on it. */
const GROWTH = 4;

/** Paces the submissions of one device. */
export class SubmissionPacer {
  #budget = FIRST_BUDGET;
  #lastDone = 0;
  readonly #inFlight: Promise<void>[] = [];

  constructor(private readonly gpu: Gpu) {}

  /** Multiply-adds that the next submission should hold at most; at least one command always goes. */
  get budget(): number {
    return this.#budget;
  }

  /** Resolves when another submission may be made. */
  async room(): Promise<void> {
    while (this.#inFlight.length >= IN_FLIGHT) await this.#inFlight[0];
  }

  /** Tells of a submission just made, of `cost` multiply-adds. */
  submitted(cost: number): void {
    const started = performance.now();
    const done = this.#workDone().then(() => {
      void this.#inFlight.shift();
      this.#learn(cost, performance.now() - Math.max(started, this.#lastDone));
    });
    // Whoever waits for room hears of a lost GPU; where nobody does, it must not count as an error that nobody handles.
    done.catch(() => undefined);
    this.#inFlight.push(done);
  }

  /** Resolves when all submitted work is done. */
  async idle(): Promise<void> {
    await Promise.all(this.#inFlight);
    await this.#workDone();
  }

  #workDone(): Promise<void> {
    return this.gpu.settled(this.gpu.device.queue.onSubmittedWorkDone());
  }

  #learn(cost: number, milliseconds: number): void {
    this.#lastDone = performance.now();
    const fitting = (cost * TARGET_MILLISECONDS) / Math.max(milliseconds, 0.1);
    // A short submission says little about a long one: it may shrink the budget only by its own measure.
    const measured = cost < this.#budget / 2 ? Math.max(fitting, this.#budget) : fitting;
    this.#budget = Math.min(measured, this.#budget * GROWTH);
  }
}
