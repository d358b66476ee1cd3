import { describe, expect, it } from 'vitest';
import { chatTurns } from '../../../src/app/text/chat-turns';
import type { TokenPiece } from '../../../src/worker/api';

/** Tokens as the bars divide them; those in angle brackets and bars are special. */
const pieces = (text: string): TokenPiece[] =>
  text.split('·').map((piece, id) => ({
    id,
    text: piece,
    trained: false,
    special: /^<\|.*\|>$/.test(piece),
  }));

/** Each turn as its role and what is said in it. */
const said = (text: string) =>
  chatTurns(pieces(text))?.map(({ role, pieces: own, from, to }) => [
    role,
    own
      .slice(from, to + 1)
      .map((piece) => piece.text)
      .join(''),
  ]);

describe('turns of a conversation', () => {
  it.each([
    [
      'ChatML',
      '<|im_start|>·user·\n·Who· runs?\nTell me.·<|im_end|>·\n·<|im_start|>·assistant·\n·The cat.·<|im_end|>·\n',
      [
        ['user', 'Who runs?\nTell me.'],
        ['assistant', 'The cat.'],
      ],
    ],
    [
      'Llama 3, its first token before the first turn',
      '<|begin_of_text|>·<|start_header_id|>·user·<|end_header_id|>·\n\n·Who?·<|eot_id|>·<|start_header_id|>·assistant·<|end_header_id|>·\n\n·I.·<|eot_id|>',
      [
        ['', ''],
        ['user', 'Who?'],
        ['assistant', 'I.'],
      ],
    ],
    [
      'Zephyr, whose markup is plain text',
      '<·|·user·|>\n·Who?·</s>·\n·<|·assistant|>·\n·I.',
      [
        ['user', 'Who?</s>'],
        ['assistant', 'I.'],
      ],
    ],
    [
      'Alpaca',
      '### ·Instruction:\n·Say it.·\n\n·### Response·:\n·It.',
      [
        ['Instruction', 'Say it.'],
        ['Response', 'It.'],
      ],
    ],
  ])('are found in %s', (_, text, turns) => expect(said(text)).toEqual(turns));

  it('hold every token once, in order', () => {
    const all = pieces('<|bos|>·<|im_start|>·user·\n·Hi·<|im_end|>·\n');
    expect(chatTurns(all)?.flatMap((turn) => turn.pieces)).toEqual(all);
  });

  it('are not found in a document', () => {
    expect(chatTurns(pieces('The user· said: <b>hi</b>'))).toBeNull();
    expect(chatTurns([])).toBeNull();
  });
});
