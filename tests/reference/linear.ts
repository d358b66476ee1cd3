/** Plain f64 linear layers with LoRA, the reference of `shaders/linear/` and `shaders/lora/`. */

import { at } from './numeric';

/** A row-major matrix. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly values: ArrayLike<number>;
}

/** Everything a linear layer is made of. */
export interface LinearCase {
  /** [tokens, in] */
  readonly x: Matrix;
  /** [out, in] */
  readonly weight: Matrix;
  /** [out] */
  readonly bias?: ArrayLike<number>;
  readonly lora?: {
    /** [rank, in] */
    readonly A: Matrix;
    /** [out, rank] */
    readonly B: Matrix;
    readonly scale: number;
    /** Factors of x, [tokens, in]. */
    readonly mask: ArrayLike<number>;
  };
}

export function matrix(rows: number, columns: number, values: ArrayLike<number>): Matrix {
  if (values.length !== rows * columns) throw new Error(`${values.length} for ${rows}x${columns}`);
  return { rows, columns, values };
}

export function transpose({ rows, columns, values }: Matrix): Matrix {
  const result = new Float64Array(rows * columns);
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < columns; c++) result[c * rows + r] = at(values, r * columns + c);
  return matrix(columns, rows, result);
}

/** factor · a · b */
export function product(a: Matrix, b: Matrix, factor = 1): Matrix {
  if (a.columns !== b.rows) throw new Error(`${a.columns} columns times ${b.rows} rows`);
  const result = new Float64Array(a.rows * b.columns);
  for (let r = 0; r < a.rows; r++) {
    for (let c = 0; c < b.columns; c++) {
      let sum = 0;
      for (let k = 0; k < a.columns; k++) {
        sum += at(a.values, r * a.columns + k) * at(b.values, k * b.columns + c);
      }
      result[r * b.columns + c] = factor * sum;
    }
  }
  return matrix(a.rows, b.columns, result);
}

export function sum(a: Matrix, b: Matrix): Matrix {
  const values = Float64Array.from(a.values, (value, i) => value + at(b.values, i));
  return matrix(a.rows, a.columns, values);
}

function masked({ rows, columns, values }: Matrix, mask: ArrayLike<number>): Matrix {
  return matrix(
    rows,
    columns,
    Float64Array.from(values, (value, i) => value * at(mask, i)),
  );
}

/** out [tokens, out] and u [tokens, rank]. */
export function linearReference({ x, weight, bias, lora }: LinearCase): {
  out: Matrix;
  u?: Matrix;
} {
  let out = product(x, transpose(weight));
  if (bias) {
    const { rows, columns } = out;
    out = sum(
      out,
      matrix(
        rows,
        columns,
        Array.from(out.values, (_, i) => at(bias, i % columns)),
      ),
    );
  }
  if (!lora) return { out };
  const u = product(masked(x, lora.mask), transpose(lora.A));
  return { out: sum(out, product(u, transpose(lora.B), lora.scale)), u };
}

/** Gradients of sum(dOut · out). */
export function linearBackwardReference(
  layer: LinearCase,
  dOut: Matrix,
): { dX: Matrix; dWeight: Matrix; dBias: Float64Array; dA?: Matrix; dB?: Matrix; g?: Matrix } {
  const { x, weight, lora } = layer;
  const dX = product(dOut, weight);
  const dWeight = product(transpose(dOut), x);
  const dBias = new Float64Array(dOut.columns);
  for (let i = 0; i < dOut.values.length; i++) {
    dBias[i % dOut.columns] = at(dBias, i % dOut.columns) + at(dOut.values, i);
  }
  if (!lora) return { dX, dWeight, dBias };
  const { u } = linearReference(layer);
  if (!u) throw new Error('an adapter has u');
  const g = product(dOut, lora.B, lora.scale);
  return {
    dX: sum(dX, masked(product(g, lora.A), lora.mask)),
    dWeight,
    dBias,
    dA: product(transpose(g), masked(x, lora.mask)),
    dB: product(transpose(dOut), u, lora.scale),
    g,
  };
}
