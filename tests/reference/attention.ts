/** Plain f64 attention, the reference of `shaders/attention/`. */

import { at } from './numeric';

export interface AttentionShape {
  readonly tokens: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
}

export interface AttentionInputs {
  /** [tokens, heads · headDim] */
  readonly q: ArrayLike<number>;
  /** [tokens, kvHeads · headDim] */
  readonly k: ArrayLike<number>;
  readonly v: ArrayLike<number>;
  /** [tokens] */
  readonly sequenceStarts: ArrayLike<number>;
}

/** out [tokens, heads · headDim], logSumExp [tokens, heads]. */
export function attentionReference(
  shape: AttentionShape,
  inputs: AttentionInputs,
): { out: Float64Array; logSumExp: Float64Array } {
  const { tokens, heads, headDim } = shape;
  const out = new Float64Array(tokens * heads * headDim);
  const logSumExp = new Float64Array(tokens * heads);
  for (let t = 0; t < tokens; t++) {
    for (let head = 0; head < heads; head++) {
      const { first, probabilities, logSum } = attend(shape, inputs, t, head);
      logSumExp[t * heads + head] = logSum;
      probabilities.forEach((p, i) => {
        const value = keyOffset(shape, first + i, head);
        const target = (t * heads + head) * headDim;
        for (let d = 0; d < headDim; d++) {
          out[target + d] = at(out, target + d) + p * at(inputs.v, value + d);
        }
      });
    }
  }
  return { out, logSumExp };
}

/** Gradients of sum(dOut · out) with respect to q, k and v; `out` is what forward kept of its result. */
export function attentionBackwardReference(
  shape: AttentionShape,
  inputs: AttentionInputs,
  dOut: ArrayLike<number>,
  out: ArrayLike<number> = attentionReference(shape, inputs).out,
): { dQ: Float64Array; dK: Float64Array; dV: Float64Array } {
  const { tokens, heads, kvHeads, headDim } = shape;
  const scale = 1 / Math.sqrt(headDim);
  const dQ = new Float64Array(tokens * heads * headDim);
  const dK = new Float64Array(tokens * kvHeads * headDim);
  const dV = new Float64Array(tokens * kvHeads * headDim);
  for (let t = 0; t < tokens; t++) {
    for (let head = 0; head < heads; head++) {
      const { first, probabilities } = attend(shape, inputs, t, head);
      const query = (t * heads + head) * headDim;
      const dProbabilities = probabilities.map((_, i) =>
        dot(dOut, query, inputs.v, keyOffset(shape, first + i, head), headDim),
      );
      const mean = dot(dOut, query, out, query, headDim);
      probabilities.forEach((p, i) => {
        const key = keyOffset(shape, first + i, head);
        const dScore = p * (at(dProbabilities, i) - mean) * scale;
        for (let d = 0; d < headDim; d++) {
          dQ[query + d] = at(dQ, query + d) + dScore * at(inputs.k, key + d);
          dK[key + d] = at(dK, key + d) + dScore * at(inputs.q, query + d);
          dV[key + d] = at(dV, key + d) + p * at(dOut, query + d);
        }
      });
    }
  }
  return { dQ, dK, dV };
}

/** Softmax of one query's scores over the tokens it attends to, from `first` to its own. */
function attend(
  shape: AttentionShape,
  inputs: AttentionInputs,
  token: number,
  head: number,
): { first: number; probabilities: number[]; logSum: number } {
  const { heads, headDim } = shape;
  const first = at(inputs.sequenceStarts, token);
  const query = (token * heads + head) * headDim;
  const scores = Array.from(
    { length: token - first + 1 },
    (_, i) =>
      dot(inputs.q, query, inputs.k, keyOffset(shape, first + i, head), headDim) /
      Math.sqrt(headDim),
  );
  const largest = Math.max(...scores);
  const exponentials = scores.map((score) => Math.exp(score - largest));
  const sum = exponentials.reduce((total, value) => total + value, 0);
  return {
    first,
    probabilities: exponentials.map((value) => value / sum),
    logSum: largest + Math.log(sum),
  };
}

function keyOffset(shape: AttentionShape, token: number, head: number): number {
  const kvHead = Math.floor((head * shape.kvHeads) / shape.heads);
  return (token * shape.kvHeads + kvHead) * shape.headDim;
}

function dot(
  a: ArrayLike<number>,
  aStart: number,
  b: ArrayLike<number>,
  bStart: number,
  length: number,
): number {
  let sum = 0;
  for (let i = 0; i < length; i++) sum += at(a, aStart + i) * at(b, bStart + i);
  return sum;
}
