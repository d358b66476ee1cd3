import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InputError } from '../../src/errors';
import { parseJson, type JsonLimits } from '../../src/formats/json';

const failure = (text: string, limits?: JsonLimits): string => {
  try {
    parseJson(text, 'f.json', limits);
  } catch (error) {
    if (error instanceof InputError) return error.message;
    throw error;
  }
  return 'nothing was thrown';
};

describe('parseJson', () => {
  it('reads what JSON.stringify writes', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 6 }), (text) => {
        // toEqual and not toStrictEqual: our objects have no prototype.
        expect(parseJson(text, 'f')).toEqual(JSON.parse(text));
      }),
    );
  });

  it('refuses with an InputError exactly where JSON.parse does, but for what it documents', () => {
    const fragments = fc.constantFrom(
      ...[
        '{',
        '}',
        '[',
        ']',
        ',',
        ':',
        '"',
        '"a"',
        '"b"',
        '1',
        '-',
        '0',
        '.5',
        'e3',
        'true',
        'nul',
      ],
      ...['null', ' ', '\n', '\\', '\\u00e', '\t', '\u0001', 'é', '-0', '01'],
    );
    fc.assert(
      fc.property(fc.array(fragments, { maxLength: 12 }), (parts) => {
        const text = parts.join('');
        let expected: unknown;
        try {
          expected = JSON.parse(text);
        } catch {
          expect(failure(text)).toMatch(/^f\.json:\d+: /);
          return;
        }
        const message = failure(text);
        if (message === 'nothing was thrown') expect(parseJson(text, 'f')).toEqual(expected);
        else expect(message).toMatch(/comes twice/);
      }),
      { numRuns: 3000 },
    );
  });

  it('refuses a key that comes twice, however it is spelled, with its line', () => {
    expect(failure('{"a":1,\n"a":2}')).toBe('f.json:2: the key "a" comes twice in one object');
    expect(failure('{"a":1,"\\u0061":2}')).toContain('"a" comes twice');
    expect(failure('{"x":{"__proto__":1,"__proto__":2}}')).toContain('"__proto__" comes twice');
    expect(parseJson('{"a":{"a":1},"b":{"a":2}}', 'f')).toEqual({ a: { a: 1 }, b: { a: 2 } });
  });

  it('keeps __proto__ an ordinary key', () => {
    const object = parseJson('{"__proto__":{"polluted":1}}', 'f') as Record<string, unknown>;
    expect(Object.keys(object)).toEqual(['__proto__']);
    expect(object.polluted).toBeUndefined();
  });

  it('refuses half of a surrogate pair and takes a whole one', () => {
    expect(failure('"\\ud83d"')).toContain('surrogate');
    expect(failure('"\\udca9\\ud83d"')).toContain('surrogate');
    expect(parseJson('"\\ud83d\\udca9"', 'f')).toBe('💩');
  });

  it('keeps to its limits', () => {
    expect(failure('[[[1]]]', { depth: 2 })).toContain('nested too deeply');
    expect(parseJson('[[1]]', 'f', { depth: 2 })).toEqual([[1]]);
    expect(failure('['.repeat(1_000_000))).toContain('nested too deeply');
    expect(failure('[1,2,3]', { values: 3 })).toContain('too many values');
    expect(failure('1e999')).toContain('too large');
  });

  it('tells integers by their spelling where only those are allowed', () => {
    const only = { unsignedIntegers: true };
    expect(parseJson('[0,7,9007199254740991]', 'f', only)).toEqual([0, 7, 9007199254740991]);
    for (const text of ['1.0', '1e0', '-1', '-0', '1.5']) {
      expect(failure(text, only)).toContain('only whole numbers');
    }
    expect(failure('9007199254740993', only)).toContain('too large');
  });
});
