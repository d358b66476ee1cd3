/** Who may train. Web Locks make one holder of many tabs, and give the lock on at once when a tab ends however it ends. */

const NAME = 'tunesmith-gpu';

export type LockState = 'free' | 'here' | 'elsewhere';

/** Another tab holds the GPU. */
export class LockError extends Error {
  override readonly name = 'LockError';
  constructor() {
    super('Another tab of this page is training; stop or close it there, then train here.');
  }
}

/** This tab's claim on the GPU. */
export class TabLock {
  #state: LockState = 'free';
  #release: (() => void) | undefined;
  /** Locks tell nobody that they were taken; the holder does. */
  readonly #channel = new BroadcastChannel(NAME);

  constructor(
    private readonly onChange: (state: LockState) => void,
    private readonly locks: LockManager = navigator.locks,
  ) {
    this.#channel.onmessage = () => void this.watch();
  }

  get state(): LockState {
    return this.#state;
  }

  /** Looks whether another tab holds the lock, and goes on watching until it is free. */
  async watch(): Promise<void> {
    const { held = [] } = await this.locks.query();
    if (this.#state === 'here' || !held.some(({ name }) => name === NAME)) return;
    this.#set('elsewhere');
    // Granted the moment that the other tab lets go or ends; given back at once.
    void this.locks
      .request(NAME, { mode: 'shared' }, () => undefined)
      .then(() => {
        if (this.#state === 'elsewhere') this.#set('free');
      });
  }

  /** Takes the lock until {@link release}. @throws LockError while another tab has it */
  async take(): Promise<void> {
    if (this.#release) return;
    await new Promise<void>((resolve, reject) => {
      this.locks
        .request(NAME, { ifAvailable: true }, (lock) => {
          if (!lock) {
            reject(new LockError());
            return undefined;
          }
          resolve();
          return new Promise<void>((release) => {
            this.#release = release;
          });
        })
        .catch(reject);
    }).catch(async (error: unknown) => {
      await this.watch();
      throw error;
    });
    this.#set('here');
    this.#channel.postMessage('taken');
  }

  release(): void {
    this.#release?.();
    this.#release = undefined;
    if (this.#state === 'here') this.#set('free');
  }

  #set(state: LockState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.onChange(state);
  }
}
