/** Operations that can be cancelled, at most one of a kind at a time. */
export class Operations<Kind extends string> {
  readonly #running = new Map<Kind, { controller: AbortController; ended: Promise<void> }>();

  /** Runs some work under a signal; a second of the kind cancels the first, and begins when that has ended. */
  async run<T>(kind: Kind, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController();
    const { signal } = controller;
    const result = this.cancel(kind).then(() => {
      signal.throwIfAborted();
      return work(signal);
    });
    const ended = result.then(
      () => undefined,
      () => undefined,
    );
    // At once, so that it can be cancelled while it waits for the one before it.
    const entry = { controller, ended };
    this.#running.set(kind, entry);
    try {
      return await result;
    } finally {
      if (this.#running.get(kind) === entry) this.#running.delete(kind);
    }
  }

  isRunning(kind: Kind): boolean {
    return this.#running.has(kind);
  }

  /** Cancels what is under way; resolves when it has ended. */
  async cancel(kind: Kind): Promise<void> {
    const running = this.#running.get(kind);
    running?.controller.abort(new DOMException('It was cancelled.', 'AbortError'));
    await running?.ended;
  }
}
