import { describe, expect, test } from 'vitest';
import { loadTokenizer, type Tokenizer } from '../../src/data/tokenizer';
import { memoryFolder } from '../../src/formats/byte-source';
import { fixtureFolder } from './tokenizers';

const digits = (individual: boolean): object => ({ type: 'Digits', individual_digits: individual });
const BYTES = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };

/** The starter's vocabulary behind another pre-tokenizer. */
async function cutBy(...pretokenizers: object[]): Promise<Tokenizer> {
  const source = await fixtureFolder('starter').open('tokenizer.json');
  const text = new TextDecoder().decode(await source?.read(0, source.size));
  const tokenizer = {
    ...(JSON.parse(text) as object),
    pre_tokenizer: { type: 'Sequence', pretokenizers },
  };
  return loadTokenizer(memoryFolder('cut', { 'tokenizer.json': JSON.stringify(tokenizer) }));
}

// All ids are those of tokenizers 0.23 in Python.
describe.each([
  ['single digits', digits(true)],
  ['runs of digits', digits(false)],
])('%s are what Unicode calls numbers', (_, cutter) => {
  test.each([
    // Two line feeds before a number are one token: the number is a word of its own.
    ['end.\n\n①', [551, 17, 290, 162, 243, 258]],
    ['3½ miles', [22, 130, 125, 3052]],
    ['   Ⅷ', [224, 224, 224, 162, 231, 104]],
  ])('%j', async (text, ids) => {
    const tokenizer = await cutBy(cutter, BYTES);
    expect(tokenizer.encode(text, { addSpecialTokens: false })).toEqual(ids);
    expect(tokenizer.encodeWithOffsets(text).ids).toEqual(ids);
  });
});

test('words of GPT-2 do not end at what only JavaScript calls white space', async () => {
  const tokenizer = await cutBy(BYTES);
  expect(tokenizer.encode("\ufeff's", { addSpecialTokens: false })).toEqual([
    175, 123, 127, 10, 86,
  ]);
  // Without a number to cut at, the second line feed goes with the sign after it.
  expect(tokenizer.encode('end.\n\n①', { addSpecialTokens: false })).toEqual([
    551, 17, 202, 202, 162, 243, 258,
  ]);
});

test.each([
  [
    'white space is what Unicode calls so',
    { type: 'WhitespaceSplit' },
    'the\ufeffthe a',
    [1256, 175, 123, 127, 1256, 68],
  ],
  ['white space is what Unicode calls so', { type: 'WhitespaceSplit' }, 'it\u0085is', [276, 279]],
  [
    'signs stand alone',
    { type: 'Punctuation', behavior: 'Isolated' },
    'said.".." it',
    [86, 1308, 17, 5, 17, 17, 5, 311],
  ],
  [
    'signs stand together',
    { type: 'Punctuation', behavior: 'Contiguous' },
    'said.".." it',
    [86, 1308, 376, 17, 376, 311],
  ],
])('%s: %j of %j', async (_, cutter, text, ids) => {
  const tokenizer = await cutBy(cutter, { ...BYTES, use_regex: false });
  expect(tokenizer.encode(text, { addSpecialTokens: false })).toEqual(ids);
});

test('words have letters of every language', async () => {
  const letters = ['n', 'Ã', '©', 'nÃ', ','];
  const json = {
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [{ type: 'Whitespace' }, { ...BYTES, use_regex: false }],
    },
    decoder: BYTES,
    model: {
      type: 'BPE',
      vocab: Object.fromEntries(letters.map((letter, id) => [letter, id])),
      merges: [['n', 'Ã']],
    },
  };
  const folder = memoryFolder('words', { 'tokenizer.json': JSON.stringify(json) });
  const tokenizer = await loadTokenizer(folder);
  // In words of ASCII the n would stand alone.
  expect(tokenizer.encode('né ,', { addSpecialTokens: false })).toEqual([3, 2, 4]);
});
