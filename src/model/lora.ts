/** Low-rank adapters: what is trained, how it starts, and its way to and from a PEFT adapter. */

import type { TargetModule, TrainingConfig } from '../config';
import type { LoraWeights } from '../formats/peft-adapter';
import { linearName, linearShape, type LlamaShape } from './llama-shape';
import type { TrainedParameter } from './trainable';

/** The part of the configuration that decides an adapter. */
export type LoraSettings = Pick<
  TrainingConfig,
  'r' | 'lora_alpha' | 'lora_dropout' | 'use_rslora' | 'target_modules'
>;

/** The factor of B·A·x: alpha / r, or alpha / √r with rank-stabilised LoRA (Kalajdzievski 2023). */
export function loraScale({ r, lora_alpha, use_rslora }: LoraSettings): number {
  return lora_alpha / (use_rslora ? Math.sqrt(r) : r);
}

/** One adapted linear. */
export interface LoraSite {
  /** `layers.0.self_attn.q_proj` */
  readonly name: string;
  readonly layer: number;
  readonly module: TargetModule;
  readonly out: number;
  readonly in: number;
}

/** Every adapted linear, layer by layer in the order of the forward pass. */
export function loraSites(shape: LlamaShape, settings: LoraSettings): LoraSite[] {
  return Array.from({ length: shape.layers }, (_, layer) =>
    settings.target_modules.map((module) => {
      const [out, input] = linearShape(shape, module);
      return { name: linearName(layer, module), layer, module, out, in: input };
    }),
  ).flat();
}

/** A [r, in] and B [out, r] of every site. */
export function loraParameters(sites: readonly LoraSite[], r: number): TrainedParameter[] {
  return sites.flatMap((site) => [
    { name: `${site.name}.lora_A`, shape: [r, site.in], decay: true },
    { name: `${site.name}.lora_B`, shape: [site.out, r], decay: true },
  ]);
}

/**
 * How PEFT starts an adapter: A kaiming-uniform with a = √5, which is uniform within ±1/√in, and B zero. The numbers come from our own
 * seeded generator, so a seed gives the same adapter everywhere, though not torch's.
 */
export function initialLora(
  sites: readonly LoraSite[],
  r: number,
  seed: number,
): Map<string, LoraWeights> {
  return new Map(
    sites.map((site, index) => {
      const random = counterBasedUniform(seed, index);
      const bound = 1 / Math.sqrt(site.in);
      const A = Float32Array.from({ length: r * site.in }, () => bound * (2 * random() - 1));
      return [site.name, { A, B: new Float32Array(site.out * r) }];
    }),
  );
}

/** Uniform numbers in [0, 1) of 32 bits: the n-th depends on seed, stream and n alone (the finaliser of MurmurHash3 over a counter). */
function counterBasedUniform(seed: number, stream: number): () => number {
  const key = mix((seed ^ mix(stream + 0x9e3779b9)) >>> 0);
  let counter = 0;
  return () => mix((key + Math.imul(++counter, 0x9e3779b9)) >>> 0) / 2 ** 32;
}

function mix(value: number): number {
  let x = value >>> 0;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}
