/** Tiles of matrix products (`shaders/matmul/tile.wesl`): a workgroup's share of the result, 8 x 8 elements an invocation. */

import type { Workgroups } from '../plan';

/** Larger tiles read each operand less often, but have to be enough to keep every core of a large GPU busy. */
const ENOUGH_LARGE_TILES = 128;

/** Invocations in x and y of a workgroup for a result of this size. */
function tileThreads(columns: number, rows: number): { x: number; y: number } {
  const large = Math.ceil(columns / 128) * Math.ceil(rows / 128);
  return large >= ENOUGH_LARGE_TILES ? { x: 16, y: 16 } : { x: 8, y: 8 };
}

/** What a kernel with tiles is linked with for a result [rows, columns]. */
export function tileConstants(columns: number, rows: number): Record<string, number> {
  const { x, y } = tileThreads(columns, rows);
  return { THREADS_X: x, THREADS_Y: y };
}

/** One workgroup a tile: columns in x, rows in y. */
export function tileWorkgroups(columns: number, rows: number): Workgroups {
  const { x, y } = tileThreads(columns, rows);
  return [Math.ceil(columns / (8 * x)), Math.ceil(rows / (8 * y)), 1];
}
