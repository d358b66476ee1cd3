/** Operations on one element after another, over activations kept in 32 bits and in 16. */

import type { ActivationType } from '../../src/engine/ops/activation';
import { rope } from '../../src/engine/ops/rope';
import { swiglu, swigluBackward } from '../../src/engine/ops/swiglu';
import type { BenchCase } from '../measure';

const TYPES: readonly ActivationType[] = ['f32', 'f16'];
const SWIGLU = { tokens: 256, width: 640 };
const ROPE = { tokens: 256, heads: 8, headDim: 32 };

/** Forward and backward of a feed-forward layer's gate. */
function swigluCase(type: ActivationType): BenchCase {
  const { tokens, width } = SWIGLU;
  const shape = [tokens, width];
  return {
    name: `swiglu and its gradients ${type} ${tokens} x ${width}`,
    flops: 20 * tokens * width,
    record(recorder) {
      const activation = {
        label: 'swiglu',
        gate: recorder.random('gate', shape, type),
        up: recorder.random('up', shape, type),
        count: tokens * width,
      };
      swiglu(recorder.plan, { ...activation, out: recorder.random('out', shape) });
      const dOut = recorder.random('dOut', shape);
      swigluBackward(recorder.plan, { ...activation, dOut, dUp: recorder.random('dUp', shape) });
    },
  };
}

function ropeCase(type: ActivationType): BenchCase {
  const { tokens, heads, headDim } = ROPE;
  return {
    name: `rope ${type} ${tokens} x ${heads} x ${headDim}`,
    flops: 3 * tokens * heads * headDim,
    record(recorder) {
      rope(recorder.plan, {
        label: 'rope',
        x: recorder.random('x', [tokens, heads * headDim], type),
        positions: recorder.set.tensor('positions', [tokens], 'u32', 'workspace'),
        frequencies: recorder.random('frequencies', [headDim / 2]),
        tokens,
        heads,
        headDim,
      });
    },
  };
}

export function elementwiseCases(): BenchCase[] {
  return TYPES.flatMap((type) => [swigluCase(type), ropeCase(type)]);
}
