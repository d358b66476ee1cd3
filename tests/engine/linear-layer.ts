/** Linear layers for tests, on the GPU and for the reference. */

import type { ActivationType } from '../../src/engine/ops/activation';
import type { Linear } from '../../src/engine/ops/linear';
import { declareWeight, type WeightFormat } from '../../src/engine/weight';
import type { Bench } from '../gpu';
import { dropoutMask } from '../reference/dropout';
import { matrix, type LinearCase, type Matrix } from '../reference/linear';
import { at, nearestHalves, randomFloats } from '../reference/numeric';
import { randomWeight } from '../reference/weights';

// A sum of 500 f32 products rounds to about sqrt(500) * 2^-24 = 1.3e-6 of its terms, and terms cancel.
export const TOLERANCE = 1e-5;
const SEED = 12345;
const SITE = 7;

export interface LayerShape {
  tokens: number;
  inputs: number;
  outputs: number;
  rank?: number;
  dropout?: number;
  bias?: boolean;
  format: WeightFormat;
  /** Bytes of the largest binding, to split the weight. */
  binding?: number;
  /** How x is stored, f32 unless said. */
  xType?: ActivationType;
}

/** A layer with its weight on the GPU and the same layer for the reference. */
export function makeLayer(bench: Bench, shape: LayerShape): { linear: Linear; layer: LinearCase } {
  const { tokens, inputs, outputs, rank, dropout = 0, format } = shape;
  const weight = declareWeight(
    bench.set,
    'weight',
    [outputs, inputs],
    format,
    shape.binding ?? 2 ** 27,
  );
  const values = weight.parts.flatMap((part, index) => {
    const encoded = randomWeight(format, part.rows * inputs, 100 + index);
    part.tensors.forEach((tensor, i) => {
      const data = encoded.tensors[i];
      if (data) bench.fill(tensor, data);
    });
    return [...encoded.values];
  });
  const numbers = randomFloats(tokens * inputs, 1);
  const x = matrix(tokens, inputs, shape.xType === 'f16' ? nearestHalves(numbers) : numbers);
  const bias = shape.bias ? randomFloats(outputs, 2) : undefined;
  const common = { x, weight: matrix(outputs, inputs, values), ...(bias && { bias }) };
  const linear: Linear = {
    label: 'layer',
    weight,
    ...(bias && { bias: bench.input('bias', [outputs], bias) }),
  };
  if (rank === undefined) return { linear, layer: common };
  const A = matrix(rank, inputs, randomFloats(rank * inputs, 3));
  const B = matrix(outputs, rank, randomFloats(outputs * rank, 4));
  const scale = 0.75;
  const parameters = bench.set.tensor('parameters', [20_000], 'f32', 'adapter');
  const views = placed([A, B]);
  const [a, b] = views.offsets.map((offset, i) =>
    parameters.view(i ? 'B' : 'A', i ? [outputs, rank] : [rank, inputs], offset),
  );
  if (!a || !b) throw new Error('two views');
  bench.fill(parameters, views.data);
  const lora = {
    rank,
    scale,
    A: a,
    B: b,
    dropout,
    seed: bench.raw('seed', [1], 'u32', Uint32Array.of(SEED)),
    site: SITE,
  };
  const mask = dropoutMask(tokens * inputs, dropout, SEED, SITE);
  return { linear: { ...linear, lora }, layer: { ...common, lora: { A, B, scale, mask } } };
}

/** Matrices one after another in one buffer, each at a multiple of 256 bytes. */
export function placed(matrices: readonly Matrix[]): {
  data: Float32Array<ArrayBuffer>;
  offsets: number[];
} {
  const data = new Float32Array(20_000);
  let next = 0;
  const offsets = matrices.map(({ values }) => {
    const offset = next;
    data.set(Float32Array.from(values), offset);
    next += Math.ceil(values.length / 64) * 64;
    return offset * 4;
  });
  return { data, offsets };
}

export const floats = ({ values }: Matrix): Float32Array<ArrayBuffer> => Float32Array.from(values);
export const plus = (a: ArrayLike<number>, b: ArrayLike<number>): Float64Array =>
  Float64Array.from(a, (value, i) => value + at(b, i));
