/** How a product of a linear layer is launched: by tiles (`shaders/linear/product.wesl`), or plainly where its extents do not suit them. */

import type { Dispatch, Workgroups } from '../plan';

/** Larger tiles read each operand less often, but have to be enough to keep every core of a large GPU busy. */
const ENOUGH_LARGE_TILES = 128;
/** Rows and columns of a workgroup of a plain kernel. */
const PLAIN_EXTENT = 8;
/** Rows and columns of results that an invocation of a tile has. */
const RESULTS = 8;

/** Conditions of `shaders/linear/product.wesl`, of which one holds. */
type LinearProduct = 'forward' | 'input_gradient' | 'weight_gradient';

/**
 * Kernel and workgroups for a result [rows, columns].
 * @param conditions to link with; `aligned` says whether tiles can be used.
 */
export function productLaunch(
  product: LinearProduct,
  conditions: Readonly<Record<string, boolean>> & { readonly aligned: boolean },
  columns: number,
  rows: number,
): Pick<Dispatch, 'kernel' | 'workgroups'> {
  if (!conditions.aligned) {
    const kernel = { module: `linear/${product}_plain`, conditions };
    return { kernel, workgroups: workgroups(columns, rows, PLAIN_EXTENT) };
  }
  const extent = tileExtent(columns, rows);
  const constants = { THREADS_X: extent / RESULTS, THREADS_Y: extent / RESULTS };
  return {
    kernel: { module: 'linear/product', conditions: { [product]: true, ...conditions }, constants },
    workgroups: workgroups(columns, rows, extent),
  };
}

/** Rows and columns of a tile. */
function tileExtent(columns: number, rows: number): number {
  const large = Math.ceil(columns / 128) * Math.ceil(rows / 128);
  return large >= ENOUGH_LARGE_TILES ? 128 : 64;
}

function workgroups(columns: number, rows: number, extent: number): Workgroups {
  return [Math.ceil(columns / extent), Math.ceil(rows / extent), 1];
}
