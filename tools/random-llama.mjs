/**
 * `node tools/random-llama.mjs --out DIR`: a Llama with seeded random weights and the shape of Llama 3.2 1B, or a smaller one by options, as a
 * Hugging Face folder: bf16, sharded with an index, no tokenizer. For trying sizes without downloading anything; it holds no knowledge.
 */
import { open, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runTool, say, SetupError } from './process.mjs';

/** The shape of Llama 3.2 1B; each can be given as an option. */
const SHAPE = {
  'vocab-size': 128_256,
  'hidden-size': 2048,
  layers: 16,
  heads: 32,
  'key-value-heads': 8,
  'head-dim': 64,
  'intermediate-size': 8192,
  shards: 2,
  seed: 1,
};
const BYTES_PER_WEIGHT = 2;
const PIECE_WEIGHTS = 2 ** 20;
const BF16_ONE = 0x3f80;

/**
 * A tensor of the model; `deviation` 0 stands for a norm, whose weights are all one.
 *
 * @typedef {{ name: string, shape: number[], deviation: number }} Tensor
 */

await runTool(async () => {
  const { out, shape } = readOptions();
  await mkdir(out, { recursive: true });
  const tensors = tensorsOf(shape);
  const shards = split(tensors, shape.shards);
  /** @type {Record<string, string>} */
  const weightMap = {};
  for (const [index, shard] of shards.entries()) {
    const name = shardName(index, shards.length);
    say(`writing ${name}: ${(bytesOf(shard) / 1e9).toFixed(2)} GB.`);
    await writeShard(join(out, name), shard, shape.seed);
    for (const tensor of shard) weightMap[tensor.name] = name;
  }
  if (shards.length > 1) {
    const index = { metadata: { total_size: bytesOf(tensors) }, weight_map: weightMap };
    await writeJson(join(out, 'model.safetensors.index.json'), index);
  }
  await writeJson(join(out, 'config.json'), configOf(shape));
  return 0;
});

/** @returns {{ out: string, shape: typeof SHAPE }} */
function readOptions() {
  /** @type {Record<string, { type: 'string' }>} */
  const options = { out: { type: 'string' } };
  for (const name of Object.keys(SHAPE)) options[name] = { type: 'string' };
  const { out, ...given } = parseArgs({ options }).values;
  if (typeof out !== 'string') throw new SetupError('--out must name the folder to write.');
  const shape = { ...SHAPE };
  for (const [name, text] of Object.entries(given)) {
    const value = Number(text);
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new SetupError(`--${name} must be a whole number from 1, not "${String(text)}".`);
    }
    Object.assign(shape, { [name]: value });
  }
  return { out, shape };
}

/**
 * All tensors in the order of the layers. The head is tied to the embedding, as in the model that this imitates.
 *
 * @param {typeof SHAPE} shape
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

/** @param {typeof SHAPE} shape */
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
