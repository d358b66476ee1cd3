/** What the Llamas of other libraries share: the run that they are given, and its weights as arrays of whichever library. */

import { TARGET_MODULES, type TargetModule } from '../src/config';
import type { PackedBatch } from '../src/data/batches';
import type { UpdateSettings } from '../src/engine/ops/optimizer';
import { decodeFloats } from '../src/formats/float-codec';
import type { LlamaConfig } from '../src/formats/llama-config';
import type { LlamaFolder } from '../src/formats/llama-folder';
import { EMBEDDING, HEAD } from '../src/formats/llama-tensors';
import type { LoraWeights } from '../src/formats/peft-adapter';
import { linearName, linearShape, llamaShape } from '../src/model/llama-shape';
import { FINAL_NORM } from '../src/model/llama-weights';
import { ropeFrequencies } from '../src/model/rope-frequencies';

/** What is trained, on what and how. */
export interface LlamaRun {
  readonly folder: LlamaFolder;
  /** The adapter's first weights by the linear's name. */
  readonly start: ReadonlyMap<string, LoraWeights>;
  readonly scale: number;
  /** Rows of one example each. */
  readonly batch: PackedBatch;
  readonly update: UpdateSettings;
}

/** A model with an adapter that is ready to be trained. */
export interface TrainedLlama {
  /** One step; the value is the mean loss before its update. */
  step(): Promise<number>;
}

/** Makes a library's array of f32 values. */
export type MakeArray<T> = (values: Float32Array<ArrayBuffer>, shape: number[]) => T;

/** A head tied to the embedding is left out. */
export type Tables<T> = Record<'embedding' | 'finalNorm', T> & { head?: T };
export type Layer<T> = Record<'inputNorm' | 'postAttentionNorm' | TargetModule, T>;
export type Frozen<T> = [tables: Tables<T>, layers: Layer<T>[]];
export type Lora<T> = Record<'A' | 'B', T>;
export type Adapter<T> = Record<TargetModule, Lora<T>>[];

/** The frozen weights, all of them dense f32. */
export async function loadFrozen<T>(folder: LlamaFolder, make: MakeArray<T>): Promise<Frozen<T>> {
  const { config } = folder;
  const load = async (name: string): Promise<T> => {
    const weight = folder.weight(name);
    if (weight.kind === 'nf4') throw new Error(`${name} is not dense`);
    const { source, offset, length } = weight.tensor;
    return make(decodeFloats(await source.read(offset, length), weight.dtype), [...weight.shape]);
  };
  const layers: Layer<T>[] = [];
  for (let layer = 0; layer < config.num_hidden_layers; layer++) {
    const prefix = `model.layers.${layer}`;
    const linears: [TargetModule, T][] = [];
    for (const module of TARGET_MODULES) {
      linears.push([module, await load(`model.${linearName(layer, module)}.weight`)]);
    }
    layers.push({
      inputNorm: await load(`${prefix}.input_layernorm.weight`),
      postAttentionNorm: await load(`${prefix}.post_attention_layernorm.weight`),
      ...(Object.fromEntries(linears) as Record<TargetModule, T>),
    });
  }
  const tables: Tables<T> = { embedding: await load(EMBEDDING), finalNorm: await load(FINAL_NORM) };
  if (!config.tie_word_embeddings) tables.head = await load(HEAD);
  return [tables, layers];
}

/** The adapter's first weights. */
export function loadAdapter<T>({ folder, start }: LlamaRun, make: MakeArray<T>): Adapter<T> {
  const shape = llamaShape(folder.config);
  return Array.from({ length: folder.config.num_hidden_layers }, (_, layer) => {
    const load = (module: TargetModule): Lora<T> => {
      const name = linearName(layer, module);
      const weights = start.get(name);
      if (!weights) throw new Error(`there is no adapter for ${name}`);
      const [out, input] = linearShape(shape, module);
      return {
        A: make(weights.A, [weights.A.length / input, input]),
        B: make(weights.B, [out, weights.B.length / out]),
      };
    };
    return Object.fromEntries(
      TARGET_MODULES.map((module) => [module, load(module)]),
    ) as Adapter<T>[number];
  });
}

/** Cosines and sines of RoPE's angles, both [rowLength, 1, headDim / 2]. */
export function ropeTables<T>(
  config: LlamaConfig,
  rowLength: number,
  make: MakeArray<T>,
): Record<'cosine' | 'sine', T> {
  const half = config.head_dim / 2;
  const frequencies = ropeFrequencies(config);
  const table = (turn: (angle: number) => number): T => {
    const values = Float32Array.from({ length: rowLength * half }, (_, i) =>
      turn(Math.fround(Math.floor(i / half) * (frequencies[i % half] ?? 0))),
    );
    return make(values, [rowLength, 1, half]);
  };
  return { cosine: table(Math.cos), sine: table(Math.sin) };
}

/** What each token is to predict, 0 where it predicts nothing, and 1 for those that count, else 0. */
export function targetsOf({ targets }: PackedBatch): {
  targets: Int32Array<ArrayBuffer>;
  trained: Float32Array<ArrayBuffer>;
} {
  return {
    targets: Int32Array.from(targets, (target) => Math.max(target, 0)),
    trained: Float32Array.from(targets, (target) => (target < 0 ? 0 : 1)),
  };
}
