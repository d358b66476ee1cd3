/**
 * Linear layers over frozen or trained weights, with a LoRA adapter (Hu et al. 2021) riding along: the low-rank part enters the same
 * matrix product as further columns of K, and B·A is never formed.
 */

import { f32, u32, type Param, type Plan, type Workgroups } from '../plan';
import type { Tensor } from '../tensor';
import { weightConditions, type Weight, type WeightPart } from '../weight';
import { storageConditions } from './activation';
import { productLaunch } from './tiles';

/** A low-rank adapter of one linear layer: out += scale · dropout(x) · Aᵀ · Bᵀ. */
export interface Lora {
  readonly rank: number;
  /** alpha / rank, or alpha / √rank with rsLoRA. */
  readonly scale: number;
  /** [rank, in] f32 */
  readonly A: Tensor;
  /** [out, rank] f32 */
  readonly B: Tensor;
  /** Probability of dropping an element of x. */
  readonly dropout: number;
  /** u32 [1], another value for every micro-batch. */
  readonly seed: Tensor;
  /** Index of this adapter in the model, so that every adapter drops other elements. */
  readonly site: number;
}

/** A linear layer: weight [out, in], and what is added to its product. */
export interface Linear {
  readonly label: string;
  readonly weight: Weight;
  /** [out] f32 */
  readonly bias?: Tensor;
  readonly lora?: Lora;
}

export interface LinearForward {
  /** [tokens, in], f32 or f16 */
  readonly x: Tensor;
  /** [tokens, out], f32 or f16 */
  readonly out: Tensor;
  /** [tokens, rank], overwritten with dropout(x) · Aᵀ and kept for backward; required with an adapter. */
  readonly u?: Tensor;
  readonly tokens: number;
  /** Adds to `out` instead of overwriting it: the residual addition. */
  readonly accumulate?: boolean;
}

/** out (+)= x · Wᵀ + bias + scale · u · Bᵀ, with u = dropout(x) · Aᵀ. */
export function linearForward(plan: Plan, linear: Linear, forward: LinearForward): void {
  const { label, weight, bias, lora } = linear;
  const { x, out, tokens, accumulate = false } = forward;
  const u = lora && required(forward.u, `${label}: u`);
  if (lora && u) {
    adapterProduct(plan, linear, 'down', { wide: x, narrow: lora.A, result: u, tokens });
  }
  for (const part of weight.parts) {
    const conditions = {
      ...weightConditions(weight.format),
      ...storageConditions({ x: [x], out: [out] }),
      aligned: aligned(weight, part),
      lora: !!lora,
      bias: !!bias,
    };
    const launch =
      tokens === 1
        ? { kernel: { module: 'linear/forward_row', conditions }, workgroups: rowWorkgroups(part) }
        : productLaunch('forward', conditions, part.rows, tokens);
    plan.dispatch({
      ...launch,
      label: `${label} forward`,
      params: [
        u32(tokens),
        u32(weight.columns),
        u32(part.firstRow),
        u32(part.rows),
        u32(weight.rows),
        u32(accumulate ? 1 : 0),
        u32(lora?.rank ?? 0),
        f32(lora?.scale ?? 0),
      ],
      tensors: [x, out, ...(lora && u ? [u, lora.B] : []), ...(bias ? [bias] : [])],
      weight: part.tensors,
      cost: tokens * part.rows * (weight.columns + (lora?.rank ?? 0)),
    });
  }
}

export interface LinearInputGradient {
  /** [tokens, out] */
  readonly dOut: Tensor;
  /** [tokens, rank], overwritten with scale · dOut · B; required with an adapter. */
  readonly g?: Tensor;
  /** [tokens, in] */
  readonly dX: Tensor;
  readonly tokens: number;
  /** Adds to `dX` instead of overwriting it. */
  readonly accumulate: boolean;
}

/** dX (+)= dOut · W + mask ∘ (g · A), with g = scale · dOut · B: the same weight buffers, read transposed. */
export function linearInputGradient(
  plan: Plan,
  linear: Linear,
  gradient: LinearInputGradient,
): void {
  const { label, weight, lora } = linear;
  const { dOut, dX, tokens, accumulate } = gradient;
  const g = lora && required(gradient.g, `${label}: g`);
  if (lora && g) {
    adapterProduct(plan, linear, 'up backward', { wide: dOut, narrow: lora.B, result: g, tokens });
  }
  weight.parts.forEach((part, index) => {
    // The parts add up; the adapter's share comes in with the first.
    const adapter = index === 0 ? lora : undefined;
    const rank = adapter?.rank ?? 0;
    const conditions = {
      ...weightConditions(weight.format),
      aligned: aligned(weight, part),
      lora: !!adapter,
      dropout: !!adapter && adapter.dropout > 0,
    };
    plan.dispatch({
      ...productLaunch('input_gradient', conditions, weight.columns, tokens),
      label: `${label} input gradient`,
      params: [
        u32(tokens),
        u32(weight.columns),
        u32(part.firstRow),
        u32(part.rows),
        u32(weight.rows),
        u32(accumulate || index > 0 ? 1 : 0),
        u32(rank),
        ...(adapter ? dropoutParams(adapter) : [u32(0), u32(0), f32(1)]),
      ],
      tensors: [dOut, dX, ...(adapter && g ? [g, adapter.A, ...dropoutSeed(adapter)] : [])],
      weight: part.tensors,
      cost: tokens * weight.columns * (part.rows + rank),
    });
  });
}

export interface LoraGradients {
  /** [tokens, in], f32 or f16 */
  readonly x: Tensor;
  /** [tokens, rank], as forward left it. */
  readonly u: Tensor;
  /** [tokens, rank], as {@link linearInputGradient} left it. */
  readonly g: Tensor;
  /** [tokens, out] */
  readonly dOut: Tensor;
  /** [rank, in] */
  readonly dA: Tensor;
  /** [out, rank]; may lie in one buffer with `dA`. */
  readonly dB: Tensor;
  readonly tokens: number;
}

/** dA += gᵀ · dropout(x), dB += scale · dOutᵀ · u. */
export function loraGradients(plan: Plan, linear: Linear, gradients: LoraGradients): void {
  const { x, u, g, dOut, dA, dB, tokens } = gradients;
  adapterProduct(plan, linear, 'A gradient', { wide: x, narrow: g, result: dA, tokens });
  adapterProduct(plan, linear, 'B gradient', { wide: dOut, narrow: u, result: dB, tokens });
}

export interface WeightGradient {
  readonly label: string;
  /** [tokens, in], f32 or f16 */
  readonly x: Tensor;
  /** [tokens, out] */
  readonly dOut: Tensor;
  /** [out, in], f32 */
  readonly dWeight: Weight;
  readonly tokens: number;
}

/** dWeight += dOutᵀ · x; only full fine-tuning runs it. */
export function weightGradient(plan: Plan, gradient: WeightGradient): void {
  const { label, x, dOut, dWeight, tokens } = gradient;
  if (dWeight.format !== 'f32') throw new Error(`${label}: a gradient is f32`);
  for (const part of dWeight.parts) {
    const conditions = { ...storageConditions({ x: [x] }), aligned: aligned(dWeight, part) };
    plan.dispatch({
      ...productLaunch('weight_gradient', conditions, dWeight.columns, part.rows),
      label: `${label} weight gradient`,
      params: [
        u32(tokens),
        u32(dWeight.columns),
        u32(part.firstRow),
        u32(part.rows),
        u32(dWeight.rows),
      ],
      tensors: [dOut, x, ...part.tensors],
      cost: tokens * dWeight.columns * part.rows,
    });
  }
}

export interface BiasGradient {
  readonly label: string;
  /** [tokens, features] */
  readonly dOut: Tensor;
  /** [features] */
  readonly dBias: Tensor;
  readonly tokens: number;
  readonly features: number;
}

/** dBias += column sums of dOut. */
export function biasGradient(plan: Plan, gradient: BiasGradient): void {
  const { label, dOut, dBias, tokens, features } = gradient;
  const workgroupSize = 64;
  plan.dispatch({
    label: `${label} bias gradient`,
    kernel: { module: 'linear/bias_gradient', constants: { workgroup_size: workgroupSize } },
    params: [u32(tokens), u32(features)],
    tensors: [dOut, dBias],
    workgroups: [Math.ceil(features / workgroupSize), 1, 1],
    cost: tokens * features,
  });
}

/** Whether four neighbours of any row can be read at once. */
function aligned({ rows, columns }: Weight, part: WeightPart): boolean {
  return [rows, columns, part.rows, part.firstRow].every((extent) => extent % 4 === 0);
}

/** Workgroups of 8 results of one token (`shaders/linear/forward_row.wesl`). */
function rowWorkgroups({ rows }: WeightPart): Workgroups {
  return [Math.ceil(rows / 8), 1, 1];
}

/** Conditions of `shaders/lora/product.wesl` for the products of an adapter. */
const ADAPTER_PRODUCTS = {
  down: { lora_a: true, gradient: false },
  'up backward': { lora_a: false, gradient: false },
  'A gradient': { lora_a: true, gradient: true },
  'B gradient': { lora_a: false, gradient: true },
};

/** A product of a layer's adapter; the shader says what its operands are. */
function adapterProduct(
  plan: Plan,
  linear: Linear,
  name: keyof typeof ADAPTER_PRODUCTS,
  operands: { wide: Tensor; narrow: Tensor; result: Tensor; tokens: number },
): void {
  const { label, weight } = linear;
  const { wide, narrow, result, tokens } = operands;
  const lora = required(linear.lora, `${label}: lora`);
  const { rank } = lora;
  const product = ADAPTER_PRODUCTS[name];
  const features = product.lora_a ? weight.columns : weight.rows;
  // Only x passes through dropout.
  const seed = product.lora_a ? dropoutSeed(lora) : [];
  const conditions = {
    ...product,
    ...storageConditions({ x: [wide] }),
    aligned: features % 4 === 0 && rank % 4 === 0,
    dropout: seed.length > 0,
  };
  plan.dispatch({
    label: `${label} lora ${name}`,
    kernel: { module: 'lora/product', conditions },
    params: [u32(tokens), u32(features), u32(rank), f32(lora.scale), ...dropoutParams(lora)],
    tensors: [wide, narrow, result, ...seed],
    workgroups: tallTiles(rank, product.gradient ? features : tokens),
    cost: tokens * features * rank,
  });
}

/** Workgroups of 64 x 16 results (`shaders/matmul/tall_tile.wesl`). */
function tallTiles(columns: number, rows: number): Workgroups {
  return [Math.ceil(columns / 16), Math.ceil(rows / 64), 1];
}

/** An element is dropped where its hash is below the probability in units of 2^-32. */
function dropoutParams({ site, dropout }: Lora): Param[] {
  return [u32(site), u32(Math.floor(dropout * 2 ** 32)), f32(1 / (1 - dropout))];
}

function dropoutSeed({ dropout, seed }: Lora): Tensor[] {
  return dropout > 0 ? [seed] : [];
}

function required<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw new Error(`${name} is missing`);
  return value;
}
