/** A model's blocks as linears that kernels can be recorded with, adapters included. */

import { TARGET_MODULES, type TargetModule } from '../config';
import type { Linear, Lora } from '../engine/ops/linear';
import type { Tensor } from '../engine/tensor';
import type { Block, BlockGradients } from './block-tensors';
import { linearName } from './llama-shape';
import type { LlamaWeights } from './llama-weights';
import type { LoraSite } from './lora';
import type { ParameterSet } from './parameter-set';

/** An adapter that is part of a model. */
export interface AttachedLora {
  readonly sites: readonly LoraSite[];
  readonly parameters: ParameterSet;
  readonly rank: number;
  /** alpha / rank, or alpha / √rank. */
  readonly scale: number;
}

/** Dropout of a pass: its probability and where its seed (u32 [1]) lies. */
export interface Dropout {
  readonly probability: number;
  readonly seed: Tensor;
}

/** The blocks of a model, each linear with its adapter where it has one. */
export function makeBlocks(
  weights: LlamaWeights,
  lora: AttachedLora | null,
  dropout: Dropout,
): Block[] {
  const adapters = new Map(
    lora?.sites.map((site, index) => [site.name, attach(lora, site, index, dropout)]),
  );
  return weights.blocks.map((block, layer) => {
    const linear = (module: TargetModule): Linear => {
      const name = linearName(layer, module);
      const adapter = adapters.get(name);
      return { label: name, ...block.linears[module], ...(adapter && { lora: adapter }) };
    };
    return {
      label: `layers.${layer}`,
      inputNorm: block.inputNorm,
      postAttentionNorm: block.postAttentionNorm,
      linears: Object.fromEntries(
        TARGET_MODULES.map((module) => [module, linear(module)]),
      ) as Record<TargetModule, Linear>,
    };
  });
}

/** Where the adapter gradients of a layer go. */
export function loraGradientsOf(lora: AttachedLora, layer: number): BlockGradients['lora'] {
  return Object.fromEntries(
    lora.sites
      .filter((site) => site.layer === layer)
      .map(({ name, module }) => [
        module,
        {
          dA: lora.parameters.gradient(`${name}.lora_A`),
          dB: lora.parameters.gradient(`${name}.lora_B`),
        },
      ]),
  );
}

function attach(lora: AttachedLora, { name }: LoraSite, site: number, dropout: Dropout): Lora {
  return {
    rank: lora.rank,
    scale: lora.scale,
    A: lora.parameters.value(`${name}.lora_A`),
    B: lora.parameters.value(`${name}.lora_B`),
    dropout: dropout.probability,
    seed: dropout.seed,
    site,
  };
}
