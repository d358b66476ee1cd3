import { memoryFolder } from '../../src/formats/byte-source';
import { openLlamaFolder, type LlamaFolder } from '../../src/formats/llama-folder';
import { zeroTensors } from './files';

/** The configuration of the smallest Llama worth the name. */
export const CONFIG = {
  architectures: ['LlamaForCausalLM'],
  vocab_size: 6,
  hidden_size: 4,
  intermediate_size: 3,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  tie_word_embeddings: true,
};
export type Tensors = Parameters<typeof zeroTensors>[0];
export const BLOCK = 'model.layers.0';
/** Its tensors, all zeros, in three types. */
export const TENSORS: Tensors = {
  'model.embed_tokens.weight': ['F32', 6, 4],
  [`${BLOCK}.input_layernorm.weight`]: ['F32', 4],
  [`${BLOCK}.self_attn.q_proj.weight`]: ['BF16', 4, 4],
  [`${BLOCK}.self_attn.k_proj.weight`]: ['BF16', 2, 4],
  [`${BLOCK}.self_attn.v_proj.weight`]: ['BF16', 2, 4],
  [`${BLOCK}.self_attn.o_proj.weight`]: ['BF16', 4, 4],
  [`${BLOCK}.post_attention_layernorm.weight`]: ['F32', 4],
  [`${BLOCK}.mlp.gate_proj.weight`]: ['F16', 3, 4],
  [`${BLOCK}.mlp.up_proj.weight`]: ['F16', 3, 4],
  [`${BLOCK}.mlp.down_proj.weight`]: ['F16', 4, 3],
  'model.norm.weight': ['F32', 4],
};

export const openTiny = (tensors: Tensors, config: object = {}): Promise<LlamaFolder> =>
  openLlamaFolder(
    memoryFolder('tiny', {
      'config.json': JSON.stringify({ ...CONFIG, ...config }),
      'model.safetensors': zeroTensors(tensors),
    }),
  );
