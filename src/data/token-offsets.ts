/** How far a token may lie from where the one before it ended, in bytes, when a normaliser has changed the text between. */
const SEARCH_BYTES = 256;
const SPACE = 0x20;

/** A token as it is found again in the text that it was made from. */
export interface SpelledToken {
  bytes: Uint8Array;
  /** An added token, cut out of the text before the rest of it is tokenised. */
  added: boolean;
  /** The token for what the vocabulary has no other for; its bytes say nothing of the text unless the text spells them. */
  unknown?: boolean;
}

/**
 * Which part of a text each of its tokens covers. Tokens are matched to the UTF-8 text in order by their bytes. A space that the tokenizer put in
 * front of a stretch of text covers the character after it; text that no token stands for (white space that an added token swallows) goes
 * to the token after it; where a normaliser has changed the text a token covers what lies between its neighbours. Of unknown tokens in a row each
 * covers a character, the last one what is left. A token that holds part of a character covers the whole of it.
 *
 * @returns first and one past the last UTF-16 code unit of each token, [tokens]
 */
export function tokenOffsets(
  text: string,
  tokens: readonly SpelledToken[],
): { starts: Uint32Array; ends: Uint32Array } {
  const bytes = new TextEncoder().encode(text);
  const { starts, ends } = byteOffsets(bytes, tokens);
  const units = codeUnitsOfBytes(text, bytes.length);
  for (let token = 0; token < tokens.length; token++) {
    const [start, end] = [starts[token] ?? 0, ends[token] ?? 0];
    starts[token] = floorUnit(units, start);
    ends[token] = end === start ? floorUnit(units, start) : ceilUnit(units, end);
  }
  return { starts, ends };
}

function byteOffsets(
  text: Uint8Array,
  tokens: readonly SpelledToken[],
): { starts: Uint32Array; ends: Uint32Array } {
  const starts = new Uint32Array(tokens.length);
  const ends = new Uint32Array(tokens.length);
  let at = 0;
  tokens.forEach((token, index) => {
    const { bytes, added } = token;
    if (token.unknown === true && !matchesAt(text, at, bytes)) {
      starts[index] = at;
      at = endOfUnknown(text, at, token, tokens[index + 1]);
      ends[index] = at;
      return;
    }
    const beginsStretch = !added && tokens[index - 1]?.added !== false;
    const padded =
      lacksSpace(text, at, bytes) || (beginsStretch && isPadded(text, at, tokens, index));
    const spelled = padded ? bytes.subarray(1) : bytes;
    starts[index] = at;
    if (spelled.length === 0) {
      ends[index] = Math.min(at + 1, text.length);
    } else {
      at = endOfToken(text, at, spelled, tokens[index + 1]?.bytes);
      ends[index] = at;
    }
  });
  return { starts, ends };
}

/** Whether the token is what stands at `at`, with a space in front that is not there. */
function lacksSpace(text: Uint8Array, at: number, token: Uint8Array): boolean {
  return token[0] === SPACE && text[at] !== SPACE && matchesAt(text, at, token.subarray(1));
}

/** Whether the tokens from `first` up to the next added one begin with a space that the text at `at` has not. */
function isPadded(
  text: Uint8Array,
  at: number,
  tokens: readonly SpelledToken[],
  first: number,
): boolean {
  if (tokens[first]?.bytes[0] !== SPACE) return false;
  let end = at;
  let index = first;
  for (; tokens[index]?.added === false; index++) end += tokens[index]?.bytes.length ?? 0;
  const next = tokens[index]?.bytes;
  const isEnd = (place: number): boolean =>
    next === undefined ? place === text.length : matchesAt(text, place, next);
  return !isEnd(end) && isEnd(end - 1);
}

/**
 * One past the last byte of what an unknown token stands for: a character, and all up to the next token where that is a known one, or up to
 * where the text spells the unknown token where that comes first.
 */
function endOfUnknown(
  text: Uint8Array,
  at: number,
  token: SpelledToken,
  next: SpelledToken | undefined,
): number {
  if (next === undefined) return text.length;
  let end = Math.min(at + 1, text.length);
  while (isContinuation(text[end])) end++;
  if (next.unknown === true) return end;
  const nextAt = find(text, end, next.bytes);
  const spelledAt = find(text, end, token.bytes);
  const isSpelled = spelledAt !== undefined && spelledAt < (nextAt ?? text.length);
  return isSpelled ? spelledAt + token.bytes.length : (nextAt ?? end);
}

/** Whether a byte of UTF-8 is inside a character. */
function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}

/** One past the last byte of the token that begins at or after `at`. */
function endOfToken(
  text: Uint8Array,
  at: number,
  token: Uint8Array,
  next: Uint8Array | undefined,
): number {
  if (matchesAt(text, at, token)) return at + token.length;
  const found = find(text, at, token);
  if (found !== undefined) return found + token.length;
  const nextAt = next === undefined ? text.length : find(text, at, next);
  return nextAt ?? at;
}

function find(text: Uint8Array, from: number, bytes: Uint8Array): number | undefined {
  if (bytes.length === 0) return undefined;
  const last = Math.min(from + SEARCH_BYTES, text.length - bytes.length);
  for (let at = from; at <= last; at++) if (matchesAt(text, at, bytes)) return at;
  return undefined;
}

function matchesAt(text: Uint8Array, at: number, bytes: Uint8Array): boolean {
  if (at + bytes.length > text.length) return false;
  for (let index = 0; index < bytes.length; index++) {
    if (text[at + index] !== bytes[index]) return false;
  }
  return true;
}

/**
 * For each byte of the UTF-8 text the code unit at which its character starts, with the text's length after the last; null where every
 * byte is a code unit.
 */
function codeUnitsOfBytes(text: string, byteLength: number): Uint32Array | null {
  if (byteLength === text.length) return null;
  const units = new Uint32Array(byteLength + 1);
  let byte = 0;
  let unit = 0;
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    const length = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    units.fill(unit, byte, byte + length);
    byte += length;
    unit += character.length;
  }
  units[byteLength] = unit;
  return units;
}

function floorUnit(units: Uint32Array | null, byte: number): number {
  return units === null ? byte : (units[byte] ?? 0);
}

/** The code unit at which the next character after byte `end - 1` starts. */
function ceilUnit(units: Uint32Array | null, end: number): number {
  if (units === null) return end;
  const inside = units[end - 1];
  let next = end;
  while (next < units.length - 1 && units[next] === inside) next++;
  return units[next] ?? 0;
}
