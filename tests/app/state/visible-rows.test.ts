import { describe, expect, it } from 'vitest';
import { visibleRows } from '../../../src/app/state/visible-rows';

describe('visibleRows', () => {
  it('shows what lies under the view, and the pages that hold it', () => {
    const view = visibleRows(1000, 32, 95 * 32 + 10, 320);
    expect(view).toMatchObject({ first: 95, count: 11, pages: [0, 100], spacerHeight: 32_000 });
  });

  it('comes to the last row of a list that is higher than browsers lay out', () => {
    const rows = 5_000_000;
    const height = visibleRows(rows, 32, 0, 288).spacerHeight;
    expect(height).toBeLessThan(17_000_000);
    const end = visibleRows(rows, 32, height - 288, 288);
    expect(end.first + end.count).toBe(rows);
    expect(end.top).toBeCloseTo(rows * 32 - 288, 3);
  });

  it('scrolls to a row that is not in view, and only then', () => {
    const view = visibleRows(1000, 32, 0, 320);
    expect(view.scrollTopShowing(9)).toBeNull();
    expect(view.scrollTopShowing(10)).toBe(32);
    expect(visibleRows(1000, 32, 3200, 320).scrollTopShowing(5)).toBe(160);
  });

  it('has nothing to show of an empty list', () => {
    expect(visibleRows(0, 32, 0, 320)).toMatchObject({ first: 0, count: 0, pages: [] });
  });
});
