interface Request {
  readonly tab: string;
  readonly name: string;
  readonly mode: 'exclusive' | 'shared';
  readonly grant: () => void;
}

/**
 * Web Locks for several tabs, as their specification has them: first come, first served; a request that may not wait is refused; a tab that
 * ends gives back what it holds and waits for nothing more.
 */
export class FakeLocks {
  #held: Request[] = [];
  #waiting: Request[] = [];
  readonly #ended = new Set<string>();

  /** The lock manager of one tab. */
  of(tab: string): LockManager {
    const request = (
      name: string,
      { mode = 'exclusive', ifAvailable = false }: LockOptions,
      work: (lock: object | null) => unknown,
    ) =>
      new Promise((resolve) => {
        // Nothing runs in a tab that has ended.
        if (this.#ended.has(tab)) return;
        const run = (lock: object | null) => Promise.resolve().then(() => work(lock));
        const made: Request = {
          tab,
          name,
          mode,
          grant: () => {
            const ended = run({ name, mode }).finally(() => {
              this.#held = this.#held.filter((other) => other !== made);
              this.#grantNext();
            });
            resolve(ended);
          },
        };
        if (ifAvailable && !this.#mayHold(made)) resolve(run(null));
        else this.#waiting.push(made);
        this.#grantNext();
      });
    const query = () =>
      Promise.resolve({ held: this.#held.map(({ name, mode }) => ({ name, mode })) });
    return { request, query } as unknown as LockManager;
  }

  /** The tabs that hold a lock alone. */
  get writers(): string[] {
    return this.#held.filter(({ mode }) => mode === 'exclusive').map(({ tab }) => tab);
  }

  /** Ends a tab however it ends. */
  kill(tab: string): void {
    this.#ended.add(tab);
    this.#held = this.#held.filter((held) => held.tab !== tab);
    this.#waiting = this.#waiting.filter((waiting) => waiting.tab !== tab);
    this.#grantNext();
  }

  #mayHold({ name, mode }: Request): boolean {
    const others = [...this.#held, ...this.#waiting].filter((other) => other.name === name);
    return others.every((other) => mode === 'shared' && other.mode === 'shared');
  }

  /** Grants what can be had; of the requests of one name none before the one ahead of it. */
  #grantNext(): void {
    for (const name of new Set(this.#waiting.map((waiting) => waiting.name))) {
      for (;;) {
        const next = this.#waiting.find((waiting) => waiting.name === name);
        if (!next || !this.#isFree(next)) break;
        this.#waiting = this.#waiting.filter((waiting) => waiting !== next);
        this.#held.push(next);
        next.grant();
      }
    }
  }

  #isFree({ name, mode }: Request): boolean {
    const held = this.#held.filter((other) => other.name === name);
    return held.every((other) => mode === 'shared' && other.mode === 'shared');
  }
}
