import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readJsonValues, type JsonLayout } from '../../src/data/json-values';
import { memorySource } from '../../src/formats/byte-source';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

async function read(text: string, layout: JsonLayout, blockBytes: number) {
  const found = [];
  const source = memorySource('f.json', encoder.encode(text));
  for await (const item of readJsonValues(source, layout, blockBytes)) {
    found.push('message' in item ? item : { line: item.line, text: decoder.decode(item.bytes) });
  }
  return found;
}

const WHITE_SPACE = fc.constantFrom('', ' ', '\n', '\r\n', '\n\n\t');

describe('readJsonValues', () => {
  test('gives the elements of any array, wherever blocks end', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.jsonValue()),
        WHITE_SPACE,
        fc.integer({ min: 1, max: 40 }),
        async (values, space, blockBytes) => {
          const text = `${space}[${values.map((value) => space + JSON.stringify(value) + space).join(',')}]${space}`;
          const found = await read(text, 'array', blockBytes);
          expect(found.map((item) => 'text' in item && (JSON.parse(item.text) as unknown))).toEqual(
            JSON.parse(text),
          );
        },
      ),
    );
  });

  test('gives objects one after the other, pretty or not', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.dictionary(fc.string(), fc.jsonValue())),
        fc.constantFrom('', '\n', ' \r\n'),
        fc.integer({ min: 1, max: 40 }),
        async (values, between, blockBytes) => {
          const text = values.map((value) => JSON.stringify(value, null, 1)).join(between);
          const found = await read(text, 'values', blockBytes);
          expect(found.map((item) => 'text' in item && (JSON.parse(item.text) as unknown))).toEqual(
            JSON.parse(JSON.stringify(values)),
          );
        },
      ),
    );
  });

  test('numbers lines from 1, by the line on which an element begins', async () => {
    const text = '[\n  {"a": "x\\n"},\n\n  {\n "b": [1,\n2]}, 3\r\n]';
    const found = await read(text, 'array', 7);
    expect(found.map((item) => item.line)).toEqual([2, 4, 6]);
  });

  test.each([
    ['[{"a":1}', 1, 'the file ends before its list does'],
    ['[\n{"a":1},\n{"b":[', 3, 'the file ends inside the example that begins here'],
    ['[{"a":1}]\n{"b":1}', 2, 'there is more after the end of the list'],
    ['[{"a":1},]', 1, 'this is not JSON; what follows cannot be read'],
    ['[1}\n]', 1, 'this is not JSON; what follows cannot be read'],
    ['', 1, 'the file ends before its list does'],
  ])('says where %j breaks off', async (text, line, message) => {
    const found = await read(text, 'array', 3);
    expect(found.at(-1)).toEqual({ line, message });
  });

  test('says where something stands between objects', async () => {
    expect(await read('{"a":1}\n, {"b":2}', 'values', 64)).toEqual([
      { line: 1, text: '{"a":1}' },
      { line: 2, message: 'this is not JSON; what follows cannot be read' },
    ]);
  });
});
