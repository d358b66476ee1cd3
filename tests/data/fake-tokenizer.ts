import type { Tokenizer } from '../../src/data/tokenizer';

/**
 * A tokenizer simple enough to see through: a token is a word with the space before it, or one other character. Ids count up as spellings turn
 * up; 0 begins a text and 1 ends it.
 */
export function wordTokenizer(): Tokenizer & { text(ids: ArrayLike<number>): string } {
  const spellings = ['<s>', '</s>'];
  const idOf = (spelling: string): number => {
    const known = spellings.indexOf(spelling);
    return known >= 0 ? known : spellings.push(spelling) - 1;
  };
  const split = (text: string): string[] => text.match(/<\/?s>| ?[\p{L}\p{N}]+|./gsu) ?? [];
  const text = (ids: ArrayLike<number>): string =>
    Array.from(ids, (id) => spellings[id] ?? '').join('');
  return {
    get vocabSize() {
      return spellings.length;
    },
    bosToken: '<s>',
    eosToken: '</s>',
    bosTokenId: 0,
    eosTokenId: 1,
    specialTokens: ['<s>', '</s>'],
    chatTemplate: null,
    encode: (all) => split(all).map(idOf),
    encodeWithOffsets(all) {
      const pieces = split(all);
      const ends = new Uint32Array(pieces.length);
      pieces.forEach((piece, index) => (ends[index] = (ends[index - 1] ?? 0) + piece.length));
      const starts = ends.map((end, index) => end - (pieces[index]?.length ?? 0));
      return { ids: pieces.map(idOf), starts, ends };
    },
    decode: text,
    isSpecial: (id) => id < 2,
    tokenBytes: (id) => new TextEncoder().encode(spellings[id]),
    renderChat: (messages) =>
      messages.map(({ role, content }) => `${role}:${content}</s>`).join(''),
    text,
  };
}
