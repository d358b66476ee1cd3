const STATUS = { SIGINT: 130, SIGTERM: 143 } as const;

/** Lets an interrupt end the process in an orderly way, so that what is unfinished is removed. */
export function exitOnInterrupt(): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (!takeOver?.()) process.exit(STATUS[signal]);
    });
  }
}

let takeOver: (() => boolean) | undefined;

/**
 * Lets work end itself on the first interrupt; a second one ends the process.
 *
 * @param stop asks the work to end
 */
export async function stoppable<Result>(
  stop: () => void,
  work: () => Promise<Result>,
): Promise<Result> {
  let asked = false;
  takeOver = () => {
    if (asked) return false;
    asked = true;
    stop();
    return true;
  };
  try {
    return await work();
  } finally {
    takeOver = undefined;
  }
}
