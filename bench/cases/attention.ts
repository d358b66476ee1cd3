/** Attention, forward and backward, one example as long as the batch: shapes of small Llamas. */

import {
  attentionBackward,
  attentionForward,
  type Attention,
} from '../../src/engine/ops/attention';
import type { ActivationType } from '../../src/engine/ops/activation';
import type { BenchCase, Recorder } from '../measure';

/** Sizes of one attention. */
type Shape = Pick<Attention, 'tokens' | 'heads' | 'kvHeads' | 'headDim'>;

const SHAPES: readonly Shape[] = [
  { tokens: 256, heads: 8, kvHeads: 4, headDim: 32 },
  { tokens: 512, heads: 9, kvHeads: 3, headDim: 64 },
  { tokens: 256, heads: 8, kvHeads: 2, headDim: 128 },
];

const named = ({ tokens, heads, kvHeads, headDim }: Shape): string =>
  `${tokens} x ${heads}/${kvHeads} x ${headDim}`;

/** Of one product between the pairs of tokens that attend to each other. */
const flopsOf = ({ tokens, heads, headDim }: Shape): number =>
  tokens * (tokens + 1) * heads * headDim;

function attentionOf(recorder: Recorder, shape: Shape, type: ActivationType): Attention {
  const { tokens, heads, kvHeads, headDim } = shape;
  return {
    label: 'attention',
    q: recorder.random('q', [tokens, heads * headDim], type),
    k: recorder.random('k', [tokens, kvHeads * headDim], type),
    v: recorder.random('v', [tokens, kvHeads * headDim], type),
    out: recorder.random('out', [tokens, heads * headDim], type),
    logSumExp: recorder.random('logSumExp', [tokens, heads]),
    // New tensors are zero: every token attends from the first on.
    sequenceStarts: recorder.set.tensor('sequenceStarts', [tokens], 'u32', 'workspace'),
    ...shape,
  };
}

/** Both products of forward. */
function forwardCase(shape: Shape, type: ActivationType): BenchCase {
  return {
    name: `attention forward ${type} ${named(shape)}`,
    flops: 2 * flopsOf(shape),
    record(recorder) {
      attentionForward(recorder.plan, attentionOf(recorder, shape, type));
    },
  };
}

/** The five products that backward cannot do without; what is computed twice does not count. */
function backwardCase(shape: Shape, type: ActivationType): BenchCase {
  const { tokens, heads, kvHeads, headDim } = shape;
  return {
    name: `attention backward ${type} ${named(shape)}`,
    flops: 5 * flopsOf(shape),
    record(recorder) {
      attentionBackward(recorder.plan, {
        ...attentionOf(recorder, shape, type),
        dOut: recorder.random('dOut', [tokens, heads * headDim]),
        rowDot: recorder.random('rowDot', [tokens, heads]),
        dQ: recorder.random('dQ', [tokens, heads * headDim]),
        dK: recorder.random('dK', [tokens, kvHeads * headDim]),
        dV: recorder.random('dV', [tokens, kvHeads * headDim]),
      });
    },
  };
}

export function attentionCases(): BenchCase[] {
  const types: readonly ActivationType[] = ['f32', 'f16'];
  return SHAPES.flatMap((shape) =>
    types.flatMap((type) => [forwardCase(shape, type), backwardCase(shape, type)]),
  );
}
