/** From a model's files to a model on the GPU that writes. */

import { activationType } from '../engine/ops/activation';
import type { Runtime } from '../engine/runtime';
import { checkBinding, TensorSet } from '../engine/tensor';
import type { LlamaFolder } from '../formats/llama-folder';
import type { LoraAdapter } from '../formats/peft-adapter';
import type { AttachedLora } from './blocks';
import { GenerationGraph } from './generation-graph';
import { LlamaGenerator } from './llama-generator';
import { llamaShape } from './llama-shape';
import { declareFrozenWeights, describeFolder, type QuantizationSettings } from './llama-weights';
import { loadWeights, type LoadOptions } from './load-weights';
import { loraParameters, loraScale, loraSites } from './lora';
import { writeLora } from './open-training';
import { ParameterSet } from './parameter-set';

/** A model in GPU memory that writes; adapter 0 is the bare model, 1 the model with its adapter. */
export interface OpenGenerator {
  readonly generator: LlamaGenerator;
  /** What the generator runs; profiles run its plans one launch at a time. */
  readonly graph: GenerationGraph;
  destroy(): void;
}

export interface GeneratorSource {
  readonly folder: LlamaFolder;
  readonly settings: QuantizationSettings;
  readonly adapter?: LoraAdapter | undefined;
  /** Tokens that prompt and answer have together, at most. */
  readonly capacity: number;
  readonly withLogits?: boolean;
}

/** Index of the bare model among a generator's adapters. */
export const BASE = 0;
/** Index of the adapter. */
export const TUNED = 1;

/**
 * Plans, allocates and loads a model for generation.
 * @throws GpuError where memory does not suffice, InputError where the files do not serve; nothing stays allocated then.
 */
export async function openGenerator(
  runtime: Runtime,
  source: GeneratorSource,
  options: LoadOptions = {},
): Promise<OpenGenerator> {
  const { folder, settings, adapter } = source;
  const set = new TensorSet();
  const limit = runtime.gpu.limits.maxStorageBufferBindingSize;
  const weights = declareFrozenWeights(set, describeFolder(folder), settings, limit);
  const lora = adapter ? declareLora(set, folder, adapter, limit) : null;
  const graph = new GenerationGraph({
    config: folder.config,
    weights,
    adapters: lora ? [null, lora] : [null],
    capacity: source.capacity,
    cacheType: activationType(runtime.gpu.features),
    withLogits: source.withLogits ?? false,
  });
  checkBinding(graph.largestBinding, limit, 'give it fewer tokens at a time');
  try {
    await set.materialise(runtime.gpu);
    await loadWeights(runtime, folder, weights, options);
    if (lora && adapter) writeLora(runtime, lora.parameters, adapter.weights);
    const generator = await LlamaGenerator.create(runtime, graph);
    return {
      generator,
      graph,
      destroy() {
        generator.destroy();
        set.destroy();
      },
    };
  } catch (error) {
    graph.set.destroy();
    set.destroy();
    throw error;
  }
}

function declareLora(
  set: TensorSet,
  { config }: LlamaFolder,
  { config: adapter }: LoraAdapter,
  maximumBinding: number,
): AttachedLora {
  const settings = { ...adapter, target_modules: [...adapter.target_modules] };
  const sites = loraSites(llamaShape(config), settings);
  // Gradients and moments come with the parameters: 12 bytes a weight of an adapter that is small beside its model.
  const parameters = new ParameterSet(set, loraParameters(sites, adapter.r), maximumBinding);
  return { sites, parameters, rank: adapter.r, scale: loraScale(settings) };
}
