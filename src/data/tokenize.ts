import type { TrainingConfig } from '../config';
import { InputError } from '../errors';
import { chatTemplate } from './chat-templates';
import { renderConversation, type TextSpan } from './conversation';
import { tokenizeDocument } from './documents';
import { placeOf, sourceOf, type Example, type PromptCompletionExample } from './examples';
import type { OffsetEncoding, Tokenizer } from './tokenizer';

/** What of the training configuration decides how an example becomes tokens. */
export type TokenizeConfig = Pick<
  TrainingConfig,
  'max_seq_length' | 'chat_template' | 'train_on_prompt'
>;

/** One example as training sees it. */
export interface TokenizedExample {
  inputIds: Uint32Array<ArrayBuffer>;
  /** Same length: what is trained at the same position, -100 where nothing is. Not shifted; `labels[0]` never counts. */
  labels: Int32Array<ArrayBuffer>;
  /** `file:line`, the first line of the example. */
  source: string;
}

/** What becomes of one example: none or one, or the pieces of a document. */
export interface TokenizeResult {
  examples: TokenizedExample[];
  /** Examples cut at the end (documents are split instead). */
  truncated: number;
  /** Examples without a trained token. */
  dropped: number;
}

/** The label of a token that is not trained. */
export const NOT_TRAINED = -100;

/**
 * Turns an example into tokens and labels.
 *
 * @param tokenizer null where only pre-tokenised examples are expected
 * @param vocabularySize of the model, which no id may reach; unbounded where it is not given
 * @throws InputError with the example's file and line when it cannot be
 */
export function tokenizeExample(
  example: Example,
  tokenizer: Tokenizer | null,
  config: TokenizeConfig,
  vocabularySize = Infinity,
): TokenizeResult {
  try {
    const made = makeExamples(example, tokenizer, config);
    for (const { inputIds, labels } of made) checkIds(inputIds, labels, vocabularySize);
    return cutAndDrop(made, config.max_seq_length);
  } catch (error) {
    if (!(error instanceof InputError) || error.file !== undefined) throw error;
    throw new InputError(error.message, placeOf(example.source));
  }
}

function makeExamples(
  example: Example,
  tokenizer: Tokenizer | null,
  config: TokenizeConfig,
): TokenizedExample[] {
  const { source } = example;
  if (example.kind === 'tokens') {
    return [
      {
        inputIds: Uint32Array.from(example.inputIds),
        labels: Int32Array.from(example.labels),
        source,
      },
    ];
  }
  if (tokenizer === null) {
    throw new InputError(
      'this is text, but the model comes without a tokenizer; add its tokenizer.json or use pre-tokenised data',
    );
  }
  if (example.kind === 'document') return documentPieces(example, tokenizer, config.max_seq_length);
  if (example.kind === 'prompt-completion') {
    return [promptCompletion(example, source, tokenizer, config.train_on_prompt)];
  }
  const template = chatTemplate(config.chat_template, tokenizer);
  const { text, trained } = renderConversation(example, tokenizer, template);
  const encoding = tokenizer.encodeWithOffsets(text);
  const isTrained = config.train_on_prompt ? all(encoding.ids) : trainedTokens(encoding, trained);
  return [withLabels(encoding.ids, isTrained, source)];
}

function documentPieces(
  example: Extract<Example, { kind: 'document' }>,
  tokenizer: Tokenizer,
  maximumTokens: number,
): TokenizedExample[] {
  const { text, spansLines, source } = example;
  const place = placeOf(source);
  let counted = 0;
  return tokenizeDocument(text, tokenizer, maximumTokens, example).map(({ ids, start }) => {
    if (spansLines) place.line += newlines(text, counted, start);
    counted = start;
    return withLabels(ids, all(ids), sourceOf(place.file, place.line));
  });
}

function promptCompletion(
  { prompt, completion }: PromptCompletionExample,
  source: string,
  tokenizer: Tokenizer,
  trainOnPrompt: boolean,
): TokenizedExample {
  const text = prompt + completion;
  const encoding = tokenizer.encodeWithOffsets(text);
  const completed = trainedTokens(encoding, [{ start: prompt.length, end: text.length }]);
  const begin = tokenizer.bosTokenId === null ? [] : [tokenizer.bosTokenId];
  const end = tokenizer.eosTokenId === null ? [] : [tokenizer.eosTokenId];
  const ids = [...begin, ...encoding.ids, ...end];
  const trained = [...begin.map(() => false), ...completed, ...all(end)];
  return withLabels(ids, trainOnPrompt ? all(ids) : trained, source);
}

function all(ids: readonly number[]): boolean[] {
  return ids.map(() => true);
}

/** Which tokens cover some of the spans; a token across a border does. The spans are in order. */
function trainedTokens(
  { ids, starts, ends }: OffsetEncoding,
  spans: readonly TextSpan[],
): boolean[] {
  let next = 0;
  return ids.map((_, token) => {
    const start = starts[token] ?? 0;
    const end = ends[token] ?? 0;
    let span = spans[next];
    while (span !== undefined && span.end <= start) span = spans[++next];
    return span !== undefined && span.start < end;
  });
}

function withLabels(
  ids: readonly number[],
  trained: readonly boolean[],
  source: string,
): TokenizedExample {
  return {
    inputIds: Uint32Array.from(ids),
    labels: Int32Array.from(ids, (id, position) => (trained[position] === true ? id : NOT_TRAINED)),
    source,
  };
}

function checkIds(inputIds: Uint32Array, labels: Int32Array, vocabularySize: number): void {
  const outside =
    inputIds.find((id) => id >= vocabularySize) ?? labels.find((id) => id >= vocabularySize);
  if (outside === undefined) return;
  throw new InputError(
    `the token id ${outside} is outside the model's vocabulary of ${vocabularySize}; the data were made for another model`,
  );
}

function cutAndDrop(made: readonly TokenizedExample[], maximumTokens: number): TokenizeResult {
  const result: TokenizeResult = { examples: [], truncated: 0, dropped: 0 };
  for (const example of made) {
    const { inputIds, labels, source } = example;
    const isLong = inputIds.length > maximumTokens;
    const kept = isLong
      ? {
          inputIds: inputIds.slice(0, maximumTokens),
          labels: labels.slice(0, maximumTokens),
          source,
        }
      : example;
    if (isLong) result.truncated++;
    if (countTrained(kept.labels) > 0) result.examples.push(kept);
    else result.dropped++;
  }
  return result;
}

/** Trained tokens among these labels; the first has no token before it that could predict it. */
export function countTrained(labels: Int32Array): number {
  let count = 0;
  for (let position = 1; position < labels.length; position++) {
    if (labels[position] !== NOT_TRAINED) count++;
  }
  return count;
}

function newlines(text: string, from: number, to: number): number {
  let count = 0;
  for (let at = text.indexOf('\n', from); at >= 0 && at < to; at = text.indexOf('\n', at + 1))
    count++;
  return count;
}
