import { describe, expect, it } from 'vitest';
import { verticalRange, type ChartLook } from '../../../src/app/charts/uplot-options';

const LOOK: ChartLook = {
  height: 260,
  logarithmic: false,
  formatX: 'count',
  least: { x: 100, y: 4 },
  small: false,
};

describe('the vertical axis of a large chart', () => {
  it('leaves a little room above and below its values', () => {
    const [low, high] = verticalRange(2, 4, LOOK);
    expect(low).toBeCloseTo(1.88, 6);
    expect(high).toBeCloseTo(4.12, 6);
  });

  it.each([
    [3.1, 3.1],
    [3.1, 3.1 + 4.4e-16],
    [-3.1 - 4.4e-16, -3.1],
    [1e-9, 1e-9],
    [1e9, 1e9 + 1e-6],
    [0, 0],
  ])('spans more than what sums of its marks lose, for values from %d to %d', (min, max) => {
    const [low, high] = verticalRange(min, max, LOOK);
    expect(low).toBeLessThanOrEqual(min);
    expect(high).toBeGreaterThanOrEqual(max);
    // Ten marks, each of which must change the sum of those below it in the seventh digit at the latest.
    const mark = (high - low) / 10;
    expect(mark).toBeGreaterThan(1e-6 * Math.max(Math.abs(low), Math.abs(high)));
  });

  it('begins at nothing rather than below it', () => {
    expect(verticalRange(0, 4, LOOK)[0]).toBe(0);
    expect(verticalRange(0.01, 4, LOOK)[0]).toBe(0);
  });
});
