import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PART_CHARACTERS, tokenizeDocument } from '../../src/data/documents';
import { tokenizeExample } from '../../src/data/tokenize';
import { wordTokenizer } from './fake-tokenizer';
import { fixtureTokenizer } from './tokenizers';

function split(text: string, maximumTokens: number, ends = true): string[] {
  const tokenizer = wordTokenizer();
  return tokenizeDocument(text, tokenizer, maximumTokens, { ends }).map(({ ids }) =>
    tokenizer.text(ids),
  );
}

describe('tokenizeDocument', () => {
  test('keeps a document that fits whole, between its special tokens', () => {
    expect(split('a b c', 5)).toEqual(['<s>a b c</s>']);
    expect(split('', 3)).toEqual(['<s></s>']);
  });

  test('cuts at the last paragraph that fits', () => {
    expect(split('a b. c\n\nd e. f\n\ng h i j', 14)).toEqual([
      '<s>a b. c\n\nd e. f\n\n',
      '<s>g h i j</s>',
    ]);
  });

  test('cuts at the last sentence where no paragraph fits', () => {
    expect(split('a b. c d! Then e f g h i j k l', 10)).toEqual([
      '<s>a b. c d!',
      '<s> Then e f g h i j k',
      '<s> l</s>',
    ]);
    expect(split('「ab。」cd efg', 7)).toEqual(['<s>「ab。」', '<s>cd efg</s>']);
  });

  test('cuts between words where no sentence fits, leaving room for the end of the last piece', () => {
    expect(split('a b c d e f', 4)).toEqual(['<s>a b c', '<s> d e', '<s> f</s>']);
  });

  test('does not end a part that another follows', () => {
    expect(split('a b c', 9, false)).toEqual(['<s>a b c']);
  });

  test('loses nothing of any text, exceeds no length, and ends no piece but the last', () => {
    const words = fc.constantFrom(
      'a',
      'bc',
      ' ',
      '. ',
      '\n',
      '\n\n',
      '?"',
      '漢。',
      '👋🏽',
      '\r\n\r\n',
    );
    fc.assert(
      fc.property(
        fc.array(words, { maxLength: 80 }).map((list) => list.join('')),
        fc.integer({ min: 3, max: 12 }),
        (text, maximumTokens) => {
          const tokenizer = wordTokenizer();
          const pieces = tokenizeDocument(text, tokenizer, maximumTokens);
          expect(pieces.map(({ ids }) => tokenizer.text(ids.slice(1))).join('')).toBe(
            `${text}</s>`,
          );
          pieces.forEach(({ ids, start }, index) => {
            expect(ids.length).toBeLessThanOrEqual(maximumTokens);
            expect(ids[0]).toBe(0);
            expect(ids.includes(1)).toBe(index === pieces.length - 1);
            const spelled = tokenizer.text(ids.slice(1)).replace('</s>', '');
            expect(text.startsWith(spelled, start)).toBe(true);
          });
        },
      ),
    );
  });

  test('refuses a length without room for text', () => {
    expect(() => split('a', 2)).toThrow('max_seq_length leaves no room');
  });

  test('cuts a very long text into parts at a blank line, none of it lost', () => {
    const line = `${'word '.repeat(99)}\n\n`;
    const text = line.repeat(Math.ceil((1.5 * PART_CHARACTERS) / line.length));
    const tokenizer = wordTokenizer();
    const pieces = tokenizeDocument(text, tokenizer, 2 ** 20);
    expect(pieces.length).toBe(2);
    expect(pieces.map(({ ids }) => tokenizer.text(ids.slice(1))).join('')).toBe(`${text}</s>`);
    expect(text.slice(0, pieces[1]?.start).endsWith('\n\n')).toBe(true);
  });

  test('never cuts inside a character that takes several tokens', async () => {
    const tokenizer = await fixtureTokenizer('llama');
    const text = '👨‍👩‍👧‍👦𐍈漢'.repeat(20);
    const pieces = tokenizeDocument(text, tokenizer, 7);
    const spelled = pieces.map(({ ids }) => tokenizer.decode(ids, { skipSpecialTokens: true }));
    expect(spelled.join('')).toBe(text);
    for (const piece of spelled) expect(piece).not.toContain('\ufffd');
  });
});

test('a piece of a text file has the line on which it begins, a piece of a JSON line the line itself', () => {
  const tokenizer = wordTokenizer();
  const config = { max_seq_length: 6, chat_template: 'auto', train_on_prompt: false } as const;
  const text = 'a\n\nb c\n\nd e f\ng h';
  const sources = (spansLines: boolean): string[] =>
    tokenizeExample(
      { kind: 'document', text, spansLines, source: 'x.txt:3' },
      tokenizer,
      config,
    ).examples.map(({ source }) => source);
  expect(sources(true)).toEqual(['x.txt:3', 'x.txt:5', 'x.txt:7', 'x.txt:8']);
  expect(new Set(sources(false))).toEqual(new Set(['x.txt:3']));
});
