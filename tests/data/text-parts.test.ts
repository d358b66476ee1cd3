import { describe, expect, test } from 'vitest';
import { tokenizeDocument } from '../../src/data/documents';
import { readTextDocument } from '../../src/data/text-documents';
import { endOfPart } from '../../src/data/text-parts';
import { loadTokenizer, type Tokenizer } from '../../src/data/tokenizer';
import { memoryFolder, memorySource } from '../../src/formats/byte-source';
import { fixtureTokenizer } from './tokenizers';

describe('endOfPart', () => {
  test.each([
    ['the last paragraph', 'One. Two three.\n\nFour. Five six', 'One. Two three.\n\n'],
    ['the last of several blank lines', 'One.\r\n\r\n\r\n\tTwo. Three', 'One.\r\n\r\n\r\n'],
    ['a paragraph before its indentation', 'One two.\n \n  Two. Three', 'One two.\n \n'],
    ['the last sentence', 'One two three “four.” Five six', 'One two three “four.”'],
    ['the last sentence without spaces', '一二三四五。六七', '一二三四五。'],
    ['the last word', 'one two three\nfour', 'one two three\n'],
    ['the last character', 'onetwothree', 'onetwothre'],
  ])('is at %s', (_, text, part) => {
    expect(text.slice(0, endOfPart(text, 0, text.length - 1))).toBe(part);
  });

  test('looks for nothing in the first half, and never parts a character', () => {
    expect(endOfPart('a\n\nbcdefghijkl', 0, 10)).toBe(10);
    expect(endOfPart('ab👋c', 0, 3)).toBe(2);
    expect(endOfPart('ab👋c', 0, 4)).toBe(4);
  });

  test('takes no longer for a hostile text', () => {
    for (const text of ['\n', ' ', '."', '。', 'a '].map((unit) => unit.repeat(2 ** 20))) {
      expect(endOfPart(text, 0, text.length)).toBeGreaterThan(text.length / 2);
    }
  });
});

/** Paragraphs as books have them: indented, of dialogue, with blank lines in a row and line ends of either kind. */
const BOOK = Array.from({ length: 60 }, (_, n) =>
  [
    `“Whither ${n}?” she said.\nHe  knew -- not.`,
    `    Chapter ${n}.\n\n\n`,
    `Das war’s: Ärger, ${n * 7919} Mal… “Ja.”\r\n\r\n\r\nZweite Zeile\r\nund Schluß!`,
    `no_end here it goes on and on and on ${'word '.repeat(n % 9)}`,
  ].join(n % 2 === 0 ? '\n\n' : '\n'),
).join('\n\n');

/** A tokenizer as those of Llama 2: a space in front of every text, no look at words, bytes for what it does not know. */
function paddingTokenizer(): Promise<Tokenizer> {
  const special = ['<unk>', '<s>', '</s>'];
  const bytes = Array.from(
    { length: 256 },
    (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`,
  );
  const letters = Array.from('▁abcdefghijklmnopqrstuvwxyz');
  const merges = [
    ['o', 'n'],
    ['e', 'r'],
    ['▁', 'w'],
    ['▁', '▁'],
  ] as const;
  const words = [...special, ...bytes, ...letters, ...merges.map((pair) => pair.join(''))];
  const added = special.map((content, id) => ({
    ...{ id, content, special: true, normalized: false },
    ...{ single_word: false, lstrip: false, rstrip: false },
  }));
  const json = {
    version: '1.0',
    added_tokens: added,
    normalizer: {
      type: 'Sequence',
      normalizers: [
        { type: 'Prepend', prepend: '▁' },
        { type: 'Replace', pattern: { String: ' ' }, content: '▁' },
      ],
    },
    pre_tokenizer: null,
    post_processor: null,
    decoder: {
      type: 'Sequence',
      decoders: [
        { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
        { type: 'ByteFallback' },
        { type: 'Fuse' },
        { type: 'Strip', content: ' ', start: 1, stop: 0 },
      ],
    },
    model: {
      type: 'BPE',
      unk_token: '<unk>',
      byte_fallback: true,
      fuse_unk: true,
      vocab: Object.fromEntries(words.map((word, id) => [word, id])),
      merges,
    },
  };
  return loadTokenizer(
    memoryFolder('padding', {
      'tokenizer.json': JSON.stringify(json),
      'tokenizer_config.json': JSON.stringify({
        tokenizer_class: 'LlamaTokenizer',
        ...{ bos_token: '<s>', eos_token: '</s>', unk_token: '<unk>', legacy: true },
      }),
    }),
  );
}

describe('a book that is read in parts', () => {
  test.each([
    ['of Llama 3', () => fixtureTokenizer('llama')],
    ['of the starter', () => fixtureTokenizer('starter')],
    ['that puts a space in front', paddingTokenizer],
  ] as const)('has the tokens of the whole, with the tokenizer %s', async (_, load) => {
    const tokenizer = await load();
    const whole = tokenizer.encodeWithOffsets(BOOK).ids;
    for (const blockBytes of [97, 256, 1000, 4096]) {
      const file = memorySource('book.txt', new TextEncoder().encode(BOOK));
      const ids: number[] = [];
      let parts = 0;
      for await (const item of readTextDocument(file, blockBytes)) {
        if (!('example' in item) || item.example.kind !== 'document') continue;
        parts++;
        const begin = tokenizer.bosTokenId === null ? 0 : 1;
        const part = { ...item.example, ends: false };
        for (const piece of tokenizeDocument(part.text, tokenizer, 2000, part)) {
          ids.push(...piece.ids.slice(begin));
        }
      }
      expect(parts).toBeGreaterThan(BOOK.length / blockBytes / 2);
      expect(ids, `in blocks of ${blockBytes}`).toEqual(whole);
    }
  });
});

describe("characters that stand for spaces in the vocabulary and are the text's own", () => {
  test.each(['a▁▁    ', '▁', 'on▁▁ on', 'a ▁</s>▁ b'])(
    '%j is all in its document',
    async (text) => {
      const tokenizer = await paddingTokenizer();
      const ids = tokenizer.encode(text, { addSpecialTokens: false });
      const [piece] = tokenizeDocument(text, tokenizer, 100);
      expect(piece?.ids).toEqual([1, ...ids, 2]);
    },
  );

  test('are covered by their tokens', async () => {
    const tokenizer = await paddingTokenizer();
    const { starts, ends } = tokenizer.encodeWithOffsets('a▁▁▁ b');
    // ▁ in front, a, ▁▁, ▁▁, b
    expect([[...starts], [...ends]]).toEqual([
      [0, 0, 1, 3, 5],
      [1, 1, 3, 5, 6],
    ]);
  });
});
