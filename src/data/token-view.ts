import { NOT_TRAINED, type TokenizedExample } from './tokenize';
import type { Tokenizer } from './tokenizer';

/** One token as it is shown. */
export interface TokenPiece {
  id: number;
  /** Its text; where one character spans several tokens the first carries it and the others are empty. */
  text: string;
  /** Whether its prediction is trained. */
  trained: boolean;
  /** A special token of the tokenizer, such as an end of turn. */
  special: boolean;
}

/** An example's tokens with their text, in order. Without a tokenizer a token's text is its number. */
export function tokenPieces(
  { inputIds, labels }: Pick<TokenizedExample, 'inputIds' | 'labels'>,
  tokenizer: Tokenizer | null,
): TokenPiece[] {
  const texts = tokenizer === null ? Array.from(inputIds, String) : tokenTexts(inputIds, tokenizer);
  return texts.map((text, position) => {
    const id = inputIds[position] ?? 0;
    return {
      id,
      text,
      trained: position > 0 && labels[position] !== NOT_TRAINED,
      special: tokenizer?.isSpecial(id) ?? false,
    };
  });
}

/** The beginning of an example's text on one line, at most `characters` long. */
export function excerpt(
  inputIds: Uint32Array,
  tokenizer: Tokenizer | null,
  characters: number,
): string {
  // A token of several characters is the rule, but one may be less than a character.
  const ids = inputIds.subarray(0, characters);
  const text = tokenizer === null ? ids.join(' ') : tokenTexts(ids, tokenizer).join('');
  const line = text.replace(/\s+/g, ' ').trim();
  const shown = Array.from(line);
  return shown.length <= characters ? line : `${shown.slice(0, characters - 1).join('')}…`;
}

/**
 * The text of each token. Bytes of a character that several tokens share go to the first of them; bytes that are no character show as the replacement
 * character.
 */
function tokenTexts(inputIds: Uint32Array, tokenizer: Tokenizer): string[] {
  const tokens = Array.from(inputIds, (id) => tokenizer.tokenBytes(id));
  const bytes = new Uint8Array(tokens.reduce((sum, token) => sum + token.length, 0));
  const starts: number[] = [];
  let length = 0;
  for (const token of tokens) {
    bytes.set(token, length);
    starts.push(length);
    length += token.length;
  }
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  let from = 0;
  return tokens.map((token, position) => {
    const end = (starts[position] ?? 0) + token.length;
    if (end <= from) return '';
    const to = endOfCharacter(bytes, end);
    const text = decoder.decode(bytes.subarray(from, to));
    from = to;
    return text;
  });
}

/** The first index at or after `end` at which no character goes on. */
function endOfCharacter(bytes: Uint8Array, end: number): number {
  let lead = end - 1;
  while (lead > end - 4 && lead > 0 && ((bytes[lead] ?? 0) & 0xc0) === 0x80) lead--;
  const first = bytes[lead] ?? 0;
  const size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1;
  let to = end;
  while (to < lead + size && to < bytes.length && ((bytes[to] ?? 0) & 0xc0) === 0x80) to++;
  return to;
}
