/** What the outside asks of a run that is under way, and the loop's side of it. */
export class RunControl {
  #paused = false;
  #stopping = false;
  /** Whether something was asked since the loop last looked. */
  #awake = false;
  #wake: () => void = () => undefined;
  #rested: ((rests: boolean) => void)[] = [];
  #interruption = new AbortController();
  readonly #questions: (() => Promise<void>)[] = [];

  get paused(): boolean {
    return this.#paused;
  }

  get stopping(): boolean {
    return this.#stopping;
  }

  /** Aborted by the next pause or stop: for work that the loop has others do between its steps. */
  get interruption(): AbortSignal {
    return this.#interruption.signal;
  }

  /** Resolves with true when the loop rests, with false when it has ended or gone on instead. */
  pause(): Promise<boolean> {
    this.#paused = !this.#stopping;
    this.#interruption.abort();
    this.#wakeUp();
    return new Promise((resolve) => this.#rested.push(resolve));
  }

  resume(): void {
    this.#paused = false;
    if (!this.#stopping) this.#interruption = new AbortController();
    this.#tellRested(false);
    this.#wakeUp();
  }

  /** Also ends a pause. */
  stop(): void {
    this.#stopping = true;
    this.#interruption.abort();
    this.resume();
  }

  /** Whether `serve` has something to do. */
  get asked(): boolean {
    return this.#questions.length > 0;
  }

  /** Has `question`, which never rejects, run by the loop when all steps so far are taken in. */
  ask(question: () => Promise<void>): void {
    this.#questions.push(question);
    this.#wakeUp();
  }

  /** The loop answers what was asked. */
  async serve(): Promise<void> {
    for (let next = this.#questions.shift(); next; next = this.#questions.shift()) await next();
  }

  /** The loop rests until it is resumed or stopped, and answers meanwhile. */
  async rest(): Promise<void> {
    while (this.#paused) {
      this.#tellRested(true);
      await this.#woken();
      await this.serve();
    }
  }

  /** The run has ended. */
  async end(): Promise<void> {
    this.#tellRested(false);
    await this.serve();
  }

  #wakeUp(): void {
    this.#awake = true;
    this.#wake();
  }

  async #woken(): Promise<void> {
    if (!this.#awake) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    this.#awake = false;
  }

  #tellRested(rests: boolean): void {
    for (const resolve of this.#rested.splice(0)) resolve(rests);
  }
}
