/** A training run's whole memory and work, declared but not allocated: weights, trained parameters and plans. */

import type { TrainingConfig } from '../config';
import type { GpuFeatures } from '../engine/gpu';
import type { MemoryByPurpose } from '../engine/memory-ledger';
import { addMemory } from '../engine/memory-ledger';
import { activationType, type ActivationType } from '../engine/ops/activation';
import { layoutParams } from '../engine/param-blocks';
import { checkBinding, largestOf, TensorSet, type Tensor } from '../engine/tensor';
import type { AttachedLora } from './blocks';
import { llamaShape } from './llama-shape';
import {
  declareFrozenWeights,
  modelParameters,
  trainedWeights,
  type LlamaWeights,
  type ModelDescription,
} from './llama-weights';
import { loraParameters, loraScale, loraSites } from './lora';
import { ParameterSet } from './parameter-set';
import { TrainingGraph } from './training-graph';

/** What a plan depends on of the device that it will run on; an open {@link Gpu} is one. */
export interface PlanDevice {
  readonly limits: Pick<
    GPUSupportedLimits,
    'maxStorageBufferBindingSize' | 'minUniformBufferOffsetAlignment'
  >;
  readonly features: Pick<GpuFeatures, 'f16'>;
}

/** Rows and row length of a micro-batch. */
export interface BatchShape {
  readonly rows: number;
  readonly rowLength: number;
}

/** Everything that a run will allocate. */
export class PlannedTraining {
  /** Frozen weights; empty in full fine-tuning. */
  readonly frozen = new TensorSet();
  /** Trained parameters with gradients and moments. */
  readonly trained = new TensorSet();
  readonly weights: LlamaWeights;
  readonly parameters: ParameterSet;
  readonly lora: AttachedLora | null;
  /** How activations that are kept lie in memory, in training and in a cache of generation beside it. */
  readonly activationType: ActivationType;
  readonly graph: TrainingGraph;

  constructor(
    readonly description: ModelDescription,
    config: TrainingConfig,
    batch: BatchShape,
    private readonly device: PlanDevice,
  ) {
    const model = description.config;
    const maximumBinding = device.limits.maxStorageBufferBindingSize;
    if (config.method === 'full') {
      const parameters = modelParameters(model);
      this.parameters = new ParameterSet(this.trained, parameters, maximumBinding);
      this.weights = trainedWeights(model, this.parameters, 'parameters');
      this.lora = null;
    } else {
      this.weights = declareFrozenWeights(this.frozen, description, config, maximumBinding);
      const sites = loraSites(llamaShape(model), config);
      const parameters = loraParameters(sites, config.r);
      this.parameters = new ParameterSet(this.trained, parameters, maximumBinding);
      const { parameters: trained } = this;
      this.lora = { sites, parameters: trained, rank: config.r, scale: loraScale(config) };
    }
    this.activationType = activationType(device.features);
    this.graph = new TrainingGraph({
      config: model,
      weights: this.weights,
      parameters: this.parameters,
      lora: this.lora,
      loraDropout: config.lora_dropout,
      tokens: batch.rows * batch.rowLength,
      rowLength: batch.rowLength,
      gradientCheckpointing: config.gradient_checkpointing,
      activationType: this.activationType,
      maximumBinding,
    });
  }

  /** The largest tensor that a kernel of the run binds. Activations are not split, as weights are. */
  get largestBinding(): Tensor {
    const { accumulate, evaluate, update } = this.graph;
    return largestOf([accumulate, evaluate, update].map((plan) => plan.largestBinding));
  }

  /** @throws GpuError where the device cannot bind that */
  checkBindings(): void {
    const limit = this.device.limits.maxStorageBufferBindingSize;
    checkBinding(
      this.largestBinding,
      limit,
      'take a smaller micro_batch_size or a shorter max_seq_length',
    );
  }

  /** Bytes that the run will take, by purpose; what the ledger of the device shows once everything is allocated. */
  get memory(): MemoryByPurpose {
    const sum = addMemory(this.frozen.memory, this.trained.memory, this.graph.set.memory);
    const { accumulate, evaluate, update } = this.graph;
    const { minUniformBufferOffsetAlignment } = this.device.limits;
    for (const plan of [accumulate, evaluate, update]) {
      const { words } = layoutParams(plan, minUniformBufferOffsetAlignment);
      sum.workspace += words.byteLength;
    }
    return sum;
  }
}
