import type { LlamaConfig } from './llama-config';

export const EMBEDDING = 'model.embed_tokens.weight';
export const HEAD = 'lm_head.weight';

/** What a Llama's files must hold under one name. */
export interface ExpectedTensor {
  readonly shape: readonly number[];
  /** The weight of one of the seven linear layers of a block: the only ones that may be quantised. */
  readonly linear: boolean;
}

/** Every tensor of a Llama by its Hugging Face name, in the order of the forward pass. */
export function expectedTensors(config: LlamaConfig): Map<string, ExpectedTensor> {
  const { hidden_size: hidden, intermediate_size: intermediate, vocab_size: vocabulary } = config;
  const queries = config.num_attention_heads * config.head_dim;
  const keys = config.num_key_value_heads * config.head_dim;
  const tensors = new Map<string, ExpectedTensor>();
  const dense = (name: string, ...shape: number[]) =>
    void tensors.set(name, { shape, linear: false });
  const linear = (name: string, out: number, input: number, bias: boolean) => {
    tensors.set(`${name}.weight`, { shape: [out, input], linear: true });
    if (bias) dense(`${name}.bias`, out);
  };

  dense(EMBEDDING, vocabulary, hidden);
  for (let layer = 0; layer < config.num_hidden_layers; layer++) {
    const block = `model.layers.${layer}`;
    dense(`${block}.input_layernorm.weight`, hidden);
    linear(`${block}.self_attn.q_proj`, queries, hidden, config.attention_bias);
    linear(`${block}.self_attn.k_proj`, keys, hidden, config.attention_bias);
    linear(`${block}.self_attn.v_proj`, keys, hidden, config.attention_bias);
    linear(`${block}.self_attn.o_proj`, hidden, queries, config.attention_bias);
    dense(`${block}.post_attention_layernorm.weight`, hidden);
    linear(`${block}.mlp.gate_proj`, intermediate, hidden, config.mlp_bias);
    linear(`${block}.mlp.up_proj`, intermediate, hidden, config.mlp_bias);
    linear(`${block}.mlp.down_proj`, hidden, intermediate, config.mlp_bias);
  }
  dense('model.norm.weight', hidden);
  if (!config.tie_word_embeddings) dense(HEAD, vocabulary, hidden);
  return tensors;
}

/**
 * Whether a model's file may hold a tensor that the model does not use: the rotary frequencies that old checkpoints carry (they
 * follow from the configuration), and a copy of the embedding under the head's name where the two are tied.
 */
export function isUnusedTensor(name: string, config: LlamaConfig): boolean {
  return (
    /^model\.layers\.\d+\.self_attn\.rotary_emb\.inv_freq$/.test(name) ||
    (config.tie_word_embeddings && name === HEAD)
  );
}
