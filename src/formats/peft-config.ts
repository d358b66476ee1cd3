import { TARGET_MODULES, type TargetModule } from '../config';
import { isJsonObject } from './json';
import { JsonFields } from './json-fields';
import { quoted } from './quoted';

/** What `adapter_config.json` says of a LoRA adapter, under its own names. */
export interface PeftAdapterConfig {
  readonly base_model_name_or_path: string | null;
  readonly r: number;
  readonly lora_alpha: number;
  readonly lora_dropout: number;
  readonly use_rslora: boolean;
  /** In the order of TARGET_MODULES. */
  readonly target_modules: readonly TargetModule[];
}

const RANK = { minimum: 1, maximum: 65_536 };
const ALPHA = { minimum: 0, maximum: 1e9 };
const DROPOUT = { minimum: 0, maximum: 1 };

/** Options that change what an adapter computes and have no counterpart here, with the only value they may have. */
const REQUIRED_VALUES = new Map<string, unknown>([
  ['peft_type', 'LORA'],
  ['task_type', 'CAUSAL_LM'],
  ['bias', 'none'],
]);

/** Options that say nothing about what the adapter computes. */
const INFORMATIVE = new Set([
  'base_model_name_or_path',
  'revision',
  'auto_mapping',
  'inference_mode',
  'peft_version',
  'megatron_core',
  'qalora_group_size',
  'runtime_config',
]);

const READ = new Set(['r', 'lora_alpha', 'lora_dropout', 'use_rslora', 'target_modules']);

/** Initialisations that leave the base model's weights as they are; others, such as PiSSA, are adapters of a changed base. */
const INITIALISATIONS: readonly unknown[] = [true, false, 'gaussian', 'eva', 'orthogonal'];

/**
 * Reads a parsed `adapter_config.json`. An option that PEFT knows and this program does not compute is refused by its name, whatever
 * version of PEFT brought it: every option must be known, or switched off.
 */
export function parsePeftConfig(json: unknown, file: string): PeftAdapterConfig {
  const fields = JsonFields.of(json, file);
  for (const key of fields.keys) checkOption(fields, key);
  if (!fields.has('peft_type')) fields.fail('peft_type', 'must be "LORA"');
  return {
    base_model_name_or_path: fields.has('base_model_name_or_path')
      ? fields.string('base_model_name_or_path')
      : null,
    r: fields.integer('r', RANK),
    lora_alpha: fields.number('lora_alpha', ALPHA),
    lora_dropout: fields.number('lora_dropout', DROPOUT, 0),
    use_rslora: fields.boolean('use_rslora', false),
    target_modules: parseTargets(fields),
  };
}

/** The text of `adapter_config.json` for an adapter of ours. */
export function peftConfigText(config: PeftAdapterConfig): string {
  const options = {
    peft_type: 'LORA',
    task_type: 'CAUSAL_LM',
    base_model_name_or_path: config.base_model_name_or_path,
    revision: null,
    r: config.r,
    lora_alpha: config.lora_alpha,
    lora_dropout: config.lora_dropout,
    target_modules: config.target_modules,
    bias: 'none',
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: true,
    use_rslora: config.use_rslora,
    use_dora: false,
    modules_to_save: null,
    rank_pattern: {},
    alpha_pattern: {},
    layers_to_transform: null,
    layers_pattern: null,
    auto_mapping: null,
  };
  return `${JSON.stringify(options, null, 2)}\n`;
}

function checkOption(fields: JsonFields, key: string): void {
  const value = fields.raw(key);
  const required = REQUIRED_VALUES.get(key);
  if (READ.has(key) || INFORMATIVE.has(key) || isSwitchedOff(value)) return;
  if (key === 'init_lora_weights') {
    if (!INITIALISATIONS.includes(value)) {
      fields.fail(key, 'must be true: other adapters need a base model that they have changed');
    }
  } else if (required === undefined) {
    fields.fail(key, 'must be off: this program cannot compute such an adapter');
  } else if (value !== required) {
    fields.fail(key, `must be ${JSON.stringify(required)}`);
  }
}

function isSwitchedOff(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  return (
    value === null || value === false || (isJsonObject(value) && Object.keys(value).length === 0)
  );
}

function parseTargets(fields: JsonFields): TargetModule[] {
  const value = fields.raw('target_modules');
  if (value === 'all-linear') return [...TARGET_MODULES];
  const found = new Set<unknown>();
  for (const target of Array.isArray(value) ? (value as unknown[]) : []) {
    // PEFT spells "all-linear" out as whole paths. Whether every layer is there, the weights tell.
    found.add(
      typeof target === 'string' ? target.replace(/^model\.layers\.\d+\.\w+\./, '') : target,
    );
  }
  const targets = TARGET_MODULES.filter((target) => found.has(target));
  if (targets.length === 0 || targets.length !== found.size) {
    const other = [...found].find((target) => !targets.some((known) => known === target));
    const without = typeof other === 'string' ? `, without ${quoted(other)}` : '';
    fields.fail(
      'target_modules',
      `must be a list of some of ${TARGET_MODULES.join(', ')}${without}`,
    );
  }
  return targets;
}
