/** From a model's files to a model on the GPU, ready to train. */

import type { TrainingConfig } from '../config';
import type { Runtime } from '../engine/runtime';
import { InputError } from '../errors';
import type { LlamaFolder } from '../formats/llama-folder';
import type { LoraAdapter, LoraWeights } from '../formats/peft-adapter';
import { LlamaTraining } from './llama-training';
import { describeFolder } from './llama-weights';
import { loadWeights, type LoadOptions } from './load-weights';
import { initialLora, type LoraSettings } from './lora';
import type { ParameterSet } from './parameter-set';
import { PlannedTraining, type BatchShape } from './planned-training';
import type { TrainableState, TrainedParameter } from './trainable';

/** A model in GPU memory that can be trained. */
export interface OpenTraining {
  readonly planned: PlannedTraining;
  readonly model: LlamaTraining;
  /** Frees everything that {@link openTraining} allocated. */
  destroy(): void;
}

export interface TrainingSource {
  readonly folder: LlamaFolder;
  readonly config: TrainingConfig;
  readonly batch: BatchShape;
  /** Where an adapter starts from; without it, as PEFT starts one, from the configuration's seed. */
  readonly adapter?: LoraAdapter | undefined;
}

/**
 * Plans, allocates and loads a model for training.
 * @throws GpuError where memory does not suffice, InputError where the files do not serve; nothing stays allocated then.
 */
export async function openTraining(
  runtime: Runtime,
  source: TrainingSource,
  options: LoadOptions = {},
): Promise<OpenTraining> {
  const { folder, config, batch } = source;
  refuseQuantisedFull(folder, config);
  const { gpu } = runtime;
  const planned = new PlannedTraining(describeFolder(folder), config, batch, gpu);
  planned.checkBindings();
  const free = (): void => {
    planned.trained.destroy();
    planned.frozen.destroy();
  };
  try {
    await planned.frozen.materialise(gpu);
    await planned.trained.materialise(gpu);
    await loadWeights(runtime, folder, planned.weights, options);
    if (planned.lora) {
      const { sites, rank } = planned.lora;
      const start = source.adapter?.weights ?? initialLora(sites, rank, config.seed);
      writeLora(runtime, planned.parameters, start);
    }
    const model = await LlamaTraining.create(runtime, planned.graph, planned.parameters);
    return {
      planned,
      model,
      destroy() {
        model.destroy();
        free();
      },
    };
  } catch (error) {
    planned.graph.set.destroy();
    free();
    throw error;
  }
}

/** Sets an adapter's matrices in GPU memory. */
export function writeLora(
  { gpu }: Runtime,
  parameters: ParameterSet,
  weights: ReadonlyMap<string, LoraWeights>,
): void {
  for (const [name, { A, B }] of weights) {
    parameters.write(gpu, `${name}.lora_A`, 'parameters', A);
    parameters.write(gpu, `${name}.lora_B`, 'parameters', B);
  }
}

/** The adapter that a run's trained parameters are. */
export function trainedAdapter(
  parameters: readonly Pick<TrainedParameter, 'name'>[],
  state: Pick<TrainableState, 'parameters'>,
  settings: LoraSettings,
  baseModel: string,
): LoraAdapter {
  const values = new Map(parameters.map(({ name }, index) => [name, state.parameters[index]]));
  const sites = parameters
    .filter(({ name }) => name.endsWith('.lora_A'))
    .map(({ name }) => name.slice(0, -'.lora_A'.length));
  const weights = sites.map((site): [string, LoraWeights] => {
    const A = values.get(`${site}.lora_A`);
    const B = values.get(`${site}.lora_B`);
    if (!A || !B) throw new Error(`the state lacks the adapter of ${site}`);
    return [site, { A, B }];
  });
  const { r, lora_alpha, lora_dropout, use_rslora, target_modules } = settings;
  return {
    config: {
      base_model_name_or_path: baseModel,
      r,
      lora_alpha,
      lora_dropout,
      use_rslora,
      target_modules,
    },
    weights: new Map(weights),
  };
}

function refuseQuantisedFull(folder: LlamaFolder, { method, quantization }: TrainingConfig): void {
  if (method !== 'full' || quantization === 'none') return;
  const packed = folder.names.find((name) => folder.weight(name).kind === 'nf4');
  if (packed === undefined) return;
  throw new InputError(
    `${packed} is stored in NF4, which method "full" cannot train; set quantization to "none" to train its dequantised values`,
    { file: folder.name },
  );
}
