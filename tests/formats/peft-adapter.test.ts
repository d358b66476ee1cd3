import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InputError } from '../../src/errors';
import { memoryFolder } from '../../src/formats/byte-source';
import { readLlamaConfig } from '../../src/formats/llama-folder';
import {
  openPeftAdapter,
  peftAdapterFiles,
  type LoraAdapter,
} from '../../src/formats/peft-adapter';
import { fixtureFiles, fixtureFolder, fixtureText, inputErrorOf, zeroTensors } from './files';

const model = await readLlamaConfig(fixtureFolder('sharded'));
const settings = JSON.parse(fixtureText('adapter/adapter_config.json')) as Record<string, unknown>;
const sums = JSON.parse(fixtureText('adapter/sums.json')) as Record<string, number>;

const openWith = (changes: Record<string, unknown>): Promise<LoraAdapter> =>
  openPeftAdapter(
    fixtureFolder('adapter', {
      'adapter_config.json': JSON.stringify({ ...settings, ...changes }),
    }),
    model,
  );

describe('openPeftAdapter', () => {
  it('reads what PEFT saves', async () => {
    const { config, weights } = await openPeftAdapter(fixtureFolder('adapter'), model);
    expect(config).toEqual({
      base_model_name_or_path: null,
      r: 2,
      lora_alpha: 6,
      lora_dropout: 0,
      use_rslora: true,
      target_modules: ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'],
    });
    expect(weights.size).toBe(14);
    for (const [name, { A, B }] of weights) {
      const sum = (values: Float32Array): number =>
        values.reduce((total, value) => total + value, 0);
      const prefix = `base_model.model.model.${name}`;
      // The sums differ from torch's only in the order of additions, in f64.
      expect(sum(A)).toBeCloseTo(sums[`${prefix}.lora_A.weight`] ?? NaN, 10);
      expect(sum(B)).toBeCloseTo(sums[`${prefix}.lora_B.weight`] ?? NaN, 10);
    }
  });

  it.each([
    [{ peft_type: 'IA3' }, 'peft_type is "IA3"; it must be "LORA"'],
    [{ peft_type: null }, 'peft_type is null'],
    [{ task_type: 'SEQ_CLS' }, 'task_type is "SEQ_CLS"'],
    [{ bias: 'all' }, 'bias is "all"; it must be "none"'],
    [{ use_dora: true }, 'use_dora is true; it must be off'],
    [{ modules_to_save: ['lm_head'] }, 'modules_to_save is a list; it must be off'],
    [{ rank_pattern: { q_proj: 4 } }, 'rank_pattern is an object; it must be off'],
    [{ alpha_pattern: { q_proj: 4 } }, 'alpha_pattern is an object'],
    [{ layers_to_transform: [0] }, 'layers_to_transform is a list'],
    [{ fan_in_fan_out: true }, 'fan_in_fan_out is true'],
    [{ init_lora_weights: 'pissa' }, 'init_lora_weights is "pissa"'],
    [{ lora_bias: true }, 'lora_bias is true'],
    [{ option_of_tomorrow: 1 }, 'option_of_tomorrow is 1; it must be off'],
    [{ r: 0 }, 'r is 0'],
    [{ r: 2.5 }, 'r is 2.5'],
    [{ lora_alpha: 'x' }, 'lora_alpha is "x"'],
    [{ lora_dropout: 2 }, 'lora_dropout is 2'],
    [
      { target_modules: ['q_proj', 'lm_head'] },
      'target_modules is a list; it must be a list of some of q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj, without "lm_head"',
    ],
    [{ target_modules: '.*' }, 'target_modules is ".*"'],
    [{ target_modules: [] }, 'target_modules is a list'],
    [{ target_modules: [['q_proj']] }, 'target_modules is a list'],
  ])('refuses %o by its name', async (changes, message) => {
    expect(await inputErrorOf(openWith(changes))).toContain(`adapter_config.json: ${message}`);
  });

  it('refuses weights that the settings do not account for', async () => {
    expect(await inputErrorOf(openWith({ target_modules: ['q_proj', 'v_proj'] }))).toContain(
      'have no place in the model; is this an adapter of another model?',
    );
    expect(await inputErrorOf(openWith({ r: 3 }))).toBe(
      'adapter_model.safetensors: the tensor "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight" has the shape [2, 32], but the model and r ask for [3, 32]',
    );
  });

  it('refuses an adapter of another model', async () => {
    const open = (changes: Partial<typeof model>): Promise<LoraAdapter> =>
      openPeftAdapter(fixtureFolder('adapter'), { ...model, ...changes });
    expect(await inputErrorOf(open({ num_hidden_layers: 3 }))).toContain(
      '"base_model.model.model.layers.2.self_attn.q_proj.lora_A.weight"',
    );
    expect(await inputErrorOf(open({ num_hidden_layers: 1 }))).toContain('another model');
    expect(await inputErrorOf(open({ intermediate_size: 41 }))).toContain(
      'gate_proj.lora_B.weight" has the shape [40, 2], but the model and r ask for [41, 2]',
    );
  });

  const tiny = {
    ...model,
    num_hidden_layers: 1,
    hidden_size: 4,
    head_dim: 1,
    num_attention_heads: 4,
  };
  const PREFIX = 'base_model.model.model.layers.0.self_attn.q_proj.lora_';
  const openTiny = (file: Uint8Array): Promise<LoraAdapter> =>
    openPeftAdapter(
      memoryFolder('tiny', {
        'adapter_config.json': JSON.stringify({
          ...{ peft_type: 'LORA', r: 1, lora_alpha: 1, target_modules: ['q_proj'] },
        }),
        'adapter_model.safetensors': file,
      }),
      tiny,
    );

  it('reads half floats and refuses what is not finite or not a float', async () => {
    const file = zeroTensors({
      [`${PREFIX}A.weight`]: ['BF16', 1, 4],
      [`${PREFIX}B.weight`]: ['F16', 4, 1],
    });
    file.set([0x80, 0x3f], file.length - 16);
    file.set([0x00, 0xc0], file.length - 2);
    const { A, B } = (await openTiny(file)).weights.get('layers.0.self_attn.q_proj') ?? {};
    expect([A, B]).toEqual([new Float32Array([1, 0, 0, 0]), new Float32Array([0, 0, 0, -2])]);
    file.set([0x00, 0x7c], file.length - 2);
    expect(await inputErrorOf(openTiny(file))).toContain(
      'lora_B.weight" holds a number that is not finite',
    );
    const doubles = zeroTensors({
      [`${PREFIX}A.weight`]: ['F64', 1, 4],
      [`${PREFIX}B.weight`]: ['F16', 4, 1],
    });
    expect(await inputErrorOf(openTiny(doubles))).toContain('lora_A.weight" is of F64');
  });

  it('gives an InputError or an adapter whatever bytes of it are changed', async () => {
    const files = fixtureFiles('adapter');
    const name = fc.constantFrom('adapter_config.json', 'adapter_model.safetensors');
    const change = fc.tuple(
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      fc.nat(255),
    );
    await fc.assert(
      fc.asyncProperty(
        name,
        fc.array(change, { minLength: 1, maxLength: 3 }),
        async (file, changes) => {
          const bytes = (files[file] ?? new Uint8Array()).slice();
          // The JSON of the weights file is in its first third.
          for (const [at, value] of changes) bytes[Math.floor((at * bytes.length) / 3)] = value;
          try {
            await openPeftAdapter(fixtureFolder('adapter', { [file]: bytes }), model);
          } catch (error) {
            if (!(error instanceof InputError)) throw error;
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('peftAdapterFiles', () => {
  const adapter: LoraAdapter = {
    config: {
      base_model_name_or_path: 'someone/llama',
      r: 2,
      lora_alpha: 16,
      lora_dropout: 0.05,
      use_rslora: false,
      target_modules: ['k_proj'],
    },
    weights: new Map(
      [0, 1].map((layer) => [
        `layers.${layer}.self_attn.k_proj`,
        { A: new Float32Array(64).fill(layer + 0.5), B: new Float32Array(32).fill(-layer) },
      ]),
    ),
  };
  const files = Object.fromEntries(
    peftAdapterFiles(adapter).map(({ name, bytes }) => [name, bytes]),
  );

  it('writes the keys of the configuration that PEFT expects', () => {
    expect(JSON.parse(new TextDecoder().decode(files['adapter_config.json']))).toEqual({
      peft_type: 'LORA',
      task_type: 'CAUSAL_LM',
      base_model_name_or_path: 'someone/llama',
      revision: null,
      r: 2,
      lora_alpha: 16,
      lora_dropout: 0.05,
      target_modules: ['k_proj'],
      bias: 'none',
      fan_in_fan_out: false,
      inference_mode: true,
      init_lora_weights: true,
      use_rslora: false,
      use_dora: false,
      modules_to_save: null,
      rank_pattern: {},
      alpha_pattern: {},
      layers_to_transform: null,
      layers_pattern: null,
      auto_mapping: null,
    });
  });

  it('names and shapes the weights as PEFT does', () => {
    const bytes = files['adapter_model.safetensors'] ?? new Uint8Array();
    const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length))) as Record<
      string,
      { shape: number[] }
    >;
    expect(header.__metadata__).toEqual({ format: 'pt' });
    const name = 'base_model.model.model.layers.1.self_attn.k_proj.lora_';
    expect(header[`${name}A.weight`]).toMatchObject({ dtype: 'F32', shape: [2, 32] });
    expect(header[`${name}B.weight`]).toMatchObject({ dtype: 'F32', shape: [16, 2] });
    expect(Object.keys(header)).toHaveLength(5);
  });

  it('is read back as it was written', async () => {
    expect(await openPeftAdapter(memoryFolder('out', files), model)).toEqual(adapter);
  });
});
