import { InputError } from '../errors';
import { openRequired, type FileFolder } from './byte-source';
import { decodeFloats, encodeFloats, firstNonFinite } from './float-codec';
import { readJson } from './json';
import type { LlamaConfig } from './llama-config';
import { expectedTensors } from './llama-tensors';
import { parsePeftConfig, peftConfigText, type PeftAdapterConfig } from './peft-config';
import { quoted, quotedList } from './quoted';
import { openSafetensors, readTensor, type TensorEntry } from './safetensors';
import { encodeSafetensors, type TensorInMemory } from './safetensors-writer';
import { isDenseDtype } from './tensor-dtype';

export type { PeftAdapterConfig } from './peft-config';

/** The two factors of one linear layer's update: scale x B A. */
export interface LoraWeights {
  /** [r, in] */
  readonly A: Float32Array<ArrayBuffer>;
  /** [out, r] */
  readonly B: Float32Array<ArrayBuffer>;
}

export interface LoraAdapter {
  readonly config: PeftAdapterConfig;
  /** By the linear layer's name without prefix, such as `layers.0.self_attn.q_proj`, in the order of the forward pass. */
  readonly weights: ReadonlyMap<string, LoraWeights>;
}

export const ADAPTER_WEIGHTS = 'adapter_model.safetensors';
export const ADAPTER_CONFIG = 'adapter_config.json';

const MAXIMUM_CONFIG_BYTES = 1024 * 1024;
const PREFIX = 'base_model.model.model.';

/**
 * Reads a LoRA adapter as PEFT saves it. Weights in F16 and BF16 become 32-bit floats.
 *
 * @param config of the model that the adapter is to go on
 * @throws InputError where the adapter uses what this program cannot compute, or does not fit the model
 */
export async function openPeftAdapter(
  folder: FileFolder,
  config: LlamaConfig,
): Promise<LoraAdapter> {
  const configFile = await openRequired(folder, ADAPTER_CONFIG);
  const adapterConfig = parsePeftConfig(
    await readJson(configFile, MAXIMUM_CONFIG_BYTES),
    configFile.name,
  );
  const { tensors } = await openSafetensors(await openRequired(folder, ADAPTER_WEIGHTS));
  const layers = adaptedLayers(config, adapterConfig);
  checkNames(layers, tensors);

  const weights = new Map<string, LoraWeights>();
  for (const { name, input, out } of layers) {
    weights.set(name, {
      A: await readFactor(tensors, factorName(name, 'A'), [adapterConfig.r, input]),
      B: await readFactor(tensors, factorName(name, 'B'), [out, adapterConfig.r]),
    });
  }
  return { config: adapterConfig, weights };
}

/** The two files that PEFT loads: the weights in F32 and the configuration. */
export function peftAdapterFiles(
  adapter: LoraAdapter,
): { name: string; bytes: Uint8Array<ArrayBuffer> }[] {
  const { r } = adapter.config;
  const tensors: TensorInMemory[] = [];
  for (const [name, { A, B }] of adapter.weights) {
    for (const [factor, values] of [
      ['A', A],
      ['B', B],
    ] as const) {
      const other = values.length / r;
      tensors.push({
        name: factorName(name, factor),
        dtype: 'F32',
        shape: factor === 'A' ? [r, other] : [other, r],
        bytes: encodeFloats(values, 'F32'),
      });
    }
  }
  return [
    { name: ADAPTER_WEIGHTS, bytes: encodeSafetensors(tensors, { format: 'pt' }) },
    { name: ADAPTER_CONFIG, bytes: new TextEncoder().encode(peftConfigText(adapter.config)) },
  ];
}

interface AdaptedLayer {
  readonly name: string;
  readonly out: number;
  readonly input: number;
}

function adaptedLayers(config: LlamaConfig, adapter: PeftAdapterConfig): AdaptedLayer[] {
  const layers: AdaptedLayer[] = [];
  for (const [tensor, { shape, linear }] of expectedTensors(config)) {
    const [, name, module] = /^model\.(layers\.\d+\.\w+\.(\w+))\.weight$/.exec(tensor) ?? [];
    if (!linear || name === undefined) continue;
    if (!adapter.target_modules.some((target) => target === module)) continue;
    const [out = 0, input = 0] = shape;
    layers.push({ name, out, input });
  }
  return layers;
}

function checkNames(
  layers: readonly AdaptedLayer[],
  tensors: ReadonlyMap<string, TensorEntry>,
): void {
  const due = new Set(layers.flatMap(({ name }) => [factorName(name, 'A'), factorName(name, 'B')]));
  const missing = [...due].filter((name) => !tensors.has(name));
  if (missing.length > 0) {
    throw new InputError(
      `the tensors ${quotedList(missing)} are missing; is this an adapter of another model?`,
      { file: ADAPTER_WEIGHTS },
    );
  }
  const superfluous = [...tensors.keys()].filter((name) => !due.has(name));
  if (superfluous.length > 0) {
    throw new InputError(
      `the tensors ${quotedList(superfluous)} have no place in the model; is this an adapter of another model?`,
      { file: ADAPTER_WEIGHTS },
    );
  }
}

async function readFactor(
  tensors: ReadonlyMap<string, TensorEntry>,
  name: string,
  shape: readonly number[],
): Promise<Float32Array<ArrayBuffer>> {
  const tensor = tensors.get(name);
  const fail = (what: string): never => {
    throw new InputError(`the tensor ${quoted(name)} ${what}`, { file: ADAPTER_WEIGHTS });
  };
  if (tensor === undefined) return fail('is missing');
  if (!isDenseDtype(tensor.dtype))
    return fail(`is of ${tensor.dtype}, and must be F32, F16 or BF16`);
  if (tensor.shape.join() !== shape.join()) {
    return fail(
      `has the shape [${tensor.shape.slice(0, 8).join(', ')}], but the model and r ask for [${shape.join(', ')}]`,
    );
  }
  const values = decodeFloats(await readTensor(tensor), tensor.dtype);
  if (firstNonFinite(values) >= 0) return fail('holds a number that is not finite');
  return values;
}

function factorName(layer: string, factor: 'A' | 'B'): string {
  return `${PREFIX}${layer}.lora_${factor}.weight`;
}
