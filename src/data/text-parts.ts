/** Where a long text may be cut into parts that are tokenised one by one, so that the tokens are those of the whole. */

import type { OffsetEncoding, Tokenizer } from './tokenizer';

/** How far around a part its tokens may depend on the text, in UTF-16 code units: far more than any token is long. */
const CONTEXT = 256;
/** How far a sentence's end is looked for behind closing quotes and brackets. */
const CLOSING = 16;

const SENTENCE_END = /[.!?…]["'”’»)\]]*$/;
const WIDE_SENTENCE_END = /[。！？]["'”’」』）]*$/;

/**
 * Where the part of `text` that begins at `from` and reaches `most` at most ends: before the last paragraph of its second half, else before
 * the last sentence, else before the last word, else between two characters. White space is cut after its last line feed, else before its
 * last space, which stays with the word: there tokenizers begin a token.
 */
export function endOfPart(text: string, from: number, most: number): number {
  let sentence: number | undefined;
  let word: number | undefined;
  const earliest = from + (most - from) / 2;
  for (let next = most - 1; next > earliest; next--) {
    if (isSpace(text, next)) continue;
    const gap = startOfGap(text, next);
    const said = text.slice(Math.max(from, gap - CLOSING), gap);
    if (gap < next) {
      const space = text.slice(gap, next);
      const place = gap + placeInSpace(space);
      if (/\n[^\n]*\n/.test(space)) return place;
      if (SENTENCE_END.test(said)) sentence ??= place;
      word ??= place;
    }
    if (WIDE_SENTENCE_END.test(said)) sentence ??= next;
    next = Math.min(next, gap + 1);
  }
  const insidePair = /[\uDC00-\uDFFF]/.test(text.charAt(most));
  return sentence ?? word ?? (insidePair ? most - 1 : most);
}

/** What stands around a part of a text; empty where nothing does. */
export interface Surroundings {
  /** {@link contextBefore} the part. */
  before?: string;
  /** {@link contextAfter} the part. */
  after?: string;
}

/** Of the text before a part, what can change the part's tokens. */
export function contextBefore(text: string): string {
  return text.slice(-CONTEXT).replace(/^[\uDC00-\uDFFF]/, '');
}

/** Of the text after a part, what can change the part's tokens. */
export function contextAfter(text: string): string {
  return text.slice(0, CONTEXT).replace(/[\uD800-\uDBFF]$/, '');
}

/**
 * The tokens of a part of a text. A tokenizer may put a space in front of what it is given, and looks at what stands around white space: so it
 * is given the surroundings too, where tokens begin and end with the part.
 */
export function encodePart(
  text: string,
  { before = '', after = '' }: Surroundings,
  tokenizer: Tokenizer,
): OffsetEncoding {
  const { ids, starts, ends } = tokenizer.encodeWithOffsets(before + text + after);
  const start = before.length;
  const end = start + text.length;
  const tokenAt = (place: number): number => {
    const index = starts.findIndex((one) => one >= place);
    return index < 0 ? ids.length : index;
  };
  // Where nothing stands around the part, its border is the text's: tokens that stand for none of its characters belong to it too.
  const first = before === '' ? 0 : tokenAt(start);
  const last = after === '' ? ids.length : tokenAt(end);
  const fits = (starts[first] ?? end) === start && (ends[last - 1] ?? start) === end;
  if (!fits) return tokenizer.encodeWithOffsets(text);
  const moved = (places: Uint32Array): Uint32Array<ArrayBuffer> =>
    Uint32Array.from(places.subarray(first, last), (place) => place - start);
  return { ids: ids.slice(first, last), starts: moved(starts), ends: moved(ends) };
}

/** Where the white space before a place begins; the place itself where there is none. */
function startOfGap(text: string, place: number): number {
  let at = place;
  while (at > 0 && isSpace(text, at - 1)) at--;
  return at;
}

/** Where white space is cut. */
function placeInSpace(space: string): number {
  const lineFeed = space.lastIndexOf('\n');
  if (lineFeed >= 0) return lineFeed + 1;
  return space.endsWith(' ') ? space.length - 1 : space.length;
}

function isSpace(text: string, place: number): boolean {
  return /\s/.test(text.charAt(place));
}
