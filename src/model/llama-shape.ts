/** The sizes of a Llama that its kernels are dispatched with. */

import type { TargetModule } from '../config';
import type { LlamaConfig } from '../formats/llama-config';

/** Sizes derived from `config.json`; `hidden`, `query`, `keyValue` and `feedForward` are widths of activations. */
export interface LlamaShape {
  readonly layers: number;
  readonly hidden: number;
  /** heads · headDim */
  readonly query: number;
  /** kvHeads · headDim */
  readonly keyValue: number;
  readonly feedForward: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly vocabulary: number;
}

/** The shape of a configuration. */
export function llamaShape(config: LlamaConfig): LlamaShape {
  const { num_attention_heads: heads, num_key_value_heads: kvHeads, head_dim: headDim } = config;
  return {
    layers: config.num_hidden_layers,
    hidden: config.hidden_size,
    query: heads * headDim,
    keyValue: kvHeads * headDim,
    feedForward: config.intermediate_size,
    heads,
    kvHeads,
    headDim,
    vocabulary: config.vocab_size,
  };
}

/** [out, in] of a linear. */
export function linearShape(shape: LlamaShape, module: TargetModule): [out: number, input: number] {
  const { hidden, query, keyValue, feedForward } = shape;
  switch (module) {
    case 'q_proj':
      return [query, hidden];
    case 'k_proj':
    case 'v_proj':
      return [keyValue, hidden];
    case 'o_proj':
      return [hidden, query];
    case 'gate_proj':
    case 'up_proj':
      return [feedForward, hidden];
    case 'down_proj':
      return [hidden, feedForward];
  }
}

/** `layers.0.self_attn.q_proj`: a linear's name inside the model, as PEFT's keys hold it. */
export function linearName(layer: number, module: TargetModule): string {
  const group = /^[qkvo]_/.test(module) ? 'self_attn' : 'mlp';
  return `layers.${layer}.${group}.${module}`;
}

/** Whether the configuration gives this linear a bias. */
export function hasBias(config: LlamaConfig, module: TargetModule): boolean {
  return /^[qkvo]_/.test(module) ? config.attention_bias : config.mlp_bias;
}
