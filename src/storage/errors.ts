/** The browser has no room left for what was to be stored. What was stored before is as it was. */
export class QuotaError extends Error {
  override readonly name = 'QuotaError';

  /** @param what that could not be stored, such as `the checkpoint` */
  constructor(what: string, options?: ErrorOptions) {
    super(
      `The browser's storage is full: ${what} could not be stored, and everything stored before is still there; free some disk space, or delete runs or models that are no longer needed`,
      options,
    );
  }
}

/** Turns the browser's own error for a full storage into a QuotaError; others are given back as they are. */
export function quotaErrorOr(error: unknown, what: string): unknown {
  const name = error instanceof Error || error instanceof DOMException ? error.name : '';
  return name === 'QuotaExceededError' ? new QuotaError(what, { cause: error }) : error;
}

/** Whether the error says that something was cancelled. */
export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError';
}
