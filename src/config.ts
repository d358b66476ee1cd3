import { FIELDS } from './config/fields';
import type { Field } from './config/kinds';
import { nearestName } from './config/nearest-name';
import { InputError } from './errors';

/** The seven linears of a Llama block, in the order of the forward pass. */
export const TARGET_MODULES = [
  'q_proj',
  'k_proj',
  'v_proj',
  'o_proj',
  'gate_proj',
  'up_proj',
  'down_proj',
] as const;
export type TargetModule = (typeof TARGET_MODULES)[number];

/** Whether kept activations and cached keys and values may be stored as f16; `auto` does where the adapter has it. Sums are f32 always. */
export type Precision = 'auto' | 'f32' | 'f16';

/** Everything a run is told, with the names that PEFT and the Hugging Face trainer use. `FIELDS` says what each key means. */
export interface TrainingConfig {
  method: 'qlora' | 'lora' | 'full';
  quantization: 'nf4' | 'none' | 'as-is';
  head_quantization: 'none' | 'q8_0';
  r: number;
  lora_alpha: number;
  lora_dropout: number;
  use_rslora: boolean;
  target_modules: TargetModule[];
  learning_rate: number;
  lr_scheduler_type: 'constant' | 'linear' | 'cosine';
  warmup_steps: number;
  warmup_ratio: number;
  weight_decay: number;
  adam_beta1: number;
  adam_beta2: number;
  adam_epsilon: number;
  max_grad_norm: number;
  micro_batch_size: number;
  gradient_accumulation_steps: number;
  num_train_epochs: number;
  max_steps: number;
  max_seq_length: number;
  packing: boolean;
  shuffle: boolean;
  seed: number;
  chat_template: 'auto' | 'llama3' | 'chatml' | 'alpaca';
  train_on_prompt: boolean;
  gradient_checkpointing: boolean;
  eval_fraction: number;
  eval_steps: number;
  save_steps: number;
  early_stopping_patience: number;
}
export type ConfigKey = keyof TrainingConfig;

export const DEFAULT_CONFIG: Readonly<TrainingConfig> = Object.freeze({
  method: 'qlora',
  quantization: 'nf4',
  head_quantization: 'none',
  r: 16,
  lora_alpha: 16,
  lora_dropout: 0,
  use_rslora: false,
  target_modules: [...TARGET_MODULES],
  learning_rate: 2e-4,
  lr_scheduler_type: 'cosine',
  warmup_steps: 0,
  warmup_ratio: 0,
  weight_decay: 0,
  adam_beta1: 0.9,
  adam_beta2: 0.999,
  adam_epsilon: 1e-8,
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

/** Every key of the configuration in the order of `TrainingConfig`, with its words and range for the page and for messages. */
export const CONFIG_FIELDS: readonly (Field<unknown> & { key: ConfigKey })[] = configKeys().map(
  (key) => ({ key, ...FIELDS[key] }),
);

/** What an adapter that a run starts from has already decided. */
export type AdapterSettings = Pick<
  TrainingConfig,
  'r' | 'lora_alpha' | 'use_rslora' | 'target_modules'
>;

/**
 * Reads a configuration from parsed JSON and fills in what it leaves out: `quantization` follows the method (nf4 for qlora, else
 * none), everything else is `DEFAULT_CONFIG`, or the adapter's where the run starts from one. `target_modules` come out in the order
 * of `TARGET_MODULES`.
 *
 * @param file the name to put in front of messages.
 * @throws InputError for an unknown key, a value of the wrong type or out of range, and settings that contradict each other or the
 *   adapter.
 */
export function parseTrainingConfig(
  value: unknown,
  file?: string,
  adapter?: AdapterSettings,
): TrainingConfig {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new InputError(`the configuration is ${shownSetting(value)}; it must be a JSON object`, {
      file,
    });
  }
  const config: TrainingConfig = { ...DEFAULT_CONFIG, ...adapter };
  config.target_modules = inOrder(config.target_modules);
  const stated = new Set<ConfigKey>();
  for (const [key, given] of Object.entries(value)) {
    if (!isConfigKey(key)) throw unknownKey(key, file);
    setField(config, key, FIELDS[key], given, file);
    stated.add(key);
  }
  if (!stated.has('quantization')) {
    config.quantization = config.method === 'qlora' ? 'nf4' : 'none';
  }
  refuseContradictions(config, file);
  if (adapter) refuseOtherThanAdapter(config, adapter, file);
  return config;
}

/** Whether two values of one key of the configuration say the same. */
export function sameSetting(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** The keys of the configuration, in order. */
export function configKeys(): ConfigKey[] {
  return Object.keys(FIELDS).filter(isConfigKey);
}

function isConfigKey(key: string): key is ConfigKey {
  return Object.hasOwn(FIELDS, key);
}

function setField<Key extends ConfigKey>(
  config: TrainingConfig,
  key: Key,
  field: Field<TrainingConfig[Key]>,
  given: unknown,
  file: string | undefined,
): void {
  const read = field.read(given);
  if (read === undefined) {
    throw new InputError(`${key} is ${shownSetting(given)}; it must be ${field.allowed}`, { file });
  }
  config[key] = read;
}

function refuseContradictions(config: TrainingConfig, file: string | undefined): void {
  const { method, quantization, head_quantization } = config;
  if (method === 'qlora' && quantization === 'none') {
    throw new InputError(
      'method "qlora" contradicts quantization "none"; take method "lora", or quantization "nf4"',
      { file },
    );
  }
  if (method === 'full' && quantization === 'nf4') {
    throw new InputError(
      'method "full" contradicts quantization "nf4", since quantised weights cannot be trained; take method "qlora", or quantization "none"',
      { file },
    );
  }
  if (method === 'full' && head_quantization !== 'none') {
    throw new InputError(
      `method "full" contradicts head_quantization "${head_quantization}", since embedding and head are trained too; take head_quantization "none"`,
      { file },
    );
  }
}

function refuseOtherThanAdapter(
  config: TrainingConfig,
  adapter: AdapterSettings,
  file: string | undefined,
): void {
  if (config.method === 'full') {
    throw new InputError(
      'method "full" contradicts starting from an adapter; take "qlora" or "lora"',
      { file },
    );
  }
  const decided: AdapterSettings = { ...adapter, target_modules: inOrder(adapter.target_modules) };
  for (const key of ['r', 'lora_alpha', 'use_rslora', 'target_modules'] as const) {
    if (!sameSetting(config[key], decided[key])) {
      throw new InputError(
        `${key} is ${shownSetting(config[key])}, but the adapter that the run starts from has ${shownSetting(decided[key])}; leave ${key} out`,
        { file },
      );
    }
  }
}

function inOrder(modules: readonly TargetModule[]): TargetModule[] {
  return TARGET_MODULES.filter((name) => modules.includes(name));
}

function unknownKey(key: string, file: string | undefined): InputError {
  const keys = configKeys();
  const near = nearestName(key, keys);
  const hint = near === undefined ? `the keys are ${keys.join(', ')}` : `did you mean "${near}"?`;
  return new InputError(`unknown key ${shownSetting(key)}; ${hint}`, { file });
}

/** A value as JSON, short enough for a sentence. */
export function shownSetting(value: unknown): string {
  const text = value === undefined ? 'undefined' : JSON.stringify(value);
  return text.length <= 80 ? text : `${text.slice(0, 77)}...`;
}
