import { proxy, releaseProxy, wrap, type Remote } from 'comlink';

/**
 * The only address that may become a worker's script is that of a {@link bootstrap}. Browsers that enforce trusted types want that said by a policy.
 */
const scriptAddresses = (
  globalThis as { trustedTypes?: { createPolicy(name: string, rules: object): ScriptAddresses } }
).trustedTypes?.createPolicy('tunesmith-workers', { createScriptURL: (url: string) => url }) ?? {
  createScriptURL: (url: string) => url,
};
interface ScriptAddresses {
  createScriptURL(url: string): string;
}

/**
 * Address of a script that only loads the built one. A worker that starts from an address on the network is bound by no policy but what its
 * own response says, and a static host says nothing; one that starts from a blob takes over the page's, which is where the page names the model host.
 */
function bootstrap(script: string): string {
  const address = new URL(script, document.baseURI).href;
  return URL.createObjectURL(
    new Blob([`import ${JSON.stringify(address)};`], { type: 'text/javascript' }),
  );
}

/** A worker as the page holds it. */
export interface WorkerLink<Api> {
  /** The worker's methods. Functions among the arguments are called in this thread. Stays the same when the worker is started again. */
  readonly api: Api;
  /** Told in one sentence when the worker broke down: its script did not load, or something was thrown that nobody caught. */
  onFailure: (message: string) => void;
  /** Ends the worker whatever it does; all that was asked of it rejects with AbortError. A new one is there at once. */
  restart(): void;
}

/** A worker of this page, whose end is never a promise that waits for ever. */
export class PageWorker<Api extends object> implements WorkerLink<Api> {
  readonly api: Api;
  onFailure: (message: string) => void = () => undefined;

  readonly #address: string;
  #worker: Worker;
  #remote: Remote<Api>;
  readonly #pending = new Set<(reason: Error) => void>();

  constructor(
    private readonly name: string,
    script: string,
  ) {
    this.#address = bootstrap(script);
    [this.#worker, this.#remote] = this.#start();
    this.api = new Proxy({} as Api, {
      get: (_, method) => (typeof method === 'string' ? this.#caller(method) : undefined),
    });
  }

  restart(): void {
    this.#remote[releaseProxy]();
    this.#worker.terminate();
    this.#rejectAll(new DOMException(`The ${this.name} worker was ended.`, 'AbortError'));
    [this.#worker, this.#remote] = this.#start();
  }

  #start(): [Worker, Remote<Api>] {
    const worker = new Worker(scriptAddresses.createScriptURL(this.#address), {
      type: 'module',
      name: this.name,
    });
    worker.addEventListener('error', (event) => {
      const message = `The ${this.name} worker broke down: ${event.message || 'its script did not load'}. Reload the page; stored runs are safe.`;
      this.#rejectAll(new Error(message));
      this.onFailure(message);
    });
    return [worker, wrap<Api>(worker)];
  }

  #caller(method: string): (...values: unknown[]) => Promise<unknown> {
    return (...values) => {
      const remote = this.#remote as unknown as Record<
        string,
        (...passed: unknown[]) => Promise<unknown>
      >;
      const answer = remote[method]?.(
        ...values.map((value) => (typeof value === 'function' ? proxy(value) : value)),
      );
      return new Promise((resolve, reject) => {
        this.#pending.add(reject);
        void answer?.then(resolve, reject).finally(() => this.#pending.delete(reject));
      });
    };
  }

  #rejectAll(reason: Error): void {
    for (const reject of this.#pending) reject(reason);
    this.#pending.clear();
  }
}
