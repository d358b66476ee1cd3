/** Points of a curve, x ascending. */
export interface Curve {
  x: number[];
  y: number[];
}

/**
 * Exponential moving average that starts unbiased: each value is the weighted mean of those up to it, with weights that fall by `factor` a
 * step back. Values that are not finite are left out of the mean; their own place repeats it.
 */
export class RunningAverage {
  #sum = 0;
  #weight = 0;

  /** @param factor 0 leaves the values as they are; below 1. */
  constructor(private readonly factor: number) {}

  /** The average up to this value; NaN before the first finite one. */
  next(value: number): number {
    if (Number.isFinite(value)) {
      this.#sum = this.factor * this.#sum + (1 - this.factor) * value;
      this.#weight = this.factor * this.#weight + (1 - this.factor);
    }
    return this.#weight === 0 ? NaN : this.#sum / this.#weight;
  }
}

/** Adds a point to a curve, if its value is a number. */
export function addFinite(curve: Curve, x: number, y: number): void {
  if (!Number.isFinite(y)) return;
  curve.x.push(x);
  curve.y.push(y);
}

/**
 * Thins a curve of finite values to at most two points a bucket of x, its lowest and its highest in the order in which they stand, so that a spike of
 * one step is still there when thousands share a pixel. A curve with few points is returned as it is.
 */
export function thinned(curve: Curve, buckets: number): Curve {
  const { x, y } = curve;
  if (x.length <= 2 * buckets) return curve;
  const first = x[0] ?? 0;
  const width = ((x.at(-1) ?? 0) - first) / buckets || 1;
  const thin: Curve = { x: [], y: [] };
  let start = 0;
  while (start < x.length) {
    const bucket = bucketOf(x[start] ?? 0, first, width, buckets);
    let lowest = start;
    let highest = start;
    let end = start + 1;
    while (end < x.length && bucketOf(x[end] ?? 0, first, width, buckets) === bucket) {
      if ((y[end] ?? 0) < (y[lowest] ?? 0)) lowest = end;
      if ((y[end] ?? 0) > (y[highest] ?? 0)) highest = end;
      end += 1;
    }
    for (const index of new Set([Math.min(lowest, highest), Math.max(lowest, highest)])) {
      thin.x.push(x[index] ?? 0);
      thin.y.push(y[index] ?? 0);
    }
    start = end;
  }
  return thin;
}

/** Thins a curve of finite values to the mean point of each bucket of x. A curve with few points is returned as it is. */
export function averaged(curve: Curve, buckets: number): Curve {
  const { x, y } = curve;
  if (x.length <= 2 * buckets) return curve;
  const first = x[0] ?? 0;
  const width = ((x.at(-1) ?? 0) - first) / buckets || 1;
  const sums = Array.from({ length: buckets }, () => ({ x: 0, y: 0, count: 0 }));
  x.forEach((value, index) => {
    const sum = sums[bucketOf(value, first, width, buckets)];
    if (!sum) return;
    sum.x += value;
    sum.y += y[index] ?? 0;
    sum.count += 1;
  });
  const filled = sums.filter((sum) => sum.count > 0);
  return {
    x: filled.map((sum) => sum.x / sum.count),
    y: filled.map((sum) => sum.y / sum.count),
  };
}

function bucketOf(x: number, first: number, width: number, buckets: number): number {
  return Math.min(buckets - 1, Math.floor((x - first) / width));
}

/** A value that is missing at an x that another curve has. */
type Column = (number | null)[];

/** Curves with their own x as columns over one x, with null where a curve has no point. */
export function aligned(curves: readonly Curve[]): [number[], ...Column[]] {
  const x = [...new Set(curves.flatMap((curve) => curve.x))].sort((a, b) => a - b);
  const rows = new Map(x.map((value, row) => [value, row]));
  const columns = curves.map((curve) => {
    const column: Column = new Array<null>(x.length).fill(null);
    curve.x.forEach((value, index) => {
      const y = curve.y[index];
      if (y !== undefined) column[rows.get(value) ?? 0] = y;
    });
    return column;
  });
  return [x, ...columns];
}
