/** Who may train. Web Locks make one holder of many tabs, and give the lock on at once when a tab ends however it ends. */

const NAME = 'tunesmith-gpu';
/** What the name of a lock begins with that says which run its tab is at work on. */
const RUN_PREFIX = 'tunesmith-run ';

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
  #releaseRun: (() => void) | undefined;
  /** Locks tell nobody that they were taken; the holder does. */
  readonly #channel = new BroadcastChannel(NAME);

  constructor(
    private readonly onChange: (state: LockState) => void,
    private readonly locks: LockManager,
  ) {
    this.#channel.onmessage = () => void this.#hear();
  }

  get state(): LockState {
    return this.#state;
  }

  /** Whether another tab holds the lock now. */
  async isElsewhere(): Promise<boolean> {
    if (this.#state === 'here') return false;
    const { held = [] } = await this.locks.query();
    // Tabs that watch hold it too, shared and for a moment.
    return held.some(({ name, mode }) => name === NAME && mode === 'exclusive');
  }

  /** The run that another tab is at work on, as far as that tab has named it. */
  async runElsewhere(): Promise<string | null> {
    if (!(await this.isElsewhere())) return null;
    const { held = [] } = await this.locks.query();
    const named = held.find(({ name }) => name?.startsWith(RUN_PREFIX));
    return named?.name?.slice(RUN_PREFIX.length) ?? null;
  }

  /** Looks whether another tab holds the lock, and goes on watching until it is free. */
  async watch(): Promise<void> {
    if (!(await this.isElsewhere()) || this.#release) return;
    this.#set('elsewhere');
    // Granted the moment that the other tab lets go or ends; given back at once.
    void this.locks
      .request(NAME, { mode: 'shared' }, () => undefined)
      .then(() => {
        if (this.#state === 'elsewhere') this.#set('free');
      });
  }

  /** @throws LockError while another tab has it */
  async refuseElsewhere(): Promise<void> {
    if (await this.isElsewhere()) throw new LockError();
  }

  /** Takes the lock until {@link release}. @throws LockError while another tab has it */
  async take(): Promise<void> {
    while (!this.#release) {
      const release = await this.#request();
      if (release) {
        this.#release = release;
        this.#set('here');
        this.#channel.postMessage('taken');
        return;
      }
      if (!(await this.isElsewhere())) continue;
      await this.watch();
      throw new LockError();
    }
  }

  /** Tells the other tabs which run this one, which holds the lock, is at work on: in a lock too, so that it ends with the tab. */
  nameRun(runId: string): void {
    const named = new Promise<void>((release) => (this.#releaseRun = release));
    void this.locks.request(`${RUN_PREFIX}${runId}`, { mode: 'shared' }, () => {
      this.#channel.postMessage('named');
      return named;
    });
  }

  release(): void {
    this.#releaseRun?.();
    this.#releaseRun = undefined;
    this.#release?.();
    this.#release = undefined;
    if (this.#state === 'here') this.#set('free');
  }

  /** Another tab has taken the lock, or named its run, which is told although the lock is where it was. */
  async #hear(): Promise<void> {
    const before = this.#state;
    await this.watch();
    if (before === 'elsewhere' && this.#state === before) this.onChange(before);
  }

  /** @returns what gives the lock back; undefined where it cannot be had now */
  #request(): Promise<(() => void) | undefined> {
    return new Promise((resolve, reject) => {
      this.locks
        .request(NAME, { ifAvailable: true }, (lock) => {
          if (lock) return new Promise<void>((release) => resolve(release));
          resolve(undefined);
          return undefined;
        })
        .catch(reject);
    });
  }

  #set(state: LockState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.onChange(state);
  }
}
