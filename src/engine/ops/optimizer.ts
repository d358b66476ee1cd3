/** Clipping by the global norm and AdamW (Loshchilov and Hutter 2019), both as torch computes them. */

import { linearWorkgroups, u32, type Plan } from '../plan';
import type { Tensor, TensorSet } from '../tensor';

const WORKGROUP_SIZE = 256;
const constants = { workgroup_size: WORKGROUP_SIZE };

/** Gradients that one workgroup squares and sums. */
const STRETCH = 16_384;

/** A flat stretch of trained values with all that an update needs; every tensor f32 [count]. */
export interface TrainedBuffer {
  readonly count: number;
  /** Whether weight decay applies. */
  readonly decays: boolean;
  readonly parameters: Tensor;
  readonly gradients: Tensor;
  readonly firstMoments: Tensor;
  readonly secondMoments: Tensor;
}

/** What an update reads and leaves behind. */
export interface UpdateTensors {
  /** f32 [8], from {@link updateSettings}. */
  readonly settings: Tensor;
  /** f32 [1] */
  readonly lossSum: Tensor;
  /** f32 [4], overwritten: loss sum, global norm before clipping, clipping factor, 1 where the step was taken. */
  readonly outcome: Tensor;
}

/** What one update is made of. */
export interface UpdateSettings {
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
  /** `1 - beta1 ** t` of the t-th update, from 1. */
  readonly biasCorrection1: number;
  /** `1 - beta2 ** t` */
  readonly biasCorrection2: number;
  /** 0: no clipping. */
  readonly maxGradNorm: number;
}

/** The contents of {@link UpdateTensors.settings}: what the shader needs, computed in f64 and rounded once. */
export function updateSettings(values: UpdateSettings): Float32Array<ArrayBuffer> {
  return Float32Array.of(
    values.learningRate / values.biasCorrection1,
    1 - values.learningRate * values.weightDecay,
    1 - values.beta1,
    values.beta2,
    1 - values.beta2,
    Math.sqrt(values.biasCorrection2),
    values.epsilon,
    values.maxGradNorm,
  );
}

/** Workgroups, and so partial sums, that the norm of these buffers takes. */
export function partialSums(buffers: readonly { readonly count: number }[]): number {
  return buffers.reduce((sum, { count }) => sum + Math.ceil(count / STRETCH), 0);
}

/** Declares the scratch space of {@link updateParameters}. */
export function declarePartialSums(set: TensorSet, buffers: readonly TrainedBuffer[]): Tensor {
  return set.tensor('partial sums of squares', [partialSums(buffers)], 'f32', 'workspace');
}

/**
 * One update of all buffers: norm over all gradients, clipping, AdamW; the gradients become zero. Where norm or loss is not finite, only
 * the gradients change and `outcome[3]` is 0.
 */
export function updateParameters(
  plan: Plan,
  buffers: readonly TrainedBuffer[],
  tensors: UpdateTensors & { readonly partials: Tensor },
): void {
  const { settings, outcome, lossSum, partials } = tensors;
  let first = 0;
  for (const { count, gradients } of buffers) {
    const stretches = Math.ceil(count / STRETCH);
    plan.dispatch({
      label: `squares of ${gradients.name}`,
      kernel: { module: 'optimizer/square_sums', constants },
      params: [u32(count), u32(STRETCH), u32(first)],
      tensors: [gradients, partials],
      workgroups: linearWorkgroups(stretches),
      cost: count,
    });
    first += stretches;
  }
  plan.dispatch({
    label: 'gradient norm and clipping',
    kernel: { module: 'optimizer/clip', constants },
    params: [u32(first)],
    tensors: [partials, settings, lossSum, outcome],
    workgroups: [1, 1, 1],
    cost: first,
  });
  for (const buffer of buffers) {
    plan.dispatch({
      label: `AdamW of ${buffer.parameters.name}`,
      kernel: { module: 'optimizer/adamw', constants },
      params: [u32(buffer.count), u32(buffer.decays ? 1 : 0)],
      tensors: [
        settings,
        outcome,
        buffer.parameters,
        buffer.gradients,
        buffer.firstMoments,
        buffer.secondMoments,
      ],
      workgroups: linearWorkgroups(Math.ceil(buffer.count / WORKGROUP_SIZE)),
      cost: 12 * buffer.count,
    });
  }
}
