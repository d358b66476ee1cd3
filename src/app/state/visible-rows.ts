/** Browsers lay out no element higher than some 17 million pixels; a longer list scrolls in proportion. */
const HIGHEST_SPACER = 8_000_000;
/** Rows that are read together. */
export const ROWS_PER_PAGE = 100;

/** What of a long list is in view. */
export interface VisibleRows {
  /** Index of the first row in view, and how many are, those in part included. */
  first: number;
  count: number;
  /** First indices of the pages that hold them. */
  pages: number[];
  /** Pixels of the list above the upper edge of the view. */
  top: number;
  /** Height of the element that makes the list scroll. */
  spacerHeight: number;
  /** Where to scroll so that a row is in view; null when it is in view as a whole already. */
  scrollTopShowing(index: number): number | null;
}

/**
 * Which rows of a list of `rows` rows of `rowHeight` pixels are in view.
 *
 * @param scrollTop of the scrolling element
 * @param viewHeight its inner height
 */
export function visibleRows(
  rows: number,
  rowHeight: number,
  scrollTop: number,
  viewHeight: number,
): VisibleRows {
  const listHeight = rows * rowHeight;
  const spacerHeight = Math.min(listHeight, HIGHEST_SPACER);
  const scale =
    spacerHeight > viewHeight
      ? Math.max(0, listHeight - viewHeight) / (spacerHeight - viewHeight)
      : 1;
  const top = scrollTop * scale;
  const first = Math.min(Math.max(0, rows - 1), Math.max(0, Math.floor(top / rowHeight)));
  const count = Math.min(rows - first, Math.ceil(viewHeight / rowHeight) + 1);
  const pages: number[] = [];
  for (let page = first - (first % ROWS_PER_PAGE); page < first + count; page += ROWS_PER_PAGE) {
    pages.push(page);
  }
  return {
    first,
    count,
    pages,
    top,
    spacerHeight,
    scrollTopShowing(index) {
      const above = index * rowHeight;
      const below = above + rowHeight - viewHeight;
      if (above < top) return above / scale;
      return below > top ? Math.ceil(below / scale) : null;
    },
  };
}
