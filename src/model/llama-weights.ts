/** The matrices and vectors of a Llama in GPU memory: which there are, and in which format each is kept. */

import { TARGET_MODULES, type TargetModule, type TrainingConfig } from '../config';
import type { Tensor, TensorSet } from '../engine/tensor';
import { declareWeight, type Weight, type WeightFormat } from '../engine/weight';
import type { LlamaConfig } from '../formats/llama-config';
import type { LlamaFolder, StoredWeight } from '../formats/llama-folder';
import { EMBEDDING, HEAD } from '../formats/llama-tensors';
import { hasBias, linearName, linearShape, llamaShape } from './llama-shape';
import type { ParameterSet } from './parameter-set';
import type { TrainedParameter } from './trainable';

/** A linear's weight with its bias. */
export interface LinearWeights {
  readonly weight: Weight;
  readonly bias?: Tensor;
}

/** One transformer block. */
export interface BlockWeights {
  readonly inputNorm: Tensor;
  readonly postAttentionNorm: Tensor;
  readonly linears: Readonly<Record<TargetModule, LinearWeights>>;
}

/** A whole model; `head` is `embedding` itself where the two are tied. */
export interface LlamaWeights {
  readonly embedding: Weight;
  readonly blocks: readonly BlockWeights[];
  readonly finalNorm: Tensor;
  readonly head: Weight;
}

/** How a stored weight's file holds it. */
export type StoredFormat = 'f32' | 'f16' | 'bf16' | 'nf4' | 'nf4_flat';

/** A model's configuration and how its weights are stored: all that planning needs to know of its files. */
export interface ModelDescription {
  readonly config: LlamaConfig;
  /** @param name Hugging Face's, such as `model.layers.0.self_attn.q_proj.weight`. */
  stored(name: string): StoredFormat;
}

/** How a model is kept: its linears, and its embedding and head. */
export type QuantizationSettings = Pick<TrainingConfig, 'quantization' | 'head_quantization'>;

export const FINAL_NORM = 'model.norm.weight';

/** The description of a folder's model. */
export function describeFolder(folder: LlamaFolder): ModelDescription {
  return {
    config: folder.config,
    stored: (name) => storedFormat(folder.weight(name)),
  };
}

/** The format of a weight in its file. */
export function storedFormat(weight: StoredWeight): StoredFormat {
  if (weight.kind === 'nf4') return weight.absmax.kind === 'nested' ? 'nf4' : 'nf4_flat';
  return ({ F32: 'f32', F16: 'f16', BF16: 'bf16' } as const)[weight.dtype];
}

/** Every matrix and vector of a model, a tied head once. */
export function weightsOf(weights: LlamaWeights): { matrices: Weight[]; vectors: Tensor[] } {
  const matrices = new Set([weights.embedding, weights.head]);
  const vectors = new Set([weights.finalNorm]);
  for (const block of weights.blocks) {
    vectors.add(block.inputNorm).add(block.postAttentionNorm);
    for (const { weight, bias } of Object.values(block.linears)) {
      matrices.add(weight);
      if (bias) vectors.add(bias);
    }
  }
  return { matrices: [...matrices], vectors: [...vectors] };
}

/** The format that a linear is kept in. */
export function linearFormat(stored: StoredFormat, settings: QuantizationSettings): WeightFormat {
  const isNf4 = stored === 'nf4' || stored === 'nf4_flat';
  if (settings.quantization === 'nf4') return isNf4 ? stored : 'nf4';
  return settings.quantization === 'none' && isNf4 ? 'f32' : stored;
}

/** Declares a frozen model, each weight in the format that the settings make of the stored one. */
export function declareFrozenWeights(
  set: TensorSet,
  description: ModelDescription,
  settings: QuantizationSettings,
  maximumBinding: number,
): LlamaWeights {
  const vector = (name: string, size: number): Tensor => set.tensor(name, [size], 'f32', 'weights');
  const outer = settings.head_quantization === 'q8_0' ? 'q8_0' : undefined;
  return assemble(description.config, {
    vector,
    table: (name, shape) =>
      declareWeight(set, name, shape, outer ?? denseFormat(description, name), maximumBinding),
    linear: (name, shape) => {
      const format = linearFormat(description.stored(name), settings);
      return declareWeight(set, name, shape, format, maximumBinding);
    },
  });
}

/** The model whose weights are the trained parameters themselves, or with `gradients` their gradients. */
export function trainedWeights(
  config: LlamaConfig,
  parameters: ParameterSet,
  what: 'parameters' | 'gradients',
): LlamaWeights {
  const matrix = (name: string): Weight =>
    what === 'parameters' ? parameters.weight(name) : parameters.weightGradient(name);
  const vector = (name: string): Tensor =>
    what === 'parameters' ? parameters.value(name) : parameters.gradient(name);
  return assemble(config, { vector, table: matrix, linear: matrix });
}

/** Every weight of a model as a parameter of full fine-tuning, by Hugging Face's names; norms and biases are not decayed. */
export function modelParameters(config: LlamaConfig): TrainedParameter[] {
  const parameters: TrainedParameter[] = [];
  const matrix = (name: string, shape: readonly [number, number]): number =>
    parameters.push({ name, shape, decay: true });
  assemble(config, {
    vector: (name, size) => parameters.push({ name, shape: [size], decay: false }),
    table: matrix,
    linear: matrix,
  });
  return parameters;
}

function denseFormat(description: ModelDescription, name: string): WeightFormat {
  const stored = description.stored(name);
  if (stored === 'nf4' || stored === 'nf4_flat') {
    throw new Error(`${name} is stored in NF4, which only linears are`);
  }
  return stored;
}

/** How each kind of weight is made. */
interface Maker<Matrix, Vector> {
  vector(name: string, size: number): Vector;
  /** Embedding and head. */
  table(name: string, shape: readonly [number, number]): Matrix;
  linear(name: string, shape: readonly [number, number]): Matrix;
}

/** Walks a model's weights in the order of the forward pass. */
function assemble<Matrix, Vector>(config: LlamaConfig, make: Maker<Matrix, Vector>) {
  const shape = llamaShape(config);
  const { hidden, vocabulary } = shape;
  const embedding = make.table(EMBEDDING, [vocabulary, hidden]);
  const blocks = Array.from({ length: shape.layers }, (_, layer) => {
    const inputNorm = make.vector(`model.layers.${layer}.input_layernorm.weight`, hidden);
    const linear = (module: TargetModule) => {
      const name = `model.${linearName(layer, module)}`;
      const [out, input] = linearShape(shape, module);
      const weight = make.linear(`${name}.weight`, [out, input]);
      return hasBias(config, module)
        ? { weight, bias: make.vector(`${name}.bias`, out) }
        : { weight };
    };
    const linears = Object.fromEntries(
      TARGET_MODULES.map((module) => [module, linear(module)]),
    ) as Record<TargetModule, { weight: Matrix; bias?: Vector }>;
    const postAttentionNorm = make.vector(
      `model.layers.${layer}.post_attention_layernorm.weight`,
      hidden,
    );
    return { inputNorm, postAttentionNorm, linears };
  });
  const finalNorm = make.vector(FINAL_NORM, hidden);
  const head = config.tie_word_embeddings ? embedding : make.table(HEAD, [vocabulary, hidden]);
  return { embedding, blocks, finalNorm, head };
}
