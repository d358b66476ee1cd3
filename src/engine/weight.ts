/**
 * Frozen matrices as they lie in GPU memory. A matrix keeps the type it is stored in; kernels decode it where they use it, by the module
 * `shaders/weight/<format>.wesl` that they are linked with, so there is never a second copy.
 */

import type { Purpose } from './memory-ledger';
import { bufferBytes, type DType, type Tensor, type TensorSet } from './tensor';

/**
 * How a matrix is stored: dense; NF4 with doubly quantised block scales (`nf4`) or with f32 ones (`nf4_flat`); or 8-bit blocks of 32 with
 * an f16 scale.
 */
export type WeightFormat = 'f32' | 'f16' | 'bf16' | 'nf4' | 'nf4_flat' | 'q8_0';

/** Consecutive rows of a weight in buffers small enough to be bound. */
export interface WeightPart {
  readonly firstRow: number;
  readonly rows: number;
  /** Bound as `@group(1)`, in the order that `shaders/weight/<format>.wesl` declares. */
  readonly tensors: readonly Tensor[];
}

/** A matrix [rows, columns] = [out features, in features], row-major. */
export interface Weight {
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
  readonly format: WeightFormat;
  readonly parts: readonly WeightPart[];
}

/** NF4: weights in a block that shares one scale. */
export const NF4_BLOCK = 64;
/** NF4: blocks that share one scale of scales. */
export const NF4_NESTED_BLOCK = 256;
/** NF4: f32 words before the nested scales: code book of 16, code book of 256 for the scales, offset, padding to a vec4. */
export const NF4_TABLE_WORDS = 16 + 256 + 4;
/** Q8_0: weights in a block that shares one f16 scale. */
export const Q8_BLOCK = 32;

/** The conditions that link a kernel with the decoder of a format: exactly one of them is true. */
export function weightConditions(format: WeightFormat): Record<string, boolean> {
  return {
    weight_f32: format === 'f32',
    weight_f16: format === 'f16',
    weight_bf16: format === 'bf16',
    weight_nf4: format === 'nf4',
    weight_nf4_flat: format === 'nf4_flat',
    weight_q8_0: format === 'q8_0',
  };
}

/**
 * Declares the buffers of a matrix, split by rows where one binding does not hold them.
 * @param maximumBinding bytes of the largest buffer that may be bound (`maxStorageBufferBindingSize`).
 */
export function declareWeight(
  set: TensorSet,
  name: string,
  [rows, columns]: readonly [number, number],
  format: WeightFormat,
  maximumBinding: number,
  purpose: Purpose = 'weights',
): Weight {
  const rowsPerPart = partRows(rows, columns, format, maximumBinding);
  const parts: WeightPart[] = [];
  for (let firstRow = 0; firstRow < rows; firstRow += rowsPerPart) {
    const count = Math.min(rowsPerPart, rows - firstRow);
    const partName = rowsPerPart < rows ? `${name}[${firstRow}]` : name;
    const tensors = declarePart(set, partName, count, columns, format, purpose);
    parts.push({ firstRow, rows: count, tensors });
  }
  return { name, rows, columns, format, parts };
}

/** Wraps an existing f32 tensor [rows, columns] as a weight, for matrices that are trained. */
export function denseWeight(tensor: Tensor): Weight {
  const [rows, columns] = tensor.shape;
  if (tensor.dtype !== 'f32' || rows === undefined || columns === undefined) {
    throw new Error(`${tensor.name} is not an f32 matrix`);
  }
  return {
    name: tensor.name,
    rows,
    columns,
    format: 'f32',
    parts: [{ firstRow: 0, rows, tensors: [tensor] }],
  };
}

function declarePart(
  set: TensorSet,
  name: string,
  rows: number,
  columns: number,
  format: WeightFormat,
  purpose: Purpose,
): Tensor[] {
  const count = rows * columns;
  const tensor = (suffix: string, length: number, dtype: DType): Tensor =>
    set.tensor(name + suffix, [length], dtype, purpose);
  switch (format) {
    case 'f32':
    case 'f16':
    case 'bf16':
      return [set.tensor(name, [rows, columns], format, purpose)];
    case 'nf4': {
      const blocks = Math.ceil(count / NF4_BLOCK);
      const nested = Math.ceil(blocks / NF4_NESTED_BLOCK);
      return [
        tensor('.codes', Math.ceil(count / 2), 'u8'),
        tensor('.absmax', blocks, 'u8'),
        tensor('.scales', NF4_TABLE_WORDS + nested, 'f32'),
      ];
    }
    case 'nf4_flat':
      return [
        tensor('.codes', Math.ceil(count / 2), 'u8'),
        tensor('.absmax', Math.ceil(count / NF4_BLOCK), 'f32'),
        tensor('.scales', NF4_TABLE_WORDS, 'f32'),
      ];
    case 'q8_0':
      return [tensor('.codes', count, 'u8'), tensor('.scales', Math.ceil(count / Q8_BLOCK), 'f16')];
  }
}

function partRows(
  rows: number,
  columns: number,
  format: WeightFormat,
  maximumBinding: number,
): number {
  if (format === 'nf4' || format === 'nf4_flat') {
    // A part would have to begin at a block of scales; at half a byte a weight no Llama's linear comes near the limit.
    if ((rows * columns) / 2 > maximumBinding) {
      throw new Error(`an NF4 matrix [${rows}, ${columns}] is larger than a binding may be`);
    }
    return rows;
  }
  const bytesPerRow = bufferBytes([1024, columns], format === 'q8_0' ? 'u8' : format) / 1024;
  const fitting = Math.floor(maximumBinding / bytesPerRow);
  if (fitting >= rows) return rows;
  // Even rows keep 16-bit parts on whole words; 32 rows keep vectorised kernels on whole tiles.
  return Math.max(2, Math.floor(fitting / 32) * 32 || Math.floor(fitting / 2) * 2);
}
