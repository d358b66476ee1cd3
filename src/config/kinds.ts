/** Where the page shows a setting. */
export type FieldGroup = 'Adapter' | 'Optimiser' | 'Data' | 'Run';

/** The words and the range of one key of the configuration. Bounds are named as in JSON Schema. */
export interface FieldDescription {
  label: string;
  /** One line. */
  help: string;
  group: FieldGroup;
  kind: 'integer' | 'number' | 'boolean' | 'choice' | 'choices';
  minimum?: number;
  exclusiveMinimum?: number;
  maximum?: number;
  exclusiveMaximum?: number;
  /** How far one press of an arrow key goes. */
  step?: number;
  choices?: readonly string[];
  /** What a value must be, to follow "it must be". */
  allowed: string;
}

export interface Field<Value> extends FieldDescription {
  /** The value as the program keeps it, or undefined when it is of another type or out of range. */
  read(value: unknown): Value | undefined;
}

interface Words {
  group: FieldGroup;
  label: string;
  help: string;
}
type Bounds = Pick<
  FieldDescription,
  'minimum' | 'exclusiveMinimum' | 'maximum' | 'exclusiveMaximum' | 'step'
>;

export function integer(field: Words & Bounds): Field<number> {
  return {
    ...field,
    kind: 'integer',
    allowed: `a whole number${rangeInWords(field)}`,
    read: (value) => (Number.isSafeInteger(value) ? readNumber(value, field) : undefined),
  };
}

export function number(field: Words & Bounds): Field<number> {
  return {
    ...field,
    kind: 'number',
    allowed: `a number${rangeInWords(field)}`,
    read: (value) => readNumber(value, field),
  };
}

export function boolean(field: Words): Field<boolean> {
  return {
    ...field,
    kind: 'boolean',
    allowed: 'true or false',
    read: (value) => (typeof value === 'boolean' ? value : undefined),
  };
}

/** One of several names. */
export function choice<Name extends string>(choices: readonly Name[], field: Words): Field<Name> {
  return {
    ...field,
    kind: 'choice',
    choices,
    allowed: choices.map((name) => `"${name}"`).join(' or '),
    read: (value) => choices.find((name) => name === value),
  };
}

/** At least one of several names, each at most once; kept in the order of `choices`. */
export function choices<Name extends string>(
  choices: readonly Name[],
  field: Words,
): Field<Name[]> {
  return {
    ...field,
    kind: 'choices',
    choices,
    allowed: `a list of at least one of ${choices.map((name) => `"${name}"`).join(', ')}, none twice`,
    read: (value) => {
      if (!Array.isArray(value)) return undefined;
      const chosen = choices.filter((name) => value.includes(name));
      return chosen.length > 0 && chosen.length === value.length ? chosen : undefined;
    },
  };
}

function readNumber(value: unknown, bounds: Bounds): number | undefined {
  if (typeof value !== 'number' || !Number.isFinite(value)) return undefined;
  const { minimum, exclusiveMinimum, maximum, exclusiveMaximum } = bounds;
  if (minimum !== undefined && value < minimum) return undefined;
  if (exclusiveMinimum !== undefined && value <= exclusiveMinimum) return undefined;
  if (maximum !== undefined && value > maximum) return undefined;
  if (exclusiveMaximum !== undefined && value >= exclusiveMaximum) return undefined;
  return value;
}

function rangeInWords({ minimum, exclusiveMinimum, maximum, exclusiveMaximum }: Bounds): string {
  const parts: string[] = [];
  if (minimum !== undefined) parts.push(`at least ${minimum}`);
  if (exclusiveMinimum !== undefined) parts.push(`above ${exclusiveMinimum}`);
  if (maximum !== undefined) parts.push(`at most ${maximum}`);
  if (exclusiveMaximum !== undefined) parts.push(`below ${exclusiveMaximum}`);
  return parts.length === 0 ? '' : `, ${parts.join(' and ')}`;
}
