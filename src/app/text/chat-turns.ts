import type { TokenPiece } from '../../worker/api';

/** Who speaks, and the tokens of the turn, its markup included. */
export interface ChatTurn {
  /** As the template writes it: 'user', 'assistant'; empty for what stands before the first turn. */
  role: string;
  pieces: TokenPiece[];
  /** The first and the last piece of what is said: the ones around them are markup. */
  from: number;
  to: number;
}

/** What opens a turn in the templates of ChatML, Llama 3, Zephyr and Alpaca. */
const OPENING =
  /<\|im_start\|>(\w+)\n|<\|start_header_id\|>(\w+)<\|end_header_id\|>\n\n|<\|(system|user|assistant)\|>\n|### (Instruction|Input|Response):\n/g;

/** The turns of a conversation, by the markup in its own text; null where there is none, as in a document. */
export function chatTurns(pieces: readonly TokenPiece[]): ChatTurn[] | null {
  const text = pieces.map((piece) => piece.text).join('');
  const openings = [...text.matchAll(OPENING)];
  const first = openings[0];
  if (!first) return null;
  const parts = openings.map((opening, index) => ({
    role: opening.slice(1).find(Boolean) ?? '',
    start: opening.index,
    said: opening.index + opening[0].length,
    end: openings[index + 1]?.index ?? text.length,
  }));
  if (first.index > 0) parts.unshift({ role: '', start: 0, said: 0, end: first.index });
  return partition(pieces, parts);
}

interface Part {
  role: string;
  /** Offsets in the text: of the turn, of what is said in it, and of the next turn. */
  start: number;
  said: number;
  end: number;
}

/** Deals the pieces out by the offset at which each begins. */
function partition(pieces: readonly TokenPiece[], parts: readonly Part[]): ChatTurn[] {
  let index = 0;
  let offset = 0;
  return parts.map(({ role, said, end }) => {
    const turn: ChatTurn = { role, pieces: [], from: 0, to: 0 };
    for (let piece = pieces[index]; piece && offset < end; piece = pieces[index]) {
      if (offset < said) turn.from += 1;
      turn.pieces.push(piece);
      offset += piece.text.length;
      index += 1;
    }
    turn.to = turn.pieces.findLastIndex((piece) => !piece.special && piece.text.trim() !== '');
    return turn;
  });
}
