import { InputError } from '../errors';
import { openRequired, type FileFolder } from './byte-source';
import { readJson } from './json';
import { parseLlamaConfig, type LlamaConfig } from './llama-config';
import { expectedTensors, isUnusedTensor, type ExpectedTensor } from './llama-tensors';
import { openModelTensors } from './model-shards';
import { isNf4Weight, nf4TensorNames, readNf4Weight } from './nf4-weight';
import { quoted, quotedList } from './quoted';
import type { TensorEntry } from './safetensors';
import type { DenseWeight, StoredWeight } from './stored-weight';
import { isDenseDtype } from './tensor-dtype';
import { settleTiedHead } from './tied-head';

export type { DenseWeight, Nf4Absmax, Nf4Weight, StoredWeight } from './stored-weight';

/** A Llama as Hugging Face lays it out in a folder: its configuration and where each of its weights lies, all checked. */
export interface LlamaFolder {
  readonly name: string;
  /** The folder itself, for the tokenizer's files. */
  readonly folder: FileFolder;
  /** What `config.json` says, but for a head that it calls tied and the weights do not. */
  readonly config: LlamaConfig;
  /** Module names as Hugging Face spells them, such as `model.layers.0.self_attn.q_proj.weight`, in the order of the forward pass. */
  readonly names: readonly string[];
  has(name: string): boolean;
  /** Throws where the model has no weight of that name. */
  weight(name: string): StoredWeight;
}

const MAXIMUM_CONFIG_BYTES = 1024 * 1024;

/**
 * Opens a Llama's folder: reads the configuration and the headers of its weights, and checks that every weight the model needs is
 * there in the right shape and type, and nothing else. The weights themselves stay where they are.
 *
 * @throws InputError that names the file and the keys or tensors at fault
 */
export async function openLlamaFolder(folder: FileFolder): Promise<LlamaFolder> {
  const { config, tensors } = await settleTiedHead(
    await readLlamaConfig(folder),
    await openModelTensors(folder),
  );
  const weights = await gatherWeights(config, tensors);
  return {
    name: folder.name,
    folder,
    config,
    names: [...weights.keys()],
    has: (name) => weights.has(name),
    weight(name) {
      const weight = weights.get(name);
      if (weight === undefined) throw new Error(`the model has no weight named ${name}`);
      return weight;
    },
  };
}

/** The configuration of a Llama's folder, `generation_config.json` considered. */
export async function readLlamaConfig(folder: FileFolder): Promise<LlamaConfig> {
  const config = await openRequired(folder, 'config.json');
  const generation = await folder.open('generation_config.json');
  return parseLlamaConfig(
    await readJson(config, MAXIMUM_CONFIG_BYTES),
    config.name,
    generation && (await readJson(generation, MAXIMUM_CONFIG_BYTES)),
  );
}

async function gatherWeights(
  config: LlamaConfig,
  tensors: ReadonlyMap<string, TensorEntry>,
): Promise<Map<string, StoredWeight>> {
  const expected = expectedTensors(config);
  const missing = [...expected.keys()].filter((name) => !tensors.has(name));
  if (missing.length > 0) {
    throw new InputError(`the model's files lack the tensors ${quotedList(missing)}`);
  }
  const weights = new Map<string, StoredWeight>();
  const superfluous = new Set(tensors.keys());
  for (const [name, { shape, linear }] of expected) {
    superfluous.delete(name);
    if (linear && isNf4Weight(name, tensors)) {
      const weight = await readNf4Weight(name, shape, tensors);
      nf4TensorNames(name, weight).forEach((used) => superfluous.delete(used));
      weights.set(name, weight);
    } else {
      weights.set(name, denseWeight(name, shape, tensors));
    }
  }
  const unknown = [...superfluous].filter((name) => !isUnusedTensor(name, config));
  if (unknown.length > 0) {
    const file = tensors.get(unknown[0] ?? '')?.source.name;
    throw new InputError(`the tensors ${quotedList(unknown)} do not belong to such a Llama`, {
      file,
    });
  }
  return weights;
}

function denseWeight(
  name: string,
  shape: ExpectedTensor['shape'],
  tensors: ReadonlyMap<string, TensorEntry>,
): DenseWeight {
  const tensor = tensors.get(name);
  if (tensor === undefined) throw new InputError(`the tensor ${quoted(name)} is missing`);
  const { dtype } = tensor;
  const fail = (what: string): never => {
    throw new InputError(`the tensor ${quoted(name)} ${what}`, { file: tensor.source.name });
  };
  if (!isDenseDtype(dtype)) {
    return fail(`is of ${dtype}; weights may be F32, F16, BF16 or bitsandbytes' NF4`);
  }
  if (tensor.shape.join() !== shape.join()) {
    return fail(
      `has the shape [${tensor.shape.slice(0, 8).join(', ')}], but config.json asks for [${shape.join(', ')}]`,
    );
  }
  return { kind: 'dense', dtype, shape, tensor };
}
