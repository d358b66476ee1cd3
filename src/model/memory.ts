/** What a run will take of GPU memory, before anything is allocated: computed by declaring exactly what the run declares. */

import type { TrainingConfig } from '../config';
import { totalMemory, type MemoryByPurpose } from '../engine/memory-ledger';
import type { ModelDescription } from './llama-weights';
import { PlannedTraining, type BatchShape, type PlanDevice } from './planned-training';

/** Bytes of GPU memory, by what they are for. */
export interface MemoryPrediction {
  total_bytes: number;
  weights_bytes: number;
  /** Trained parameters and their gradients. */
  adapter_bytes: number;
  /** Adam's moments. */
  optimizer_bytes: number;
  activations_bytes: number;
  workspace_bytes: number;
}

/** A device with the limits of WebGPU that hold on every one, for predictions without it; `f16` where its shaders have 16-bit floats. */
export function plainDevice(f16: boolean): PlanDevice {
  return {
    limits: {
      maxStorageBufferBindingSize: 128 * 2 ** 20,
      minUniformBufferOffsetAlignment: 256,
    },
    features: { f16 },
  };
}

/** Predicts the memory of a run over micro-batches of the given shape. */
export function predictMemory(
  description: ModelDescription,
  config: TrainingConfig,
  batch: BatchShape,
  device: PlanDevice,
): MemoryPrediction {
  return asPrediction(new PlannedTraining(description, config, batch, device).memory);
}

/** Memory by purpose under the names of the prediction. */
export function asPrediction(memory: Readonly<MemoryByPurpose>): MemoryPrediction {
  return {
    total_bytes: totalMemory(memory),
    weights_bytes: memory.weights,
    adapter_bytes: memory.adapter,
    optimizer_bytes: memory.optimizer,
    activations_bytes: memory.activations,
    workspace_bytes: memory.workspace,
  };
}
