import type { TensorEntry } from './safetensors';
import type { DenseDtype } from './tensor-dtype';

/** A weight as its file holds it: plain numbers, or bitsandbytes' NF4 with its scales. */
export type StoredWeight = DenseWeight | Nf4Weight;

export interface DenseWeight {
  readonly kind: 'dense';
  readonly dtype: DenseDtype;
  readonly shape: readonly number[];
  readonly tensor: TensorEntry;
}

/** A linear layer's weight in NF4: blocks of `blocksize` along the flattened row-major weight. */
export interface Nf4Weight {
  readonly kind: 'nf4';
  /** [out, in] of the weight that the codes stand for. */
  readonly shape: readonly [out: number, in_: number];
  /** U8, ceil(out x in / 2) bytes; element 2j is the high nibble of byte j. */
  readonly codes: TensorEntry;
  /** The 16 values that a code stands for. */
  readonly quantMap: Float32Array<ArrayBuffer>;
  /** One scale a block. */
  readonly absmax: Nf4Absmax;
  readonly blocksize: number;
}

/** The scales of NF4 blocks: plain, or quantised once more (double quantisation). */
export type Nf4Absmax =
  | { readonly kind: 'f32'; readonly tensor: TensorEntry }
  | {
      readonly kind: 'nested';
      /** U8, one a block: absmax[b] = nestedQuantMap[codes[b]] x nestedAbsmax[floor(b / nestedBlocksize)] + nestedOffset. */
      readonly codes: TensorEntry;
      /** F32, one for each `nestedBlocksize` blocks. */
      readonly nestedAbsmax: TensorEntry;
      /** The 256 values that a scale's code stands for. */
      readonly nestedQuantMap: Float32Array<ArrayBuffer>;
      readonly nestedOffset: number;
      readonly nestedBlocksize: number;
    };
