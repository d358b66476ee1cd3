import { secondsFor, type Pace, type Work } from '../engine/work';

/** A run as far as its duration goes. */
export interface WantedRun {
  readonly microBatch: Work;
  /** Of the whole run. */
  readonly total: Work;
}

/** What an earlier run of the same model by the same method took on the same GPU. */
export interface EarlierRun extends WantedRun {
  readonly seconds: number;
}

/** Micro-batches whose arithmetic differs by no more than this run at the same pace; others fill the GPU more or less. */
const SAME_SIZE = 1.5;

/**
 * About how many seconds a run takes, by the best that is known: an earlier run with micro-batches of about the same size, else a measurement,
 * else whatever earlier run there is. Null where there is none of these.
 *
 * @param measure times the GPU; null where it cannot be had now
 */
export async function secondsOfRun(
  wanted: WantedRun,
  earlier: EarlierRun | null,
  measure: () => Promise<Pace | null>,
): Promise<number | null> {
  if (earlier && isSimilar(earlier, wanted)) return inProportion(wanted, earlier);
  const pace = await measure();
  if (pace) return secondsFor(pace, wanted.total);
  return earlier && inProportion(wanted, earlier);
}

function isSimilar(run: WantedRun, wanted: WantedRun): boolean {
  const ratio = run.microBatch.multiplyAdds / wanted.microBatch.multiplyAdds;
  return ratio <= SAME_SIZE && ratio >= 1 / SAME_SIZE;
}

function inProportion(wanted: WantedRun, { seconds, total }: EarlierRun): number {
  return (seconds * wanted.total.multiplyAdds) / total.multiplyAdds;
}
