import { InputError } from '../errors';
import {
  contextAfter,
  contextBefore,
  encodePart,
  endOfPart,
  type Surroundings,
} from './text-parts';
import type { OffsetEncoding, Tokenizer } from './tokenizer';

/** A piece of a document, with its beginning-of-text, and end-of-text where it is the last. */
export interface DocumentPiece {
  ids: number[];
  /** First UTF-16 code unit of the document that it holds. */
  start: number;
}

/** How good a place is to cut a text at; none inside a character. */
const BORDER = { none: -1, token: 0, word: 1, sentence: 2, paragraph: 3 };

/** Text that is tokenised at once, in UTF-16 code units; longer documents are cut into parts first, for memory's sake. */
export const PART_CHARACTERS = 1 << 20;
/** How far back a place is looked at. Longer runs of white space or closing quotes are no borders worth finding. */
const LOOK_BACK = 256;

/**
 * A document as pieces of at most `maximumTokens`: the whole where it fits, else cut at the last paragraph border that fits, where there is
 * none at the last sentence border, where there is none between words, else between tokens that end a character. The pieces are cuts of
 * the document's own tokens, so nothing is lost or spelled anew; white space goes where the tokenizer puts it.
 *
 * @param part where it is a part of a longer text, what stands around it there, and whether end-of-text follows its last piece
 */
export function tokenizeDocument(
  text: string,
  tokenizer: Tokenizer,
  maximumTokens: number,
  { before = '', after = '', ends = true }: Surroundings & { ends?: boolean } = {},
): DocumentPiece[] {
  const { bosTokenId, eosTokenId } = tokenizer;
  const begin = bosTokenId === null ? [] : [bosTokenId];
  const end = eosTokenId === null ? [] : [eosTokenId];
  if (maximumTokens < begin.length + end.length + 1) {
    throw new InputError('max_seq_length leaves no room for text between its special tokens');
  }
  const pieces: DocumentPiece[] = [];
  let from = 0;
  do {
    const most = from + PART_CHARACTERS;
    const to = text.length <= most ? text.length : endOfPart(text, from, most);
    const last = to === text.length;
    const close = last && ends ? end : [];
    const room = maximumTokens - begin.length;
    const part = text.slice(from, to);
    const around = {
      before: from === 0 ? before : contextBefore(text.slice(0, from)),
      after: last ? after : contextAfter(text.slice(to)),
    };
    for (const piece of cut(part, encodePart(part, around, tokenizer), room, close)) {
      pieces.push({ ids: [...begin, ...piece.ids], start: from + piece.start });
    }
    from = to;
  } while (from < text.length);
  return pieces;
}

/** A part's tokens in runs of at most `room`, the last one closed. */
function cut(
  text: string,
  { ids, starts, ends }: OffsetEncoding,
  room: number,
  close: readonly number[],
): DocumentPiece[] {
  const pieces: DocumentPiece[] = [];
  let from = 0;
  while (ids.length - from > room - close.length) {
    const most = Math.min(from + room, ids.length - 1);
    const to = bestCut(text, starts, ends, from, most);
    pieces.push({ ids: ids.slice(from, to), start: starts[from] ?? 0 });
    from = to;
  }
  pieces.push({ ids: [...ids.slice(from), ...close], start: starts[from] ?? 0 });
  return pieces;
}

/** The last token index in (from, most] with the best border before it. */
function bestCut(
  text: string,
  starts: Uint32Array,
  ends: Uint32Array,
  from: number,
  most: number,
): number {
  let best = most;
  let bestBorder = BORDER.none;
  for (let index = most; index > from && bestBorder < BORDER.paragraph; index--) {
    const place = starts[index] ?? 0;
    const insideCharacter = (ends[index - 1] ?? 0) > place;
    const border = insideCharacter ? BORDER.none : borderAt(text, place);
    if (border > bestBorder) {
      best = index;
      bestBorder = border;
    }
  }
  return best;
}

function borderAt(text: string, place: number): number {
  const before = text.slice(Math.max(0, place - LOOK_BACK), place);
  const said = before.trimEnd();
  const gap = before.slice(said.length);
  if (/\n[^\n]*\n/.test(gap)) return BORDER.paragraph;
  const isBetweenWords = gap !== '' || /^\s/.test(text.charAt(place));
  if (isBetweenWords && /[.!?…]["'”’»)\]]*$/.test(said)) return BORDER.sentence;
  if (/[。！？]["'”’」』）]*$/.test(said)) return BORDER.sentence;
  return isBetweenWords ? BORDER.word : BORDER.token;
}
