import { InputError, messageOf } from '../errors';
import { decodeUtf8 } from '../formats/byte-source';
import { parseJson } from '../formats/json';
import { quoted } from '../formats/quoted';
import { isAbort } from './errors';

export const DEFAULT_HUB = 'https://huggingface.co';

/** Milliseconds to wait before each further try of something that failed without any progress. */
const WAITS = [1_000, 2_000, 4_000, 8_000, 16_000];
/** Milliseconds without a byte after which a connection counts as broken. */
const STALL = 60_000;
const MAXIMUM_JSON_BYTES = 16 * 1024 * 1024;

export interface HubOptions {
  /** Where the hub is; anything of the same layout will do. */
  address?: string;
  fetch?: (input: string, init: RequestInit) => Promise<Response>;
  waits?: readonly number[];
  stall?: number;
}

/** A failure that may pass: a broken connection, a busy host. */
export class TransientError extends Error {
  override readonly name = 'TransientError';
}

/** Speaks HTTP with the model hub: requests that are tried again when the connection breaks, and clear sentences when that does not help. */
export class HubClient {
  readonly address: string;
  private readonly fetch: (input: string, init: RequestInit) => Promise<Response>;
  private readonly waits: readonly number[];
  private readonly stall: number;

  constructor(options: HubOptions = {}) {
    this.address = (options.address ?? DEFAULT_HUB).replace(/\/+$/, '');
    this.fetch = options.fetch ?? ((input, init) => fetch(input, init));
    this.waits = options.waits ?? WAITS;
    this.stall = options.stall ?? STALL;
  }

  get host(): string {
    return new URL(this.address).host;
  }

  fileUrl(repository: string, revision: string, file: string): string {
    return `${this.address}/${repository}/resolve/${encodeURIComponent(revision)}/${encodeURIComponent(file)}`;
  }

  /** A small JSON file or answer, with the address of the next page of answers where the hub gives one. */
  async json(
    url: string,
    repository: string,
    signal?: AbortSignal,
  ): Promise<{ value: unknown; next: string | undefined }> {
    const name = decodeURIComponent(new URL(url).pathname.split('/').at(-1) ?? '');
    const file = `${repository}/${name}`;
    return this.persist(signal, async () => {
      const pieces: Uint8Array<ArrayBuffer>[] = [];
      let size = 0;
      const response = await this.stream({ url, repository, from: 0, signal }, (bytes) => {
        size += bytes.length;
        if (size > MAXIMUM_JSON_BYTES) throw new InputError('the answer is too long', { file });
        pieces.push(bytes);
        return Promise.resolve();
      });
      const text = decodeUtf8(new Uint8Array(await new Blob(pieces).arrayBuffer()), file);
      return { value: parseJson(text, file), next: this.nextPage(response) };
    });
  }

  /**
   * Asks for a file from a byte on and hands its pieces over, each waited for.
   *
   * @returns the answer's head
   * @throws TransientError where it is worth another try; InputError where the file cannot be had
   */
  async stream(
    request: { url: string; repository: string; from: number; signal?: AbortSignal | undefined },
    onPiece: (bytes: Uint8Array<ArrayBuffer>, response: Response) => Promise<void>,
  ): Promise<Response> {
    const { url, repository, from, signal } = request;
    signal?.throwIfAborted();
    const connection = new AbortController();
    const cancel = (): void => connection.abort(signal?.reason);
    signal?.addEventListener('abort', cancel, { once: true });
    let timer: ReturnType<typeof setTimeout> | undefined;
    const alive = (): void => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        connection.abort(new TransientError('no bytes came for a while'));
      }, this.stall);
    };
    try {
      alive();
      const response = await transient(() =>
        this.fetch(url, {
          cache: 'no-store',
          credentials: 'omit',
          referrerPolicy: 'no-referrer',
          signal: connection.signal,
          ...(from > 0 && { headers: { Range: `bytes=${from}-` } }),
        }),
      );
      this.checkStatus(response, repository);
      const reader = response.body?.getReader();
      for (;;) {
        const piece = await transient(async () => reader?.read());
        if (piece?.value === undefined) return response;
        alive();
        await onPiece(piece.value, response);
      }
    } catch (error) {
      throw signal?.aborted === true ? cancellation(signal) : error;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', cancel);
      // Ends what is still under way; after the end of the body it does nothing.
      connection.abort();
    }
  }

  /**
   * Does something again, after longer and longer waits, as long as it fails in a way that may pass.
   *
   * @param progress something that changes with each bit of progress: the waits then start anew
   */
  async persist<Result>(
    signal: AbortSignal | undefined,
    work: () => Promise<Result>,
    progress: () => unknown = () => undefined,
  ): Promise<Result> {
    for (let tries = 0; ; tries++) {
      const before = progress();
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof TransientError)) throw error;
        if (progress() !== before) tries = 0;
        const wait = this.waits[tries];
        if (wait === undefined) {
          throw new InputError(
            `${this.host} does not answer as it should (${error.message}); check the connection and try again: what has arrived is kept`,
          );
        }
        await sleep(wait, signal);
      }
    }
  }

  private checkStatus(response: Response, repository: string): void {
    const { status } = response;
    if (status === 200 || status === 206) return;
    if (status === 401 || status === 403) {
      throw new InputError(
        `${this.host} does not give ${quoted(repository)} away: it does not exist, is private, or asks for an agreement first; choose one that is open to all`,
      );
    }
    if (status === 404) {
      throw new InputError(`${this.host} has no such model or file in ${quoted(repository)}`);
    }
    const what = `it answers with status ${status}`;
    if (status === 429 || status === 408 || status >= 500) throw new TransientError(what);
    throw new InputError(`${this.host} refuses ${quoted(repository)}: ${what}`);
  }

  private nextPage(response: Response): string | undefined {
    const link = /<([^>]+)>\s*;\s*rel="?next"?/.exec(response.headers.get('Link') ?? '')?.[1];
    if (link === undefined) return undefined;
    const url = new URL(link, this.address).href;
    return url.startsWith(`${this.address}/`) ? url : undefined;
  }
}

/** Whatever the network throws may pass. */
async function transient<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof TransientError || isAbort(error)) throw error;
    throw new TransientError(messageOf(error), { cause: error });
  }
}

function cancellation(signal: AbortSignal): unknown {
  return isAbort(signal.reason) ? signal.reason : new DOMException('cancelled', 'AbortError');
}

/** Waits, or rejects as soon as the signal says so. */
function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const cancel = (): void => {
      clearTimeout(timer);
      reject(cancellationError(signal));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', cancel);
      resolve();
    }, milliseconds);
    if (signal?.aborted === true) cancel();
    else signal?.addEventListener('abort', cancel, { once: true });
  });
}

function cancellationError(signal: AbortSignal | undefined): Error {
  const reason: unknown = signal && cancellation(signal);
  return reason instanceof Error ? reason : new DOMException('cancelled', 'AbortError');
}
