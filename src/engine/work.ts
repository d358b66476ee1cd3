/** How much work there is for a GPU, and how long it takes: reckoned from the same plans that are run, as memory is. */

/** Work of plans. */
export interface Work {
  /** Kernels launched, and clears and copies. */
  readonly launches: number;
  /** As the operations state them; what is computed twice counts twice. */
  readonly multiplyAdds: number;
}

export const NO_WORK: Work = { launches: 0, multiplyAdds: 0 };

/** The sum of works, each done some number of times. */
export function totalWork(parts: Iterable<readonly [times: number, work: Work]>): Work {
  let { launches, multiplyAdds } = NO_WORK;
  for (const [times, work] of parts) {
    launches += times * work.launches;
    multiplyAdds += times * work.multiplyAdds;
  }
  return { launches, multiplyAdds };
}

/**
 * How fast a GPU works. Small kernels take as long as their launch, large ones as long as their arithmetic: a straight line through both is
 * never off by more than a factor of two, and hits what it was drawn through.
 */
export interface Pace {
  readonly secondsPerLaunch: number;
  readonly secondsPerMultiplyAdd: number;
}

/** Work that was timed. */
export interface TimedWork {
  readonly work: Work;
  readonly seconds: number;
}

/** Seconds that work takes at a pace. */
export function secondsFor(pace: Pace, { launches, multiplyAdds }: Work): number {
  return launches * pace.secondsPerLaunch + multiplyAdds * pace.secondsPerMultiplyAdd;
}

/**
 * The pace that explains two timings, `larger` exactly. Where only one is known, or timings contradict each other (a larger work that took
 * no longer, or longer in more than its proportion), all of it is arithmetic, or all of it launches.
 */
export function paceOf(larger: TimedWork, smaller?: TimedWork): Pace {
  const { work, seconds } = larger;
  const arithmetic = { secondsPerLaunch: 0, secondsPerMultiplyAdd: seconds / work.multiplyAdds };
  if (!smaller) return arithmetic;
  const determinant =
    work.multiplyAdds * smaller.work.launches - smaller.work.multiplyAdds * work.launches;
  const secondsPerMultiplyAdd =
    (seconds * smaller.work.launches - smaller.seconds * work.launches) / determinant;
  if (secondsPerMultiplyAdd <= 0)
    return { secondsPerLaunch: seconds / work.launches, secondsPerMultiplyAdd: 0 };
  const secondsPerLaunch = (seconds - secondsPerMultiplyAdd * work.multiplyAdds) / work.launches;
  return secondsPerLaunch > 0 ? { secondsPerLaunch, secondsPerMultiplyAdd } : arithmetic;
}
