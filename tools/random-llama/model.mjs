/** Llamas with seeded random weights, for trying sizes without downloading anything; they hold no knowledge. */
import { mkdir, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * @typedef {object} Shape
 * @property {number} vocab-size
 * @property {number} hidden-size
 * @property {number} layers
 * @property {number} heads
 * @property {number} key-value-heads
 * @property {number} head-dim
 * @property {number} intermediate-size
 */

/**
 * The shapes of known models, all with a head tied to the embedding.
 *
 * @satisfies {Record<string, Shape>}
 */
export const SHAPES = {
  'smollm2-135m': {
    'vocab-size': 49_152,
    'hidden-size': 576,
    layers: 30,
    heads: 9,
    'key-value-heads': 3,
    'head-dim': 64,
    'intermediate-size': 1536,
  },
  'llama-3.2-1b': {
    'vocab-size': 128_256,
    'hidden-size': 2048,
    layers: 16,
    heads: 32,
    'key-value-heads': 8,
    'head-dim': 64,
    'intermediate-size': 8192,
  },
};

const BYTES_PER_WEIGHT = 2;
const PIECE_WEIGHTS = 2 ** 20;
const BF16_ONE = 0x3f80;

/**
 * A tensor of the model; `deviation` 0 stands for a norm, whose weights are all one.
 *
 * @typedef {{ name: string, shape: number[], deviation: number }} Tensor
 */

/**
 * Writes a model as a Hugging Face folder: bf16, with an index where it has several shards, no tokenizer.
 *
 * @param {string} out made where it is not there yet
 * @param {Shape} shape
 * @param {{ shards?: number, seed?: number }} [options]
 */
export async function writeRandomLlama(out, shape, { shards: count = 1, seed = 1 } = {}) {
  await mkdir(out, { recursive: true });
  const tensors = tensorsOf(shape);
  const shards = split(tensors, count);
  /** @type {Record<string, string>} */
  const weightMap = {};
  for (const [index, shard] of shards.entries()) {
    const name = shardName(index, shards.length);
    await writeShard(join(out, name), shard, seed);
    for (const tensor of shard) weightMap[tensor.name] = name;
  }
  if (shards.length > 1) {
    const index = { metadata: { total_size: bytesOf(tensors) }, weight_map: weightMap };
    await writeJson(join(out, 'model.safetensors.index.json'), index);
  }
  await writeJson(join(out, 'config.json'), configOf(shape));
}

/**
 * All tensors in the order of the layers. The head is tied to the embedding, as in the model that this imitates.
 *
 * @param {Shape} shape
 * @returns {Tensor[]}
 */
function tensorsOf(shape) {
  const hidden = shape['hidden-size'];
  const query = shape.heads * shape['head-dim'];
  const keyValue = shape['key-value-heads'] * shape['head-dim'];
  const feedForward = shape['intermediate-size'];
  /** @type {(name: string, rows: number, columns: number) => Tensor} */
  const linear = (name, rows, columns) => ({
    name,
    shape: [rows, columns],
    deviation: columns ** -0.5,
  });
  /** @type {(name: string) => Tensor} */
  const norm = (name) => ({ name, shape: [hidden], deviation: 0 });
  const embedding = linear('model.embed_tokens.weight', shape['vocab-size'], hidden);
  const blocks = Array.from({ length: shape.layers }, (_, layer) => {
    const block = `model.layers.${layer}`;
    return [
      norm(`${block}.input_layernorm.weight`),
      linear(`${block}.self_attn.q_proj.weight`, query, hidden),
      linear(`${block}.self_attn.k_proj.weight`, keyValue, hidden),
      linear(`${block}.self_attn.v_proj.weight`, keyValue, hidden),
      linear(`${block}.self_attn.o_proj.weight`, hidden, query),
      norm(`${block}.post_attention_layernorm.weight`),
      linear(`${block}.mlp.gate_proj.weight`, feedForward, hidden),
      linear(`${block}.mlp.up_proj.weight`, feedForward, hidden),
      linear(`${block}.mlp.down_proj.weight`, hidden, feedForward),
    ];
  });
  return [embedding, ...blocks.flat(), norm('model.norm.weight')];
}

/**
 * Neighbouring tensors together, in shards of about the same size.
 *
 * @param {Tensor[]} tensors
 * @param {number} count
 */
function split(tensors, count) {
  const share = bytesOf(tensors) / count;
  /** @type {Tensor[][]} */
  const shards = [[]];
  let done = 0;
  for (const tensor of tensors) {
    if (done >= share * shards.length) shards.push([]);
    shards.at(-1)?.push(tensor);
    done += bytesOf([tensor]);
  }
  return shards;
}

/**
 * Writes a safetensors file piece by piece: memory stays small whatever the size of the model.
 *
 * @param {string} path
 * @param {Tensor[]} tensors
 * @param {number} seed
 */
async function writeShard(path, tensors, seed) {
  /** @type {Record<string, unknown>} */
  const header = { __metadata__: { format: 'pt' } };
  let offset = 0;
  for (const tensor of tensors) {
    const end = offset + bytesOf([tensor]);
    header[tensor.name] = {
      dtype: 'BF16',
      shape: tensor.shape,
      data_offsets: [offset, end],
    };
    offset = end;
  }
  const text = JSON.stringify(header);
  const json = Buffer.from(text.padEnd(Math.ceil(text.length / 8) * 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  const file = await open(path, 'w');
  try {
    await file.writeFile(length);
    await file.writeFile(json);
    for (const tensor of tensors) {
      for (const piece of weights(tensor, seed)) await file.writeFile(piece);
    }
  } finally {
    await file.close();
  }
}

/**
 * A tensor's bf16 weights in pieces. They are uniform with the wanted deviation, drawn from a sequence that belongs to the seed and the
 * tensor's name, so that a tensor does not depend on those before it.
 *
 * @param {Tensor} tensor
 * @param {number} seed
 */
function* weights({ name, shape, deviation }, seed) {
  const count = elementsOf(shape);
  const random = sequence(seed, name);
  const width = deviation * Math.sqrt(12);
  const single = new Float32Array(1);
  const bits = new Uint32Array(single.buffer);
  for (let first = 0; first < count; first += PIECE_WEIGHTS) {
    const piece = new Uint16Array(Math.min(PIECE_WEIGHTS, count - first));
    if (deviation === 0) {
      piece.fill(BF16_ONE);
    } else {
      for (let i = 0; i < piece.length; i++) {
        single[0] = width * (random() - 0.5);
        piece[i] = ((bits[0] ?? 0) + 0x8000) >>> 16;
      }
    }
    yield new Uint8Array(piece.buffer);
  }
}

/**
 * Numbers in [0, 1) by xorshift32 (Marsaglia 2003), begun from an FNV-1a hash of seed and name.
 *
 * @param {number} seed
 * @param {string} name
 */
function sequence(seed, name) {
  let state = 0x811c9dc5;
  for (const byte of Buffer.from(`${seed}:${name}`)) {
    state = Math.imul(state ^ byte, 0x01000193);
  }
  if (state === 0) state = 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** @param {Shape} shape */
function configOf(shape) {
  return {
    architectures: ['LlamaForCausalLM'],
    attention_bias: false,
    bos_token_id: 0,
    eos_token_id: 1,
    head_dim: shape['head-dim'],
    hidden_act: 'silu',
    hidden_size: shape['hidden-size'],
    intermediate_size: shape['intermediate-size'],
    max_position_embeddings: 131_072,
    mlp_bias: false,
    model_type: 'llama',
    num_attention_heads: shape.heads,
    num_hidden_layers: shape.layers,
    num_key_value_heads: shape['key-value-heads'],
    rms_norm_eps: 1e-5,
    rope_scaling: {
      factor: 32,
      high_freq_factor: 4,
      low_freq_factor: 1,
      original_max_position_embeddings: 8192,
      rope_type: 'llama3',
    },
    rope_theta: 500_000,
    tie_word_embeddings: true,
    torch_dtype: 'bfloat16',
    vocab_size: shape['vocab-size'],
  };
}

/** @param {number[]} shape */
function elementsOf(shape) {
  return shape.reduce((product, extent) => product * extent, 1);
}

/** @param {Tensor[]} tensors */
function bytesOf(tensors) {
  return tensors.reduce((sum, { shape }) => sum + BYTES_PER_WEIGHT * elementsOf(shape), 0);
}

/**
 * @param {number} index
 * @param {number} count
 */
function shardName(index, count) {
  if (count === 1) return 'model.safetensors';
  /** @type {(number: number) => string} */
  const digits = (number) => String(number).padStart(5, '0');
  return `model-${digits(index + 1)}-of-${digits(count)}.safetensors`;
}

/**
 * @param {string} path
 * @param {unknown} value
 */
function writeJson(path, value) {
  return writeFile(path, `${JSON.stringify(value, null, 2)}\n`);
}
