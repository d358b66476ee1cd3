import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addFinite,
  aligned,
  averaged,
  RunningAverage,
  thinned,
  type Curve,
} from '../../../src/app/charts/curves';

describe('the running average', () => {
  const averages = (values: number[], factor: number) => {
    const average = new RunningAverage(factor);
    return values.map((value) => average.next(value));
  };

  it('is the mean weighted by powers of the factor', () => {
    // (0.25 * 4 + 0.5 * 2 + 1 * 8) / 1.75, worked out by hand.
    expect(averages([4, 2, 8], 0.5)[2]).toBeCloseTo(10 / 1.75, 12);
    expect(averages([4, 2, 8], 0)).toEqual([4, 2, 8]);
    for (const value of averages([3, 3, 3], 0.9)) expect(value).toBeCloseTo(3, 12);
  });

  it('goes past values that are no numbers', () => {
    expect(averages([NaN, 2, Infinity, 4], 0.5)).toEqual([NaN, 2, 2, expect.closeTo(10 / 3, 12)]);
  });
});

describe('thinned', () => {
  it('keeps the spike of a single step among ten thousand', () => {
    const y = Array.from({ length: 10_000 }, (_, i) =>
      i === 6_543 ? 9 : i === 2_001 ? -4 : 1 + (i % 2) * 0.01,
    );
    const thin = thinned({ x: [...y.keys()], y }, 100);
    expect(thin.x.length).toBeLessThanOrEqual(200);
    expect(thin.y[thin.x.indexOf(6_543)]).toBe(9);
    expect(thin.y[thin.x.indexOf(2_001)]).toBe(-4);
  });

  it('keeps the order, the points and the extremes, whatever the curve', () => {
    const values = fc.array(fc.double({ noNaN: true, min: -1e6, max: 1e6 }), {
      minLength: 1,
      maxLength: 400,
    });
    fc.assert(
      fc.property(values, fc.integer({ min: 1, max: 50 }), (y, buckets) => {
        const thin = thinned({ x: [...y.keys()], y }, buckets);
        expect(thin.x).toEqual([...thin.x].sort((a, b) => a - b));
        thin.x.forEach((x, i) => expect(thin.y[i]).toBe(y[x]));
        expect(Math.max(...thin.y)).toBe(Math.max(...y));
        expect(Math.min(...thin.y)).toBe(Math.min(...y));
        expect(thin.x.length).toBeLessThanOrEqual(Math.max(2 * buckets, 1));
      }),
    );
  });
});

it('averaged gives the mean point of each bucket', () => {
  const y = Array.from({ length: 100 }, (_, i) => (i < 50 ? i % 2 : 10 + (i % 2)));
  expect(averaged({ x: [...y.keys()], y }, 2)).toEqual({ x: [24.5, 74.5], y: [0.5, 10.5] });
});

it('a point without a number is not added', () => {
  const curve: Curve = { x: [], y: [] };
  [NaN, 5, Infinity].forEach((y, x) => addFinite(curve, x, y));
  expect(curve).toEqual({ x: [1], y: [5] });
});

it('aligned puts curves over one x, with gaps where a curve has no point', () => {
  expect(
    aligned([
      { x: [1, 3], y: [10, 30] },
      { x: [2, 3], y: [-2, -3] },
    ]),
  ).toEqual([
    [1, 2, 3],
    [10, null, 30],
    [null, -2, -3],
  ]);
});
