/**
 * One transformer block, forward and backward, as dispatches.
 *
 *     n1 = RMSNorm(x); q, k, v = n1·W; q, k rotated; a = attention(q, k, v); y = x + a·Wo
 *     n2 = RMSNorm(y); m = silu(n2·Wgate) ∘ (n2·Wup); out = y + m·Wdown
 *
 * Forward keeps what backward cannot make again cheaply: q, k, v, a, y, gate and up. The norms' outputs and m are made again.
 */

import type { TargetModule } from '../config';
import { attentionBackward, attentionForward } from '../engine/ops/attention';
import {
  biasGradient,
  linearForward,
  linearInputGradient,
  loraGradients,
  weightGradient,
  type Linear,
} from '../engine/ops/linear';
import { rmsNorm, rmsNormBackward, rmsNormWeightGradient } from '../engine/ops/rms-norm';
import { rope } from '../engine/ops/rope';
import { swiglu, swigluBackward } from '../engine/ops/swiglu';
import type { Plan } from '../engine/plan';
import type { Tensor } from '../engine/tensor';
import type {
  BackwardScratch,
  Block,
  BlockGradients,
  BlockInputs,
  BlockScratch,
  KeptActivations,
} from './block-tensors';

/**
 * Records the forward pass of a block from `x` [tokens, hidden].
 * @param out [tokens, hidden], overwritten; without it, everything up to the last linear is made again for backward, except that the last
 *   linear's low-rank activation must still be there.
 */
export function recordBlockForward(
  plan: Plan,
  inputs: BlockInputs,
  block: Block,
  x: Tensor,
  kept: KeptActivations,
  scratch: BlockScratch,
  out: Tensor | null,
): void {
  const { tokens } = inputs;
  const { label } = block;
  const forward = (module: TargetModule, from: Tensor, to: Tensor, accumulate = false): void => {
    const u = kept.lowRank[module];
    linearForward(plan, block.linears[module], {
      x: from,
      out: to,
      tokens,
      accumulate,
      ...(u && { u }),
    });
  };
  rmsNorm(plan, {
    ...inputNorm(inputs, block, x, kept),
    out: scratch.norm,
    epsilon: inputs.epsilon,
  });
  forward('q_proj', scratch.norm, kept.q);
  forward('k_proj', scratch.norm, kept.k);
  forward('v_proj', scratch.norm, kept.v);
  rotate(plan, inputs, label, kept.q, kept.k, false);
  attentionForward(plan, {
    ...attention(inputs, block, kept),
    out: kept.attention,
  });
  plan.copy(x, kept.middle, kept.middle.byteLength);
  forward('o_proj', kept.attention, kept.middle, true);
  rmsNorm(plan, {
    ...postAttentionNorm(inputs, block, kept),
    out: scratch.norm,
    epsilon: inputs.epsilon,
  });
  forward('gate_proj', scratch.norm, kept.gate);
  forward('up_proj', scratch.norm, kept.up);
  if (!out) return;
  recordSwiglu(plan, inputs, block, kept, scratch.product);
  plan.copy(kept.middle, out, out.byteLength);
  forward('down_proj', scratch.product, out, true);
}

/**
 * Records the backward pass of a block: `dStream` [tokens, hidden] holds the gradient of the block's output and becomes that of its input
 * `x`. What forward kept stays as it is.
 */
export function recordBlockBackward(
  plan: Plan,
  inputs: BlockInputs,
  block: Block,
  x: Tensor,
  kept: KeptActivations,
  scratch: BackwardScratch,
  gradients: BlockGradients,
  dStream: Tensor,
): void {
  const { tokens, epsilon } = inputs;
  const back = (module: TargetModule, from: Tensor, dOut: Tensor, dX: Tensor, accumulate = false) =>
    recordLinearBackward(plan, block.linears[module], module, gradients, {
      x: from,
      dOut,
      dX,
      accumulate,
      tokens,
      u: kept.lowRank[module],
      g: scratch.g,
    });

  recordSwiglu(plan, inputs, block, kept, scratch.product);
  back('down_proj', scratch.product, dStream, scratch.dProduct);
  // The product is used up, and its gradient is with this: their space takes the gradients of up and gate.
  const dUp = scratch.product;
  const dGate = scratch.dProduct;
  swigluBackward(plan, {
    label: block.label,
    gate: kept.gate,
    up: kept.up,
    dOut: dGate,
    dUp,
    count: tokens * inputs.shape.feedForward,
  });
  rmsNorm(plan, { ...postAttentionNorm(inputs, block, kept), out: scratch.norm, epsilon });
  back('gate_proj', scratch.norm, dGate, scratch.dNorm);
  back('up_proj', scratch.norm, dUp, scratch.dNorm, true);
  recordNormBackward(plan, postAttentionNorm(inputs, block, kept), scratch.dNorm, dStream, {
    dWeight: gradients.weights?.postAttentionNorm,
  });

  back('o_proj', kept.attention, dStream, scratch.dAttention);
  attentionBackward(plan, {
    ...attention(inputs, block, kept),
    out: kept.attention,
    dOut: scratch.dAttention,
    rowDot: scratch.rowDot,
    dQ: scratch.dQ,
    dK: scratch.dK,
    dV: scratch.dV,
  });
  rotate(plan, inputs, block.label, scratch.dQ, scratch.dK, true);
  rmsNorm(plan, { ...inputNorm(inputs, block, x, kept), out: scratch.norm, epsilon });
  back('q_proj', scratch.norm, scratch.dQ, scratch.dNorm);
  back('k_proj', scratch.norm, scratch.dK, scratch.dNorm, true);
  back('v_proj', scratch.norm, scratch.dV, scratch.dNorm, true);
  recordNormBackward(plan, inputNorm(inputs, block, x, kept), scratch.dNorm, dStream, {
    dWeight: gradients.weights?.inputNorm,
  });
}

function recordLinearBackward(
  plan: Plan,
  linear: Linear,
  module: TargetModule,
  gradients: BlockGradients,
  pass: {
    x: Tensor;
    dOut: Tensor;
    dX: Tensor;
    accumulate: boolean;
    tokens: number;
    u: Tensor | undefined;
    g: Tensor | undefined;
  },
): void {
  const { x, dOut, dX, accumulate, tokens, u, g } = pass;
  linearInputGradient(plan, linear, { dOut, dX, tokens, accumulate, ...(linear.lora && { g }) });
  const lora = gradients.lora[module];
  if (lora && u && g) loraGradients(plan, linear, { x, u, g, dOut, tokens, ...lora });
  const weights = gradients.weights?.linears[module];
  if (!weights) return;
  const { label } = linear;
  weightGradient(plan, { label, x, dOut, dWeight: weights.weight, tokens });
  if (weights.bias) {
    const features = linear.weight.rows;
    biasGradient(plan, { label, dOut, dBias: weights.bias, tokens, features });
  }
}

type Norm = ReturnType<typeof inputNorm>;

function recordNormBackward(
  plan: Plan,
  norm: Norm,
  dOut: Tensor,
  dX: Tensor,
  { dWeight }: { dWeight: Tensor | undefined },
): void {
  rmsNormBackward(plan, { ...norm, dOut, dX });
  if (dWeight) rmsNormWeightGradient(plan, { ...norm, dOut, dWeight });
}

function inputNorm({ tokens, shape }: BlockInputs, block: Block, x: Tensor, kept: KeptActivations) {
  return {
    label: `${block.label} input norm`,
    x,
    weight: block.inputNorm,
    inverseRms: kept.inverseRms1,
    tokens,
    hidden: shape.hidden,
  };
}

function postAttentionNorm(
  { tokens, shape }: BlockInputs,
  block: Block,
  kept: KeptActivations,
): Norm {
  return {
    label: `${block.label} post-attention norm`,
    x: kept.middle,
    weight: block.postAttentionNorm,
    inverseRms: kept.inverseRms2,
    tokens,
    hidden: shape.hidden,
  };
}

function attention(
  { tokens, rowLength: longest, shape, sequenceStarts }: BlockInputs,
  { label }: Block,
  kept: KeptActivations,
) {
  const { q, k, v, logSumExp } = kept;
  const { heads, kvHeads, headDim } = shape;
  return { label, q, k, v, logSumExp, sequenceStarts, tokens, longest, heads, kvHeads, headDim };
}

function rotate(
  plan: Plan,
  { tokens, shape, positions, frequencies }: BlockInputs,
  label: string,
  q: Tensor,
  k: Tensor,
  inverse: boolean,
): void {
  const { heads, kvHeads, headDim } = shape;
  const shared = { positions, frequencies, tokens, headDim, inverse };
  rope(plan, { label: `${label} q`, x: q, heads, ...shared });
  rope(plan, { label: `${label} k`, x: k, heads: kvHeads, ...shared });
}

function recordSwiglu(
  plan: Plan,
  { tokens, shape }: BlockInputs,
  { label }: Block,
  { gate, up }: KeptActivations,
  out: Tensor,
): void {
  swiglu(plan, { label, gate, up, out, count: tokens * shape.feedForward });
}
