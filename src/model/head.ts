/**
 * Final norm, head and loss. The logits of all tokens at once would be the largest array of the whole step (2,048 tokens of Llama 3: 1 GB);
 * a few rows at a time go through head, cross-entropy and back, and only the gradient of the hidden states is kept.
 */

import { addLosses, crossEntropy } from '../engine/ops/cross-entropy';
import { linearForward, linearInputGradient, weightGradient } from '../engine/ops/linear';
import { rmsNorm, rmsNormBackward, rmsNormWeightGradient } from '../engine/ops/rms-norm';
import type { Plan } from '../engine/plan';
import type { Tensor, TensorSet } from '../engine/tensor';
import type { Weight } from '../engine/weight';

/** Bytes of logits that exist at once, about. */
const CHUNK_BYTES = 64 * 2 ** 20;
/** Chunks begin at multiples of 64 rows, where views of f32 rows are aligned whatever their width. */
const ROW_GRANULE = 64;

/** Sizes of a pass over the head. */
export interface HeadShape {
  readonly tokens: number;
  readonly hidden: number;
  readonly vocabulary: number;
}

/** Space of the head. */
export interface HeadScratch {
  /** [tokens, hidden]: the final norm's output. */
  readonly norm: Tensor;
  /** [tokens, hidden] */
  readonly dNorm: Tensor;
  /** [chunk, vocabulary] */
  readonly logits: Tensor;
  /** [tokens] */
  readonly inverseRms: Tensor;
  /** [tokens] */
  readonly rowLoss: Tensor;
}

/** A model's last part with what its loss is computed from. */
export interface Head {
  /** [tokens, hidden]: the residual stream after the last block. */
  readonly stream: Tensor;
  readonly norm: Tensor;
  readonly weight: Weight;
  readonly epsilon: number;
  /** i32 [tokens] */
  readonly targets: Tensor;
  /** f32 [1], += */
  readonly lossSum: Tensor;
}

/** Where the head's gradients go. */
export interface HeadGradients {
  /** f32 [1] */
  readonly lossScale: Tensor;
  /** [tokens, hidden], overwritten: gradient of the stream. */
  readonly dStream: Tensor;
  /** += ; only where the head itself is trained. */
  readonly weights?: { readonly norm: Tensor; readonly weight: Weight };
}

/** Rows of logits that are computed together. */
export function logitRows(tokens: number, vocabulary: number, maximumBinding: number): number {
  const fitting = Math.floor(Math.min(CHUNK_BYTES, maximumBinding) / (4 * vocabulary));
  return Math.min(tokens, Math.max(ROW_GRANULE, Math.floor(fitting / ROW_GRANULE) * ROW_GRANULE));
}

/** Declares what the head needs beside `norm` and `dNorm`, which blocks share. */
export function declareHeadScratch(
  set: TensorSet,
  { tokens, vocabulary }: HeadShape,
  maximumBinding: number,
  shared: Pick<HeadScratch, 'norm' | 'dNorm'>,
): HeadScratch {
  const rows = logitRows(tokens, vocabulary, maximumBinding);
  return {
    ...shared,
    logits: set.tensor('logits', [rows, vocabulary], 'f32', 'workspace'),
    inverseRms: set.tensor('final inverse rms', [tokens], 'f32', 'activations'),
    rowLoss: set.tensor('row loss', [tokens], 'f32', 'workspace'),
  };
}

/** Records the loss, and with `gradients` its way back to the stream. */
export function recordHead(
  plan: Plan,
  shape: HeadShape,
  head: Head,
  scratch: HeadScratch,
  gradients: HeadGradients | null,
): void {
  const { tokens, hidden } = shape;
  const norm = {
    label: 'final norm',
    x: head.stream,
    weight: head.norm,
    inverseRms: scratch.inverseRms,
    tokens,
    hidden,
  };
  rmsNorm(plan, { ...norm, out: scratch.norm, epsilon: head.epsilon });
  const rows = scratch.logits.shape[0] ?? tokens;
  for (let first = 0; first < tokens; first += rows) {
    recordChunk(plan, shape, head, scratch, gradients, first, Math.min(rows, tokens - first));
  }
  addLosses(plan, { rowLoss: scratch.rowLoss, lossSum: head.lossSum, rows: tokens });
  if (!gradients) return;
  plan.clear(gradients.dStream);
  rmsNormBackward(plan, { ...norm, dOut: scratch.dNorm, dX: gradients.dStream });
  if (gradients.weights) {
    rmsNormWeightGradient(plan, {
      ...norm,
      dOut: scratch.dNorm,
      dWeight: gradients.weights.norm,
    });
  }
}

function recordChunk(
  plan: Plan,
  { vocabulary }: HeadShape,
  head: Head,
  scratch: HeadScratch,
  gradients: HeadGradients | null,
  first: number,
  count: number,
): void {
  const label = 'head';
  const linear = { label, weight: head.weight };
  const x = scratch.norm.rows(first, count);
  const logits = scratch.logits.rows(0, count);
  linearForward(plan, linear, { x, out: logits, tokens: count });
  crossEntropy(plan, {
    label,
    logits,
    targets: head.targets.rows(first, count),
    rowLoss: scratch.rowLoss.rows(first, count),
    lossScale: gradients?.lossScale,
    rows: count,
    vocabulary,
  });
  if (!gradients) return;
  linearInputGradient(plan, linear, {
    dOut: logits,
    dX: scratch.dNorm.rows(first, count),
    tokens: count,
    accumulate: false,
  });
  if (gradients.weights) {
    weightGradient(plan, {
      label,
      x,
      dOut: logits,
      dWeight: gradients.weights.weight,
      tokens: count,
    });
  }
}
