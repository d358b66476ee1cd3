import type { DatasetRow } from '../../worker/api';
import { ROWS_PER_PAGE } from './visible-rows';

/** The rows of a dataset's table, read page by page and then kept. */
export class RowPages {
  readonly #pages = new Map<number, Promise<DatasetRow[]>>();

  /** @param read the `count` rows from `first` on */
  constructor(private readonly read: (first: number, count: number) => Promise<DatasetRow[]>) {}

  /** The rows of the page that begins with row `first`. */
  page(first: number): Promise<DatasetRow[]> {
    let rows = this.#pages.get(first);
    if (!rows) {
      rows = this.read(first, ROWS_PER_PAGE);
      this.#pages.set(first, rows);
    }
    return rows;
  }
}
