import { describe, expect, it } from 'vitest';
import { InputError } from '../../src/errors';
import {
  choice,
  flag,
  integerBetween,
  numberBetween,
  optional,
  readOptions,
  required,
  several,
  share,
  text,
} from '../../src/headless/options';

const words = { placeholder: 'X', help: '' };
const table = {
  model: required(words, text),
  data: several(words),
  maxTokens: optional(words, integerBetween(1, 100)),
  temperature: optional(words, numberBetween(0, Infinity)),
  topP: optional(words, share),
  type: optional(words, choice(['f32', 'f16'])),
  chat: flag(''),
};

const read = (...given: string[]) => readOptions(table, ['--model', 'm', '--data', 'd', ...given]);

describe('options', () => {
  it('are read by their kind', () => {
    expect(read('--max-tokens', '12', '--temperature=0.5', '--type', 'f16', '--chat')).toEqual({
      model: 'm',
      data: ['d'],
      maxTokens: 12,
      temperature: 0.5,
      type: 'f16',
      chat: true,
    });
  });

  it('that were left out are undefined, switches false', () => {
    expect(read()).toEqual({
      model: 'm',
      data: ['d'],
      maxTokens: undefined,
      temperature: undefined,
      type: undefined,
      chat: false,
    });
  });

  it('of several values take those that follow and those given again, in order', () => {
    const given = ['--data', 'a', 'b', '--model', 'm', '--data', 'c'];
    expect(readOptions(table, given).data).toEqual(['a', 'b', 'c']);
  });

  it.each([
    [['--data', 'd'], '--model is missing'],
    [['--model', 'm'], '--data is missing'],
    [['--model', '--data', 'd'], '--model needs a value'],
    [['--data', 'd', '--model'], '--model needs a value'],
    [['--model', 'm', '--model', 'n'], '--model is given twice'],
    [['--model', ''], '--model is empty'],
    [['--model', 'm', 'n', '--data', 'd'], '"n" belongs to no option'],
    [['m', '--model', 'm'], '"m" belongs to no option'],
    [['--modle', 'm'], 'unknown option --modle; did you mean --model?'],
    [['--xyzzy'], 'unknown option --xyzzy; --help lists the options'],
    [['-m', 'm'], 'unknown option -m'],
  ])('%j: %s', (given, message) => {
    expect(() => readOptions({ ...table, data: several(words) }, given)).toThrow(InputError);
    expect(() => readOptions(table, given)).toThrow(message);
  });

  it.each([
    ['--max-tokens', '0', 'a whole number from 1 to 100'],
    ['--max-tokens', '1.5', 'a whole number from 1 to 100'],
    ['--max-tokens', '1e1', 'a whole number from 1 to 100'],
    ['--max-tokens', 'many', '"many"'],
    ['--temperature', '-1', 'a number of at least 0'],
    ['--temperature', 'NaN', 'a number of at least 0'],
    ['--temperature', ' ', 'a number of at least 0'],
    ['--top-p', '0', 'a number above 0, at most 1'],
    ['--top-p', '1.5', 'a number above 0, at most 1'],
    ['--top-p', 'x', 'a number above 0, at most 1'],
    ['--type', 'f64', 'one of f32, f16'],
  ])('%s %s is refused', (name, value, message) => {
    expect(() => read(name, value)).toThrow(InputError);
    expect(() => read(name, value)).toThrow(message);
  });

  it('take a value that begins with dashes only behind an equals sign', () => {
    expect(readOptions(table, ['--model=--data', '--data', 'd']).model).toBe('--data');
  });

  it('refuse a value for a switch', () => {
    expect(() => read('--chat=yes')).toThrow('--chat takes no value');
  });
});
