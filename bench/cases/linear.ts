/** Linear layers: shapes of small Llamas, in every weight format. */

import {
  linearForward,
  linearInputGradient,
  loraGradients,
  weightGradient,
  type Linear,
} from '../../src/engine/ops/linear';
import { declareWeight, denseWeight, type WeightFormat } from '../../src/engine/weight';
import type { BenchCase, Recorder } from '../measure';

/** tokens x in -> out */
export interface LinearShape {
  readonly tokens: number;
  readonly inputs: number;
  readonly outputs: number;
}

const SHAPES: readonly LinearShape[] = [
  { tokens: 256, inputs: 256, outputs: 640 },
  { tokens: 512, inputs: 576, outputs: 1536 },
];
const GENERATION: LinearShape = { tokens: 1, inputs: 2048, outputs: 2048 };
const FORMATS: readonly WeightFormat[] = ['f32', 'f16', 'bf16', 'nf4', 'nf4_flat', 'q8_0'];
const RANK = 16;

const named = ({ tokens, inputs, outputs }: LinearShape): string =>
  `${tokens} x ${inputs} -> ${outputs}`;

const flopsOf = ({ tokens, inputs, outputs }: LinearShape): number => 2 * tokens * inputs * outputs;

function linearOf(
  recorder: Recorder,
  { inputs, outputs }: LinearShape,
  format: WeightFormat,
): Linear {
  const weight = declareWeight(recorder.set, 'weight', [outputs, inputs], format, 2 ** 27);
  for (const tensor of weight.parts.flatMap((part) => part.tensors)) recorder.fill(tensor);
  return { label: 'linear', weight };
}

function withLora(
  recorder: Recorder,
  shape: LinearShape,
  format: WeightFormat,
): Required<Pick<Linear, 'lora'>> & Linear {
  const linear = linearOf(recorder, shape, format);
  const lora = {
    rank: RANK,
    scale: 1,
    A: recorder.random('A', [RANK, shape.inputs]),
    B: recorder.random('B', [shape.outputs, RANK]),
    dropout: 0,
    seed: recorder.random('seed', [1], 'u32'),
    site: 0,
  };
  return { ...linear, lora };
}

/** out = x · Wᵀ */
export function forwardCase(shape: LinearShape, format: WeightFormat): BenchCase {
  const { tokens, inputs, outputs } = shape;
  return {
    name: `forward ${format} ${named(shape)}`,
    flops: flopsOf(shape),
    record(recorder) {
      const x = recorder.random('x', [tokens, inputs]);
      const out = recorder.random('out', [tokens, outputs]);
      linearForward(recorder.plan, linearOf(recorder, shape, format), { x, out, tokens });
    },
  };
}

/** dX = dOut · W */
export function inputGradientCase(shape: LinearShape, format: WeightFormat): BenchCase {
  const { tokens, inputs, outputs } = shape;
  return {
    name: `input gradient ${format} ${named(shape)}`,
    flops: flopsOf(shape),
    record(recorder) {
      const dOut = recorder.random('dOut', [tokens, outputs]);
      const dX = recorder.random('dX', [tokens, inputs]);
      const linear = linearOf(recorder, shape, format);
      linearInputGradient(recorder.plan, linear, { dOut, dX, tokens, accumulate: false });
    },
  };
}

/** Forward, input gradient and adapter gradients of one adapted layer. */
export function loraCase(shape: LinearShape, format: WeightFormat): BenchCase {
  const { tokens, inputs, outputs } = shape;
  return {
    name: `lora step ${format} ${named(shape)} rank ${RANK}`,
    flops: 2 * flopsOf(shape) + 6 * 2 * tokens * RANK * (inputs + outputs),
    record(recorder) {
      const linear = withLora(recorder, shape, format);
      const x = recorder.random('x', [tokens, inputs]);
      const out = recorder.random('out', [tokens, outputs]);
      const u = recorder.random('u', [tokens, RANK]);
      const g = recorder.random('g', [tokens, RANK]);
      const dOut = recorder.random('dOut', [tokens, outputs]);
      const dX = recorder.random('dX', [tokens, inputs]);
      const dA = recorder.random('dA', [RANK, inputs]);
      const dB = recorder.random('dB', [outputs, RANK]);
      linearForward(recorder.plan, linear, { x, out, u, tokens });
      linearInputGradient(recorder.plan, linear, { dOut, g, dX, tokens, accumulate: false });
      loraGradients(recorder.plan, linear, { x, u, g, dOut, dA, dB, tokens });
    },
  };
}

function loraGradientsCase(shape: LinearShape): BenchCase {
  const { tokens, inputs, outputs } = shape;
  return {
    name: `lora gradients ${named(shape)} rank ${RANK}`,
    flops: 2 * tokens * RANK * (inputs + outputs),
    record(recorder) {
      loraGradients(recorder.plan, withLora(recorder, shape, 'f32'), {
        x: recorder.random('x', [tokens, inputs]),
        u: recorder.random('u', [tokens, RANK]),
        g: recorder.random('g', [tokens, RANK]),
        dOut: recorder.random('dOut', [tokens, outputs]),
        dA: recorder.random('dA', [RANK, inputs]),
        dB: recorder.random('dB', [outputs, RANK]),
        tokens,
      });
    },
  };
}

function weightGradientCase(shape: LinearShape): BenchCase {
  const { tokens, inputs, outputs } = shape;
  return {
    name: `weight gradient f32 ${named(shape)}`,
    flops: flopsOf(shape),
    record(recorder) {
      weightGradient(recorder.plan, {
        label: 'linear',
        x: recorder.random('x', [tokens, inputs]),
        dOut: recorder.random('dOut', [tokens, outputs]),
        dWeight: denseWeight(recorder.random('dWeight', [outputs, inputs])),
        tokens,
      });
    },
  };
}

export function linearCases(): BenchCase[] {
  return [
    ...SHAPES.flatMap((shape) => [
      ...FORMATS.map((format) => forwardCase(shape, format)),
      ...FORMATS.map((format) => inputGradientCase(shape, format)),
      weightGradientCase(shape),
      loraGradientsCase(shape),
      loraCase(shape, 'nf4'),
    ]),
    ...FORMATS.map((format) => forwardCase(GENERATION, format)),
  ];
}
