/** Says one line about the work on standard error; standard output is for the result alone. */
export function report(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** A count with its thing: `1 example`, `2 examples`. */
export function counted(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? '' : 's'}`;
}

/** Calls through at most every `seconds`, for progress that comes in small steps. */
export function throttled<Values extends unknown[]>(
  seconds: number,
  call: (...values: Values) => void,
): (...values: Values) => void {
  let next = performance.now() + seconds * 1000;
  return (...values) => {
    if (performance.now() < next) return;
    next = performance.now() + seconds * 1000;
    call(...values);
  };
}
