import { describe, expect, test } from 'vitest';
import { tokenOffsets } from '../../src/data/token-offsets';
import { loadTokenizer, type Tokenizer } from '../../src/data/tokenizer';
import { memoryFolder } from '../../src/formats/byte-source';

describe('tokens for what the vocabulary has not', () => {
  // The right places are those of tokenizers in Python, which merges unknown characters into one token or not as the vocabulary says.
  test.each([
    ['one a character', 'a☃☃b', ['a', '<unk>', '<unk>', 'b'], [0, 1, 2, 3], [1, 2, 3, 4]],
    ['one for several', 'a☃é b', ['a', '<unk>', ' ', 'b'], [0, 1, 3, 4], [1, 3, 4, 5]],
    ['one up to the end', 'a☃é', ['a', '<unk>'], [0, 1], [1, 3]],
    ['what spells it', 'é <unk>', ['<unk>', ' ', '<unk>'], [0, 1, 2], [1, 2, 7]],
    ['beside what spells it', '☃<unk>b', ['<unk>', '<unk>', 'b'], [0, 1, 6], [1, 6, 7]],
    [
      'one for several, then what spells it',
      'é☃<unk>x é',
      ['<unk>', '<unk>', ' ', 'x', ' ', '<unk>'],
      [0, 1, 7, 7, 8, 9],
      [1, 7, 8, 8, 9, 10],
    ],
    ['behind a space in front', '☃b', [' ', '<unk>', 'b'], [0, 0, 1], [1, 1, 2]],
  ])('%s', (_, text, spellings, starts, ends) => {
    const tokens = spellings.map((spelling) => ({
      bytes: new TextEncoder().encode(spelling),
      added: spelling === '<unk>',
      unknown: spelling === '<unk>',
    }));
    const offsets = tokenOffsets(text, tokens);
    expect([[...offsets.starts], [...offsets.ends]]).toEqual([starts, ends]);
  });
});

test('tokens of a text that is normalised first cover what they are made of', async () => {
  const tokenizer = await normalizing('NFKC');
  // ﬃ is three tokens, e with its accent and the syllable of three letters two and three bytes of one character each.
  const { starts, ends } = tokenizer.encodeWithOffsets('aﬃe\u0301\u1112\u1161\u11abz');
  expect([[...starts], [...ends]]).toEqual([
    [0, 1, 1, 1, 2, 2, 4, 4, 4, 7],
    [1, 2, 2, 2, 4, 4, 7, 7, 7, 8],
  ]);
});

/** A vocabulary of single bytes behind a normaliser. */
function normalizing(type: string): Promise<Tokenizer> {
  const bytes = { type: 'ByteLevel', add_prefix_space: false, use_regex: false };
  const json = {
    normalizer: { type },
    pre_tokenizer: bytes,
    decoder: bytes,
    model: {
      type: 'BPE',
      vocab: Object.fromEntries(
        Array.from('afiz\u00c3\u00a9\u00ed\u0137\u013e').map((c, id) => [c, id]),
      ),
      merges: [],
    },
  };
  return loadTokenizer(memoryFolder('normalizing', { 'tokenizer.json': JSON.stringify(json) }));
}

describe('a Unigram vocabulary that falls back to bytes', () => {
  // The ids are those of tokenizers 0.23 in Python.
  test.each([
    ['the é☃a', [2, 1, 200, 174, 231, 157, 136, 3]],
    ['aée', [1, 3, 200, 174, 4]],
    ['b', [1, 103]],
    ['é <0x41>', [1, 200, 174, 1, 70]],
    ['the <unk>e', [2, 1, 0, 1, 4]],
  ])('spells %j in bytes where it must', async (text, ids) => {
    const tokenizer = await unigram();
    expect(tokenizer.encode(text, { addSpecialTokens: false })).toEqual(ids);
  });

  test('knows which bytes are of which character', async () => {
    const { starts, ends } = (await unigram()).encodeWithOffsets('aée');
    expect([[...starts], [...ends]]).toEqual([
      [0, 0, 1, 1, 2],
      [1, 1, 2, 2, 3],
    ]);
  });
});

test('added tokens that hold what stands for a space cover it in the text', async () => {
  // Code Llama has such tokens.
  const { ids, starts, ends } = (await unigram('▁<PRE>')).encodeWithOffsets('e▁<PRE>e');
  expect([ids, [...starts], [...ends]]).toEqual([
    [1, 4, 261, 1, 4],
    [0, 0, 1, 7, 7],
    [1, 1, 7, 8, 8],
  ]);
});

/** @param more a token to add */
function unigram(more?: string): Promise<Tokenizer> {
  const bytes = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
  const asItIs = { normalized: false, single_word: false, lstrip: false, rstrip: false };
  const unknown = { id: 0, content: '<unk>', special: true, ...asItIs };
  const added = more === undefined ? [] : [{ id: 261, content: more, special: true, ...asItIs }];
  const spaces = { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: true };
  const json = {
    added_tokens: [unknown, ...added],
    pre_tokenizer: spaces,
    decoder: spaces,
    model: {
      type: 'Unigram',
      unk_id: 0,
      vocab: [
        ['<unk>', 0],
        ...[['▁', -2] as const, ['▁the', -1] as const, ['a', -3] as const, ['e', -3] as const],
        ...bytes.map((byte) => [`<0x${byte.toUpperCase()}>`, 0] as const),
      ],
      byte_fallback: true,
    },
  };
  return loadTokenizer(memoryFolder('unigram', { 'tokenizer.json': JSON.stringify(json) }));
}
