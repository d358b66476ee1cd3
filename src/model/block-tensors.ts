/** The tensors of one transformer block: its parameters, what forward keeps for backward, and the space both work in. */

import type { TargetModule } from '../config';
import type { ActivationType } from '../engine/ops/activation';
import type { Linear } from '../engine/ops/linear';
import type { Tensor, TensorSet } from '../engine/tensor';
import type { Weight } from '../engine/weight';
import type { LlamaShape } from './llama-shape';

/** What every block of a pass shares. */
export interface BlockInputs {
  readonly shape: LlamaShape;
  readonly tokens: number;
  /** Tokens of a row: no example is longer. */
  readonly rowLength: number;
  readonly epsilon: number;
  /** u32 [tokens] */
  readonly positions: Tensor;
  /** u32 [tokens] */
  readonly sequenceStarts: Tensor;
  /** f32 [headDim / 2] */
  readonly frequencies: Tensor;
}

/** A block's parameters. */
export interface Block {
  readonly label: string;
  readonly inputNorm: Tensor;
  readonly postAttentionNorm: Tensor;
  readonly linears: Readonly<Record<TargetModule, Linear>>;
}

/** Where the gradients of a block's parameters are added; absent where nothing is trained. */
export interface BlockGradients {
  readonly lora: Partial<Record<TargetModule, { readonly dA: Tensor; readonly dB: Tensor }>>;
  readonly weights?: {
    readonly inputNorm: Tensor;
    readonly postAttentionNorm: Tensor;
    readonly linears: Readonly<Record<TargetModule, { weight: Weight; bias?: Tensor }>>;
  };
}

/** Low-rank activations dropout(x)·Aᵀ [tokens, rank] of the adapted linears. */
export type LowRank = Partial<Record<TargetModule, Tensor>>;

/**
 * What forward keeps of a block for backward. q, k, v, attention, gate and up may be f16; the stream, statistics and the low-rank
 * activations, which are small, are f32.
 */
export interface KeptActivations {
  readonly inverseRms1: Tensor;
  readonly q: Tensor;
  readonly k: Tensor;
  readonly v: Tensor;
  readonly attention: Tensor;
  readonly logSumExp: Tensor;
  /** y, the residual stream between attention and feed-forward. */
  readonly middle: Tensor;
  readonly inverseRms2: Tensor;
  readonly gate: Tensor;
  readonly up: Tensor;
  readonly lowRank: LowRank;
}

/** Space that blocks use one after another. */
export interface BlockScratch {
  /** [tokens, hidden]: the output of either norm. */
  readonly norm: Tensor;
  /** [tokens, feedForward] */
  readonly product: Tensor;
}

/** Space of the backward pass. */
export interface BackwardScratch extends BlockScratch {
  readonly dNorm: Tensor;
  readonly dProduct: Tensor;
  readonly dAttention: Tensor;
  readonly dQ: Tensor;
  readonly dK: Tensor;
  readonly dV: Tensor;
  readonly rowDot: Tensor;
  /** [tokens, rank]; absent without adapters. */
  readonly g?: Tensor;
}

/** Declares what one block keeps. `rank` is 0 without adapters; `adapted` lists the adapted linears. */
export function declareKept(
  set: TensorSet,
  name: string,
  { shape, tokens }: Pick<BlockInputs, 'shape' | 'tokens'>,
  type: ActivationType,
  adapted: readonly TargetModule[],
  rank: number,
): KeptActivations {
  const tensor = (suffix: string, ...dimensions: number[]): Tensor =>
    set.tensor(`${name} ${suffix}`, dimensions, 'f32', 'activations');
  const large = (suffix: string, width: number): Tensor =>
    set.tensor(`${name} ${suffix}`, [tokens, width], type, 'activations');
  const { hidden, query, keyValue, feedForward, heads } = shape;
  return {
    inverseRms1: tensor('inverse rms 1', tokens),
    q: large('q', query),
    k: large('k', keyValue),
    v: large('v', keyValue),
    attention: large('attention', query),
    logSumExp: tensor('log-sum-exp', tokens, heads),
    middle: tensor('middle', tokens, hidden),
    inverseRms2: tensor('inverse rms 2', tokens),
    gate: large('gate', feedForward),
    up: large('up', feedForward),
    lowRank: Object.fromEntries(
      adapted.map((module) => [module, tensor(`${module} u`, tokens, rank)]),
    ),
  };
}

/** Declares the space that backward over blocks needs. */
export function declareBackwardScratch(
  set: TensorSet,
  { shape, tokens }: Pick<BlockInputs, 'shape' | 'tokens'>,
  rank: number,
): BackwardScratch {
  const tensor = (name: string, width: number): Tensor =>
    set.tensor(name, [tokens, width], 'f32', 'activations');
  return {
    norm: tensor('norm', shape.hidden),
    product: tensor('product', shape.feedForward),
    dNorm: tensor('d norm', shape.hidden),
    dProduct: tensor('d product', shape.feedForward),
    dAttention: tensor('d attention', shape.query),
    dQ: tensor('d q', shape.query),
    dK: tensor('d k', shape.keyValue),
    dV: tensor('d v', shape.keyValue),
    rowDot: tensor('row dot', shape.heads),
    ...(rank > 0 && { g: tensor('g', rank) }),
  };
}
