import type { PackedBatch } from '../data/batches';

/** One trained tensor. */
export interface TrainedParameter {
  /** `layers.0.self_attn.q_proj.lora_A`, or the Hugging Face name of a weight in full fine-tuning. */
  name: string;
  shape: readonly number[];
  /** Whether weight decay applies: not to norms and biases. */
  decay: boolean;
}

/** What one update is made of; torch's AdamW after clipping by the global norm. */
export interface UpdateValues {
  learningRate: number;
  beta1: number;
  beta2: number;
  epsilon: number;
  weightDecay: number;
  /** `1 - beta1 ** t`, where t counts the updates that were applied, from 1. */
  biasCorrection1: number;
  /** `1 - beta2 ** t` */
  biasCorrection2: number;
  /** Gradients are scaled by `min(1, maxGradNorm / (norm + 1e-6))`; 0 turns clipping off. */
  maxGradNorm: number;
}

/** What one step came to. */
export interface StepReading {
  /** Sum of `-log p` over the trained tokens since the last reading, before `lossScale`. */
  lossSum: number;
  /** Global norm of the gradients, before clipping. */
  gradNorm: number;
  /** Whether loss sum and norm were finite and the update was applied. */
  finite: boolean;
}

/** All that training changes, one array a parameter, in the order of `parameters`; exact f32 values. */
export interface TrainableState {
  parameters: Float32Array[];
  firstMoments: Float32Array[];
  secondMoments: Float32Array[];
}

/**
 * What the training loop asks of a model. Methods that return nothing only submit work, which happens in the order of the calls;
 * methods that return a promise capture, in the same order, the state at the moment of the call, so that the caller may go on
 * submitting before the promise resolves. The same calls on the same machine give the same bits. A promise rejects when the GPU is lost.
 */
export interface TrainableModel {
  /** In a fixed order. */
  readonly parameters: readonly TrainedParameter[];

  /**
   * Forward and backward: gradients += those of `lossScale` times the sum of `-log p` over the trained tokens; loss sum += the
   * unscaled sum.
   *
   * @param step.lossScale 1 / trained tokens of the whole accumulated step.
   * @param step.seed of this micro-batch's dropout, 32 bits.
   */
  accumulate(batch: PackedBatch, step: { lossScale: number; seed: number }): void;

  /** Throws away what was accumulated: gradients and the loss sum become zero. */
  discard(): void;

  /**
   * Clips the gradients, updates parameters and moments, and zeroes the gradients. Where loss sum or gradient norm is not finite, the
   * GPU itself leaves parameters and moments as they are.
   */
  update(values: UpdateValues): void;

  /** Reads loss sum and norm as of the last `update`, and zeroes the loss sum. Several readings may be under way. */
  readStep(): Promise<StepReading>;

  /** Forward only, without dropout; evaluation's loss sum += the sum of `-log p` over the trained tokens. */
  evaluate(batch: PackedBatch): void;

  /** Reads evaluation's loss sum and zeroes it. */
  readLoss(): Promise<number>;

  exportState(): Promise<TrainableState>;

  /** Sets parameters and moments; gradients and both loss sums become zero. */
  importState(state: TrainableState): void;

  /** Resolves when the work that was submitted before the call is done. */
  idle(): Promise<void>;

  destroy(): void;
}
