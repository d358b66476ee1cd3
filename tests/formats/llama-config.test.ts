import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InputError } from '../../src/errors';
import { parseLlamaConfig } from '../../src/formats/llama-config';

// The values of Llama 3.2 1B Instruct's own config.json.
const LLAMA = {
  architectures: ['LlamaForCausalLM'],
  attention_bias: false,
  bos_token_id: 128000,
  eos_token_id: [128001, 128008, 128009],
  head_dim: 64,
  hidden_act: 'silu',
  hidden_size: 2048,
  intermediate_size: 8192,
  max_position_embeddings: 131072,
  mlp_bias: false,
  model_type: 'llama',
  num_attention_heads: 32,
  num_hidden_layers: 16,
  num_key_value_heads: 8,
  pretraining_tp: 1,
  rms_norm_eps: 1e-5,
  rope_scaling: {
    factor: 32,
    high_freq_factor: 4,
    low_freq_factor: 1,
    original_max_position_embeddings: 8192,
    rope_type: 'llama3',
  },
  rope_theta: 500000,
  tie_word_embeddings: true,
  vocab_size: 128256,
};

const parse = (changes: Record<string, unknown> = {}, generation?: unknown) =>
  parseLlamaConfig({ ...LLAMA, ...changes }, 'config.json', generation);
const failure = (changes: Record<string, unknown>, generation?: unknown): string => {
  try {
    parse(changes, generation);
  } catch (error) {
    if (error instanceof InputError) return error.message;
    throw error;
  }
  return 'nothing was thrown';
};

describe('parseLlamaConfig', () => {
  it('reads a published configuration', () => {
    expect(parse()).toEqual({
      vocab_size: 128256,
      hidden_size: 2048,
      intermediate_size: 8192,
      num_hidden_layers: 16,
      num_attention_heads: 32,
      num_key_value_heads: 8,
      head_dim: 64,
      rms_norm_eps: 1e-5,
      rope_theta: 500000,
      rope_scaling: {
        rope_type: 'llama3',
        factor: 32,
        low_freq_factor: 1,
        high_freq_factor: 4,
        original_max_position_embeddings: 8192,
      },
      max_position_embeddings: 131072,
      tie_word_embeddings: true,
      attention_bias: false,
      mlp_bias: false,
      bos_token_id: 128000,
      eos_token_ids: [128001, 128008, 128009],
    });
  });

  it('reads both styles of rotary settings to the same', () => {
    const inside = { ...LLAMA.rope_scaling, rope_theta: 500000 };
    const newer = { rope_theta: undefined, rope_scaling: undefined, rope_parameters: inside };
    expect(parse(newer)).toEqual(parse());
    // A theta inside wins over one outside, and rope_scaling over rope_parameters, as in transformers.
    expect(parse({ ...newer, rope_theta: 7 }).rope_theta).toBe(500000);
    expect(parse({ rope_parameters: { rope_type: 'linear', factor: 2 } })).toEqual(parse());
    const plain = parse({ ...newer, rope_parameters: { rope_type: 'default', rope_theta: 30000 } });
    expect([plain.rope_theta, plain.rope_scaling]).toEqual([30000, null]);
  });

  it('reads linear scaling, also by its older name, and no scaling', () => {
    const linear = { rope_type: 'linear', factor: 4 };
    expect(parse({ rope_scaling: linear }).rope_scaling).toEqual(linear);
    expect(parse({ rope_scaling: { type: 'linear', factor: 4 } }).rope_scaling).toEqual(linear);
    expect(parse({ rope_scaling: null, rope_theta: null })).toMatchObject({
      rope_scaling: null,
      rope_theta: 10000,
    });
  });

  it('derives what may be left out', () => {
    const config = parse({ head_dim: null, num_key_value_heads: undefined });
    expect([config.head_dim, config.num_key_value_heads]).toEqual([64, 32]);
    expect(parse({ head_dim: 128 }).head_dim).toBe(128);
    expect(parse({ tie_word_embeddings: undefined }).tie_word_embeddings).toBe(false);
    expect(parse({ architectures: null }).num_hidden_layers).toBe(16);
  });

  it('takes end tokens from generation_config.json first', () => {
    expect(parse({ eos_token_id: 2 }).eos_token_ids).toEqual([2]);
    expect(parse({ eos_token_id: null, bos_token_id: null })).toMatchObject({
      eos_token_ids: [],
      bos_token_id: null,
    });
    expect(parse({}, { eos_token_id: [5, 6, 5] }).eos_token_ids).toEqual([5, 6]);
    expect(parse({}, { temperature: 0.6 }).eos_token_ids).toEqual([128001, 128008, 128009]);
    expect(failure({}, { eos_token_id: 'x' })).toBe(
      'generation_config.json: eos_token_id is "x"; it must be a token of the vocabulary, from 0 to 128255, or a few',
    );
  });

  it('names the architecture that it refuses', () => {
    expect(failure({ architectures: ['MistralForCausalLM'], model_type: 'mistral' })).toBe(
      'config.json: the model\'s architecture is "MistralForCausalLM"; only LlamaForCausalLM can be used',
    );
    expect(failure({ architectures: undefined, model_type: 'qwen3' })).toContain('"qwen3"');
    expect(failure({ architectures: [], model_type: undefined })).toContain(
      'names no architecture',
    );
    expect(failure({ architectures: 'LlamaForCausalLM', model_type: 5 })).toContain(
      'model_type is 5',
    );
  });

  it.each([
    [{ vocab_size: 0 }, 'vocab_size is 0; it must be from 1'],
    [{ hidden_size: 1e12 }, 'hidden_size is 1000000000000'],
    [{ hidden_size: '2048' }, 'hidden_size is "2048"; it must be a number'],
    [{ num_hidden_layers: 1.5 }, 'num_hidden_layers is 1.5; it must be a whole number'],
    [{ num_hidden_layers: undefined }, 'num_hidden_layers is missing'],
    [{ intermediate_size: NaN }, 'intermediate_size is NaN'],
    [{ num_key_value_heads: 5 }, 'num_key_value_heads is 5; it must divide num_attention_heads'],
    [{ head_dim: null, hidden_size: 2050 }, 'hidden_size is 2050; it must be a multiple of'],
    [{ head_dim: 63 }, 'head_dim is 63; it must be even'],
    [{ head_dim: 130 }, 'head_dim is 130; it must be from 2 to 128'],
    [{ rms_norm_eps: 0 }, 'rms_norm_eps is 0'],
    [{ rope_theta: -1 }, 'rope_theta is -1'],
    [{ hidden_act: 'gelu' }, 'hidden_act is "gelu"; it must be "silu"'],
    [{ tie_word_embeddings: 'yes' }, 'tie_word_embeddings is "yes"'],
    [{ partial_rotary_factor: 0.5 }, 'partial_rotary_factor is 0.5'],
    [{ bos_token_id: 128256 }, 'bos_token_id is 128256'],
    [{ rope_scaling: { rope_type: 'yarn', factor: 2 } }, 'rope_scaling.rope_type is "yarn"'],
    [{ rope_scaling: { type: 'dynamic', factor: 2 } }, 'rope_scaling.type is "dynamic"'],
    [{ rope_scaling: { rope_type: 'linear' } }, 'rope_scaling.factor is missing'],
    [{ rope_scaling: { rope_type: 'linear', factor: 0 } }, 'rope_scaling.factor is 0'],
    [
      { rope_scaling: { ...LLAMA.rope_scaling, low_freq_factor: 4 } },
      'rope_scaling.low_freq_factor is 4',
    ],
    [{ rope_scaling: [] }, 'rope_scaling is a list; it must be an object'],
    [
      { quantization_config: { quant_method: 'gptq' } },
      'quantization_config.quant_method is "gptq"',
    ],
    [
      { quantization_config: { quant_method: 'bitsandbytes', load_in_8bit: true } },
      'quantization_config.load_in_8bit is true',
    ],
    [
      { quantization_config: { quant_method: 'bitsandbytes', bnb_4bit_quant_type: 'fp4' } },
      'quantization_config.bnb_4bit_quant_type is "fp4"',
    ],
  ])('refuses %o by its key', (changes, message) => {
    expect(failure(changes)).toContain(`config.json: ${message}`);
  });

  it('gives an InputError or a usable configuration for any values', () => {
    const value = fc.oneof(fc.anything(), fc.integer(), fc.constantFrom(0, -0, 1, 4, 1e300, null));
    const changes = fc.dictionary(fc.constantFrom(...Object.keys(LLAMA), 'rope_parameters'), value);
    fc.assert(
      fc.property(changes, value, (changed, generation) => {
        if (failure(changed, generation) !== 'nothing was thrown') return;
        const config = parse(changed, generation);
        const numbers = Object.values(config).filter((item) => typeof item === 'number');
        expect(numbers.every(Number.isFinite)).toBe(true);
        expect(config.num_attention_heads % config.num_key_value_heads).toBe(0);
        expect(Number.isInteger(config.head_dim / 2)).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });
});
