import { InputError } from '../errors';
import { JsonFields } from './json-fields';
import { quoted } from './quoted';
import { parseRope, type RopeScaling } from './rope-config';

export type { RopeScaling } from './rope-config';

/** What `config.json` says of a Llama, under its own names, checked, with everything derived that it may leave out. */
export interface LlamaConfig {
  readonly vocab_size: number;
  readonly hidden_size: number;
  readonly intermediate_size: number;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly num_key_value_heads: number;
  readonly head_dim: number;
  readonly rms_norm_eps: number;
  readonly rope_theta: number;
  readonly rope_scaling: RopeScaling | null;
  readonly max_position_embeddings: number;
  readonly tie_word_embeddings: boolean;
  readonly attention_bias: boolean;
  readonly mlp_bias: boolean;
  readonly bos_token_id: number | null;
  /** Tokens that end a completion: `generation_config.json`'s, else `config.json`'s. */
  readonly eos_token_ids: readonly number[];
}

const ARCHITECTURE = 'LlamaForCausalLM';

// Several times the largest Llama there is (405B: hidden 16,384, 126 layers): what lies beyond is damage or malice, and must not
// reach code that allocates.
const HIDDEN = { minimum: 1, maximum: 65_536 };
const INTERMEDIATE = { minimum: 1, maximum: 1_048_576 };
const LAYERS = { minimum: 1, maximum: 1_024 };
const HEADS = { minimum: 1, maximum: 1_024 };
/** Attention keeps the sums of whole heads in registers, which have room for no wider ones. */
const HEAD_DIM = { minimum: 2, maximum: 128 };
const VOCABULARY = { minimum: 1, maximum: 4_194_304 };
const POSITIONS = { minimum: 1, maximum: 2 ** 27 };
const EPSILON = { minimum: 1e-20, maximum: 0.1 };

/**
 * Reads a Llama's parsed `config.json`, in the style of transformers 4 (`rope_theta`, `rope_scaling`) or 5 (`rope_parameters`).
 *
 * @param generationConfig the parsed `generation_config.json`, where there is one
 * @throws InputError for another architecture, for what this program cannot compute, and for absurd numbers
 */
export function parseLlamaConfig(
  json: unknown,
  file: string,
  generationConfig?: unknown,
): LlamaConfig {
  const fields = JsonFields.of(json, file);
  checkArchitecture(fields, file);
  checkComputable(fields);

  const vocabulary = fields.integer('vocab_size', VOCABULARY);
  const heads = fields.integer('num_attention_heads', HEADS);
  const keyValueHeads = fields.integer('num_key_value_heads', HEADS, heads);
  if (heads % keyValueHeads !== 0) {
    fields.fail('num_key_value_heads', `must divide num_attention_heads, which is ${heads}`);
  }
  const hidden = fields.integer('hidden_size', HIDDEN);
  const positions = fields.integer('max_position_embeddings', POSITIONS, 2_048);
  return {
    vocab_size: vocabulary,
    hidden_size: hidden,
    intermediate_size: fields.integer('intermediate_size', INTERMEDIATE),
    num_hidden_layers: fields.integer('num_hidden_layers', LAYERS),
    num_attention_heads: heads,
    num_key_value_heads: keyValueHeads,
    head_dim: headDimension(fields, hidden, heads),
    rms_norm_eps: fields.number('rms_norm_eps', EPSILON, 1e-6),
    ...parseRope(fields, positions),
    max_position_embeddings: positions,
    tie_word_embeddings: fields.boolean('tie_word_embeddings', false),
    attention_bias: fields.boolean('attention_bias', false),
    mlp_bias: fields.boolean('mlp_bias', false),
    bos_token_id: tokenIds(fields, 'bos_token_id', vocabulary)[0] ?? null,
    eos_token_ids: endTokens(fields, generationConfig, vocabulary),
  };
}

function checkArchitecture(fields: JsonFields, file: string): void {
  const modelType = fields.string('model_type', '');
  const architectures = fields.has('architectures')
    ? fields.raw('architectures')
    : modelType === 'llama'
      ? [ARCHITECTURE]
      : [];
  if (Array.isArray(architectures) && architectures.includes(ARCHITECTURE)) return;
  const found = Array.isArray(architectures)
    ? architectures.filter((name) => typeof name === 'string').map(quoted)
    : [];
  if (found.length === 0 && modelType !== '') found.push(quoted(modelType));
  const named =
    found.length === 0
      ? 'the file names no architecture'
      : `the model's architecture is ${found.slice(0, 3).join(', ')}`;
  throw new InputError(`${named}; only ${ARCHITECTURE} can be used`, { file });
}

/** Refuses what would change the model's results and is not computed here. */
function checkComputable(fields: JsonFields): void {
  const activation = fields.string('hidden_act', 'silu');
  if (activation !== 'silu' && activation !== 'swish') fields.fail('hidden_act', 'must be "silu"');
  if (fields.number('partial_rotary_factor', { minimum: 0, maximum: 1 }, 1) !== 1) {
    fields.fail('partial_rotary_factor', 'must be 1');
  }
  const quantization = fields.child('quantization_config');
  if (quantization === undefined) return;
  if (quantization.string('quant_method', '') !== 'bitsandbytes') {
    quantization.fail('quant_method', 'must be "bitsandbytes" (in NF4), or the weights dense');
  }
  if (quantization.boolean('load_in_8bit', false)) {
    quantization.fail('load_in_8bit', 'must be false: of bitsandbytes, only NF4 can be read');
  }
  if (quantization.string('bnb_4bit_quant_type', 'nf4') !== 'nf4') {
    quantization.fail('bnb_4bit_quant_type', 'must be "nf4"');
  }
}

function headDimension(fields: JsonFields, hidden: number, heads: number): number {
  if (!fields.has('head_dim') && hidden % heads !== 0) {
    fields.fail('hidden_size', `must be a multiple of num_attention_heads, which is ${heads}`);
  }
  const headDim = fields.integer('head_dim', HEAD_DIM, hidden / heads);
  if (headDim % 2 !== 0) fields.fail('head_dim', 'must be even, for rotary embeddings');
  return headDim;
}

function endTokens(config: JsonFields, generationConfig: unknown, vocabulary: number): number[] {
  if (generationConfig !== undefined) {
    const generation = JsonFields.of(generationConfig, 'generation_config.json');
    const ids = tokenIds(generation, 'eos_token_id', vocabulary);
    if (ids.length > 0) return ids;
  }
  return tokenIds(config, 'eos_token_id', vocabulary);
}

/** One token id, a list of them, or none. */
function tokenIds(fields: JsonFields, key: string, vocabulary: number): number[] {
  if (!fields.has(key)) return [];
  const value = fields.raw(key);
  const ids: unknown[] = Array.isArray(value) ? value : [value];
  if (ids.length > 64 || !ids.every((id) => isTokenId(id, vocabulary))) {
    fields.fail(key, `must be a token of the vocabulary, from 0 to ${vocabulary - 1}, or a few`);
  }
  return [...new Set(ids.filter((id) => typeof id === 'number'))];
}

function isTokenId(id: unknown, vocabulary: number): id is number {
  return typeof id === 'number' && Number.isInteger(id) && id >= 0 && id < vocabulary;
}
