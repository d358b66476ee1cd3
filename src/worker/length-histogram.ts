import type { LengthHistogram } from './api';

const MOST_BINS = 60;
/** Widths that a person can read off. */
const STEPS = [1, 2, 5];

/** Counts of lengths in bins of one round width, at most 60 of them. */
export function lengthHistogram(lengths: Uint32Array): LengthHistogram {
  const longest = lengths.reduce((most, length) => Math.max(most, length), 0);
  const binWidth = roundWidth(longest / MOST_BINS);
  const counts = new Array<number>(Math.ceil(longest / binWidth)).fill(0);
  for (const length of lengths) {
    const bin = Math.max(0, Math.ceil(length / binWidth) - 1);
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  return { binWidth, counts, longest };
}

/** The smallest of 1, 2, 5, 10, 20, 50, ... that is at least `width`. */
function roundWidth(width: number): number {
  for (let power = 1; ; power *= 10) {
    const fitting = STEPS.find((step) => step * power >= width);
    if (fitting !== undefined) return fitting * power;
  }
}
