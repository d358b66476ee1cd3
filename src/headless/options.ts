import { parseArgs } from 'node:util';
import { nearestName } from '../config/nearest-name';
import { InputError } from '../errors';

/** One option of a command: how its words become a value, and what help says of it. */
export interface Option<Value> {
  /** What stands for its value in help; undefined for a switch, which takes none. */
  readonly placeholder: string | undefined;
  readonly help: string;
  readonly required: boolean;
  /** Whether several values may follow. */
  readonly several: boolean;
  /** From the words given, none where the option was left out, and the name to put into messages (`--seed`). */
  readonly read: (words: readonly string[], name: string) => Value;
}

export type OptionTable = Readonly<Record<string, Option<unknown>>>;

/** The values of a table of options, by the keys of the table. */
export type OptionValues<Table extends OptionTable> = {
  readonly [Key in keyof Table]: Table[Key] extends Option<infer Value> ? Value : never;
};

/** `maxTokens` as it is typed: `--max-tokens`. */
export function optionName(key: string): string {
  return `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/**
 * Reads the words that follow a command's name.
 *
 * @throws InputError for an unknown option, one given twice, a missing or a wrong value, or a word that belongs to no option
 */
export function readOptions<Table extends OptionTable>(
  table: Table,
  words: readonly string[],
): OptionValues<Table> {
  const given = gatherWords(table, words);
  const values = Object.entries(table).map(([key, option]) => {
    const name = optionName(key);
    const own = given.get(name) ?? [];
    if (option.required && own.length === 0) throw new InputError(`${name} is missing`);
    return [key, option.read(own, name)];
  });
  return Object.fromEntries(values) as OptionValues<Table>;
}

/** The words of each option by its name; a switch has one empty word. */
function gatherWords(table: OptionTable, words: readonly string[]): Map<string, string[]> {
  const options = new Map(Object.entries(table).map(([key, option]) => [optionName(key), option]));
  const given = new Map<string, string[]>();
  let last: string | undefined;
  for (const token of tokensOf(options, words)) {
    if (token.kind === 'option-terminator') continue;
    if (token.kind === 'positional') {
      const owner = last === undefined ? undefined : options.get(last);
      if (last === undefined || owner?.several !== true) {
        throw new InputError(`"${token.value}" belongs to no option`);
      }
      given.get(last)?.push(token.value);
      continue;
    }
    last = `--${token.name}`;
    const option = options.get(last);
    if (option === undefined) throw unknownOption(token.rawName, [...options.keys()]);
    if (given.has(last) && !option.several) throw new InputError(`${last} is given twice`);
    if (option.placeholder === undefined && token.value !== undefined) {
      throw new InputError(`${last} takes no value`);
    }
    if (option.placeholder !== undefined && isValueMissing(token)) {
      throw new InputError(`${last} needs a value after it: ${last} ${option.placeholder}`);
    }
    given.set(last, [...(given.get(last) ?? []), token.value ?? '']);
  }
  return given;
}

/** Whether nothing follows an option, or the next option does: a value may begin with two dashes only behind `=`. */
function isValueMissing({ value, inlineValue }: { value?: string; inlineValue?: boolean }) {
  return value === undefined || (inlineValue !== true && value.startsWith('--'));
}

function tokensOf(options: ReadonlyMap<string, Option<unknown>>, words: readonly string[]) {
  const types = [...options].map(([name, { placeholder }]) => [
    name.slice(2),
    { type: placeholder === undefined ? ('boolean' as const) : ('string' as const) },
  ]);
  return parseArgs({
    args: [...words],
    options: Object.fromEntries(types) as Record<string, { type: 'boolean' | 'string' }>,
    strict: false,
    allowPositionals: true,
    tokens: true,
  }).tokens;
}

function unknownOption(name: string, known: readonly string[]): InputError {
  const near = nearestName(name, known);
  const hint = near === undefined ? '--help lists the options' : `did you mean ${near}?`;
  return new InputError(`unknown option ${name}; ${hint}`);
}

interface Words {
  readonly placeholder: string;
  readonly help: string;
}

/** An option that must be there. */
export function required<Value>(
  { placeholder, help }: Words,
  parse: (word: string, name: string) => Value,
): Option<Value> {
  const read = ([word = '']: readonly string[], name: string) => parse(word, name);
  return { placeholder, help, required: true, several: false, read };
}

/** An option that may be left out. */
export function optional<Value>(
  { placeholder, help }: Words,
  parse: (word: string, name: string) => Value,
): Option<Value | undefined> {
  const read = ([word]: readonly string[], name: string) =>
    word === undefined ? undefined : parse(word, name);
  return { placeholder, help, required: false, several: false, read };
}

/** An option that takes one or more values. */
export function several({ placeholder, help }: Words): Option<readonly string[]> {
  return { placeholder, help, required: true, several: true, read: (words) => words };
}

/** An option that is there or not. */
export function flag(help: string): Option<boolean> {
  return {
    placeholder: undefined,
    help,
    required: false,
    several: false,
    read: (words) => words.length > 0,
  };
}

/** The word as it is, but not an empty one. */
export function text(word: string, name: string): string {
  if (word === '') throw new InputError(`${name} is empty`);
  return word;
}

/** One of the choices. */
export function choice<const Choice extends string>(
  choices: readonly Choice[],
): (word: string, name: string) => Choice {
  return (word, name) => {
    const found = choices.find((one) => one === word);
    if (found === undefined) {
      throw new InputError(`${name} is "${word}"; it must be one of ${choices.join(', ')}`);
    }
    return found;
  };
}

/** A share above 0, at most 1. */
export function share(word: string, name: string): number {
  const value = Number(word);
  if (value > 0 && value <= 1) return value;
  throw new InputError(`${name} is "${word}"; it must be a number above 0, at most 1`);
}

/** A number from `minimum` to `maximum`, both allowed. */
export function numberBetween(
  minimum: number,
  maximum: number,
): (word: string, name: string) => number {
  return (word, name) => {
    const value = word.trim() === '' ? NaN : Number(word);
    if (value >= minimum && value <= maximum) return value;
    throw new InputError(
      `${name} is "${word}"; it must be a number ${rangeText(minimum, maximum)}`,
    );
  };
}

/** A whole number from `minimum` to `maximum`, both allowed. */
export function integerBetween(
  minimum: number,
  maximum: number,
): (word: string, name: string) => number {
  return (word, name) => {
    const value = /^[+-]?\d+$/.test(word) ? Number(word) : NaN;
    if (value >= minimum && value <= maximum) return value;
    throw new InputError(
      `${name} is "${word}"; it must be a whole number ${rangeText(minimum, maximum)}`,
    );
  };
}

function rangeText(minimum: number, maximum: number): string {
  return maximum === Infinity ? `of at least ${minimum}` : `from ${minimum} to ${maximum}`;
}
