import type { PackedBatch } from '../data/batches';
import type { UpdateSettings } from '../engine/ops/optimizer';

/** One trained tensor. */
export interface TrainedParameter {
  /** `layers.0.self_attn.q_proj.lora_A`, or the Hugging Face name of a weight in full fine-tuning. */
  name: string;
  shape: readonly number[];
  /** Whether weight decay applies: not to norms and biases. */
  decay: boolean;
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
  parameters: Float32Array<ArrayBuffer>[];
  firstMoments: Float32Array<ArrayBuffer>[];
  secondMoments: Float32Array<ArrayBuffer>[];
}

/**
 * What the training loop asks of a model. The caller awaits each submission (`Promise<void>`) before the next call: it resolves when the
 * work is submitted and at most a little of it is still ahead of the GPU, not when it is done. Readings (`readStep`, `readLoss`,
 * `exportState`) take the state as of the submissions before the call, and the caller may go on submitting before they resolve. The same
 * calls on the same machine give the same bits. Every promise rejects when the GPU is lost.
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
  accumulate(batch: PackedBatch, step: { lossScale: number; seed: number }): Promise<void>;

  /** Throws away what was accumulated: gradients and the loss sum become zero. */
  discard(): Promise<void>;

  /**
   * Clips the gradients, updates parameters and moments, and zeroes the gradients. Where loss sum or gradient norm is not finite, the
   * GPU itself leaves parameters and moments as they are.
   */
  update(settings: UpdateSettings): Promise<void>;

  /** Reads the loss sum and the norm of the last `update`, and zeroes the loss sum. Two readings may be under way. */
  readStep(): Promise<StepReading>;

  /** Forward only, without dropout; evaluation's loss sum += the sum of `-log p` over the trained tokens. */
  evaluate(batch: PackedBatch): Promise<void>;

  /** Reads evaluation's loss sum and zeroes it. */
  readLoss(): Promise<number>;

  exportState(): Promise<TrainableState>;

  /** Sets parameters and moments; gradients and both loss sums become zero. */
  importState(state: TrainableState): Promise<void>;

  /** Resolves when all submitted work is done. */
  idle(): Promise<void>;

  destroy(): void;
}
