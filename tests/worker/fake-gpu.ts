/** A GPU that computes nothing, and is lost when a test says so. */
export class FakeGpu {
  /** How often a device was given. */
  opened = 0;
  /** How many requests for an adapter are still refused. */
  refusals = 0;
  #lose: (loss: { reason: string; message: string }) => void = () => undefined;
  #lost = true;

  /** Whether the device given last is lost. */
  get lost(): boolean {
    return this.#lost;
  }

  /** `navigator.gpu`, as far as opening and losing a device goes. */
  readonly instance = {
    requestAdapter: () => Promise.resolve(this.refusals-- > 0 ? null : this.#adapter),
  } as unknown as GPU;

  lose(): void {
    this.#lost = true;
    this.#lose({ reason: 'unknown', message: 'the driver was reset' });
  }

  readonly #adapter = {
    info: { description: 'a test', vendor: '', architecture: '', device: '' },
    features: new Set(),
    limits: { maxBufferSize: 2 ** 28, maxStorageBufferBindingSize: 2 ** 27 },
    requestDevice: () => {
      this.opened += 1;
      this.#lost = false;
      const lost = new Promise((resolve) => {
        this.#lose = resolve;
      });
      return Promise.resolve({
        lost,
        addEventListener: () => undefined,
        destroy: () => this.#lose({ reason: 'destroyed', message: '' }),
      });
    },
  };
}
