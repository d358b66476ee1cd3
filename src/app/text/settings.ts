import { CONFIG_FIELDS, DEFAULT_CONFIG } from '../../config';
import { exactText, smallText } from './figures';

type Field = (typeof CONFIG_FIELDS)[number];

/** A setting's value as the page writes it: `on`, `2e-4`, `all`, `1,024`. */
export function settingText(field: Field, value: unknown): string {
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  if (Array.isArray(value)) {
    return value.length === field.choices?.length ? 'all' : value.join(', ');
  }
  if (typeof value !== 'number') return String(value);
  if (field.key === 'max_steps' && value < 1) return 'from the epochs';
  return Number.isInteger(value) ? exactText(value) : smallText(value);
}

/** What a setting may be and what it is by default: `1 to 1,024, default 16`. */
export function rangeText(field: Field): string {
  const byDefault = `default ${settingText(field, DEFAULT_CONFIG[field.key])}`;
  const range = boundsText(field);
  return range === '' ? byDefault : `${range}, ${byDefault}`;
}

/** One line that says what a setting does. On the page an empty field stands for steps that the epochs decide. */
export function helpText({ key, help }: Field): string {
  return key === 'max_steps'
    ? 'Number of steps, going round the data as often as needed; empty leaves it to the epochs.'
    : help;
}

const LABELS = new Map<string, string>(CONFIG_FIELDS.map(({ key, label }) => [key, label]));
/** Keys of two words are nothing else wherever they stand; those of one only where a message says what they are. */
const KEYS = new RegExp(
  [...LABELS.keys()]
    .map((key) => (key.includes('_') ? `\\b${key}\\b` : `^${key}(?= is )`))
    .join('|'),
  'g',
);

/** A message that names settings as configurations do, in the words of the page: `max_seq_length` is "Sequence length" here. */
export function inPageWords(message: string): string {
  return message.replace(KEYS, (key) => `"${LABELS.get(key) ?? key}"`);
}

function boundsText(field: Field): string {
  if (field.key === 'max_steps') return '1 or more';
  const { minimum, exclusiveMinimum, maximum, exclusiveMaximum } = field;
  const above = exclusiveMinimum === undefined ? '' : `above ${boundText(exclusiveMinimum)}`;
  const from = minimum === undefined ? above : boundText(minimum);
  if (maximum !== undefined) return `${from} to ${boundText(maximum)}`;
  if (exclusiveMaximum !== undefined) return `${from} to below ${boundText(exclusiveMaximum)}`;
  return minimum === undefined ? from : `${from} or more`;
}

const boundText = (bound: number) =>
  Number.isInteger(bound) ? exactText(bound) : smallText(bound);
