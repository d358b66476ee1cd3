import { describe, expect, test } from 'vitest';
import { CONFIG_FIELDS, DEFAULT_CONFIG, TARGET_MODULES, parseTrainingConfig } from '../src/config';
import { InputError } from '../src/errors';

describe('parseTrainingConfig', () => {
  test('an empty object stands for the published defaults', () => {
    expect(parseTrainingConfig({})).toEqual({
      method: 'qlora',
      quantization: 'nf4',
      head_quantization: 'none',
      r: 16,
      lora_alpha: 16,
      lora_dropout: 0,
      use_rslora: false,
      target_modules: ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'],
      learning_rate: 0.0002,
      lr_scheduler_type: 'cosine',
      warmup_steps: 0,
      warmup_ratio: 0,
      weight_decay: 0,
      adam_beta1: 0.9,
      adam_beta2: 0.999,
      adam_epsilon: 0.00000001,
      max_grad_norm: 1,
      micro_batch_size: 1,
      gradient_accumulation_steps: 4,
      num_train_epochs: 1,
      max_steps: -1,
      max_seq_length: 512,
      packing: true,
      shuffle: true,
      seed: 42,
      chat_template: 'auto',
      train_on_prompt: false,
      gradient_checkpointing: true,
      eval_fraction: 0,
      eval_steps: 50,
      save_steps: 50,
      early_stopping_patience: 0,
    });
  });

  test('quantization follows the method where it is not said, and is kept where it is', () => {
    expect(parseTrainingConfig({ method: 'qlora' }).quantization).toBe('nf4');
    expect(parseTrainingConfig({ method: 'lora' }).quantization).toBe('none');
    expect(parseTrainingConfig({ method: 'full' }).quantization).toBe('none');
    expect(parseTrainingConfig({ method: 'lora', quantization: 'nf4' }).quantization).toBe('nf4');
    expect(parseTrainingConfig({ method: 'qlora', quantization: 'as-is' }).quantization).toBe(
      'as-is',
    );
  });

  test('given values win over defaults and target modules come out in order', () => {
    const config = parseTrainingConfig({
      r: 8,
      target_modules: ['down_proj', 'q_proj'],
      head_quantization: 'q8_0',
      max_steps: 3,
    });
    expect(config).toEqual({
      ...DEFAULT_CONFIG,
      r: 8,
      target_modules: ['q_proj', 'down_proj'],
      head_quantization: 'q8_0',
      max_steps: 3,
    });
  });

  test('what is read shares no list with the defaults', () => {
    parseTrainingConfig({}).target_modules.pop();
    expect(DEFAULT_CONFIG.target_modules).toHaveLength(TARGET_MODULES.length);
  });

  test.each([
    [{ learning_rate: -1 }, 'C.json: learning_rate is -1; it must be a number, at least 0'],
    [{ r: 0 }, 'C.json: r is 0; it must be a whole number, at least 1 and at most 1024'],
    [{ r: '16' }, 'C.json: r is "16"; it must be a whole number, at least 1 and at most 1024'],
    [{ r: 2.5 }, 'C.json: r is 2.5; it must be a whole number, at least 1 and at most 1024'],
    [{ lora_dropout: 1 }, 'C.json: lora_dropout is 1; it must be a number, at least 0 and below 1'],
    [{ num_train_epochs: 0 }, 'C.json: num_train_epochs is 0; it must be a number, above 0'],
    [{ packing: 1 }, 'C.json: packing is 1; it must be true or false'],
    [{ seed: null }, /^C\.json: seed is null; it must be a whole number/],
    [
      { lr_scheduler_type: 'step' },
      'C.json: lr_scheduler_type is "step"; it must be "constant" or "linear" or "cosine"',
    ],
    [{ target_modules: [] }, /^C\.json: target_modules is \[\]; it must be a list of at least one/],
    [{ target_modules: ['q_proj', 'q_proj'] }, /none twice$/],
    [{ target_modules: ['q_proj', 'lm_head'] }, /^C\.json: target_modules is \["q_proj","lm_head"/],
    [{ target_modules: 'q_proj' }, /^C\.json: target_modules is "q_proj"; it must be a list/],
    [{ lerning_rate: 1 }, 'C.json: unknown key "lerning_rate"; did you mean "learning_rate"?'],
    [{ colour: 1 }, /^C\.json: unknown key "colour"; the keys are method, quantization, /],
    [{ constructor: 1 }, /^C\.json: unknown key "constructor"/],
  ])('refuses %j', (value, message) => {
    expect(() => parseTrainingConfig(value, 'C.json')).toThrow(InputError);
    expect(() => parseTrainingConfig(value, 'C.json')).toThrow(
      typeof message === 'string' ? new RegExp(`^${escaped(message)}$`) : message,
    );
  });

  test.each([null, [], 'qlora', 3])('refuses %j as a whole', (value) => {
    expect(() => parseTrainingConfig(value, 'C.json')).toThrow(/must be a JSON object/);
  });

  test('a key that JSON.parse can make but objects treat specially is unknown', () => {
    const value: unknown = JSON.parse('{"__proto__": 1}');
    expect(() => parseTrainingConfig(value)).toThrow(/unknown key "__proto__"/);
  });

  test.each([
    [{ method: 'qlora', quantization: 'none' }, /"qlora" contradicts quantization "none"/],
    [{ method: 'full', quantization: 'nf4' }, /"full" contradicts quantization "nf4"/],
    [{ method: 'full', head_quantization: 'q8_0' }, /"full" contradicts head_quantization "q8_0"/],
  ])('refuses the contradiction %j', (value, message) => {
    expect(() => parseTrainingConfig(value)).toThrow(InputError);
    expect(() => parseTrainingConfig(value)).toThrow(message);
  });
});

describe('a run that starts from an adapter', () => {
  const adapter = {
    r: 4,
    lora_alpha: 8,
    use_rslora: true,
    target_modules: ['v_proj' as const, 'q_proj' as const],
  };

  test('takes rank, alpha, scale and targets from it', () => {
    const config = parseTrainingConfig({ learning_rate: 1e-3 }, 'C.json', adapter);
    expect(config).toMatchObject({ r: 4, lora_alpha: 8, use_rslora: true, learning_rate: 1e-3 });
    expect(config.target_modules).toEqual(['q_proj', 'v_proj']);
  });

  test('may state what the adapter has', () => {
    const stated = { r: 4, lora_alpha: 8, use_rslora: true, target_modules: ['q_proj', 'v_proj'] };
    expect(parseTrainingConfig(stated, 'C.json', adapter)).toMatchObject(stated);
  });

  test.each([
    [{ r: 16 }, /^C\.json: r is 16, but the adapter that the run starts from has 4; leave r out$/],
    [{ lora_alpha: 16 }, /lora_alpha is 16, but the adapter .* has 8/],
    [{ use_rslora: false }, /use_rslora is false, but the adapter .* has true/],
    [{ target_modules: ['q_proj'] }, /target_modules is \["q_proj"\], but the adapter/],
    [{ method: 'full' }, /"full" contradicts starting from an adapter/],
  ])('refuses %j', (value, message) => {
    expect(() => parseTrainingConfig(value, 'C.json', adapter)).toThrow(message);
  });
});

describe('CONFIG_FIELDS', () => {
  test('describes every key once, in the order of the type', () => {
    expect(CONFIG_FIELDS.map((field) => field.key)).toEqual(Object.keys(DEFAULT_CONFIG));
  });

  test('allows every default', () => {
    for (const field of CONFIG_FIELDS) {
      const value = DEFAULT_CONFIG[field.key];
      expect(parseTrainingConfig({ [field.key]: value })[field.key]).toEqual(value);
    }
  });

  test('has a label and one line of help for each key, no label twice', () => {
    for (const field of CONFIG_FIELDS) {
      expect(field.label).toMatch(/^[A-Z][^\n]*[a-z0-9]$/);
      expect(field.help).toMatch(/^[A-Z][^\n]{10,110}\.$/);
    }
    expect(new Set(CONFIG_FIELDS.map((field) => field.label)).size).toBe(CONFIG_FIELDS.length);
  });
});

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
