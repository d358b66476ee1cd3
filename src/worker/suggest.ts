import { DEFAULT_CONFIG, type TrainingConfig } from '../config';
import type { TokenizedDataset } from '../data/dataset';
import type { Tokenizer } from '../data/tokenizer';
import type { Suggestion } from './api';
import { learnsText } from './loaded-run';

/** Updates that a first run should have: fewer teach little, more keep a person waiting. */
const FEWEST_STEPS = 60;
const MOST_STEPS = 300;
/** Words of a document that make a prompt. */
const PROMPT_WORDS = 8;
const PROMPTS = 2;
/** A model of so few weights takes and needs larger steps, and its context is short. */
const SMALL_MODEL = 5e7;
const SHORT_ROW = 128;
const LONG_ROW = 512;
/** A row holds so many of the examples; the longest few are not worth what longer rows cost in attention. */
const HELD_WHOLE = 0.9;
/** Below so many examples none can be spared to evaluate on. */
const FEWEST_TO_HOLD_OUT_OF = 50;
const HELD_OUT = 0.05;
/** Every evaluation reads all that is held out: of many data a twentieth would take longer to read than the run to train. */
const MOST_HELD_OUT = 100;

/** Settings, prompts and sampling interval for a model of `parameters` weights and these data. */
export async function suggest(
  parameters: number,
  dataset: TokenizedDataset,
  tokenizer: Tokenizer | null,
): Promise<Suggestion> {
  const config = suggestedConfig(parameters, dataset);
  const steps = Math.max(1, config.max_steps);
  return {
    config,
    prompts: tokenizer ? await promptsFrom(dataset, tokenizer) : [],
    sampleEverySteps: Math.max(5, Math.round(steps / 5)),
  };
}

function suggestedConfig(parameters: number, dataset: TokenizedDataset): TrainingConfig {
  const small = parameters < SMALL_MODEL;
  const max_seq_length = small ? smallRow(dataset) : LONG_ROW;
  const rows = small ? LONG_ROW / max_seq_length : 1;
  const gradient_accumulation_steps = small ? 1 : 4;
  const tokensPerStep = rows * gradient_accumulation_steps * max_seq_length;
  const stepsPerEpoch = Math.max(1, Math.ceil(dataset.tokens / tokensPerStep));
  const epochs = Math.min(3, Math.max(1, Math.ceil(FEWEST_STEPS / stepsPerEpoch)));
  const max_steps = Math.min(
    MOST_STEPS,
    Math.max(Math.min(FEWEST_STEPS, 10 * stepsPerEpoch), epochs * stepsPerEpoch),
  );
  return {
    ...DEFAULT_CONFIG,
    max_seq_length,
    micro_batch_size: rows,
    gradient_accumulation_steps,
    max_steps,
    learning_rate: small ? 2e-3 : 2e-4,
    r: dataset.trainedTokens > 1e6 ? 32 : 16,
    warmup_ratio: 0.05,
    eval_fraction: heldOut(dataset.examples),
    eval_steps: Math.max(10, Math.round(max_steps / 5)),
    save_steps: Math.max(10, Math.min(50, Math.round(max_steps / 4))),
  };
}

/** A share that a person can read: of one digit. */
function heldOut(examples: number): number {
  if (examples < FEWEST_TO_HOLD_OUT_OF) return 0;
  return Number(Math.min(HELD_OUT, MOST_HELD_OUT / examples).toPrecision(1));
}

/**
 * The shortest row that holds nearly all examples whole: what is cut off is not learned, an answer's end above all. Documents are split
 * instead, and lose nothing in short rows.
 */
function smallRow(dataset: TokenizedDataset): number {
  if (learnsText(dataset)) return SHORT_ROW;
  const sorted = dataset.lengths.slice().sort();
  const nearlyLongest = sorted[Math.ceil(HELD_WHOLE * sorted.length) - 1] ?? 0;
  let row = SHORT_ROW;
  while (row < LONG_ROW && row < nearlyLongest) row *= 2;
  return row;
}

/** The beginnings of a few documents, or the first questions of a few conversations. */
async function promptsFrom(dataset: TokenizedDataset, tokenizer: Tokenizer): Promise<string[]> {
  const prompts = new Set<string>();
  const text = learnsText(dataset);
  const stride = Math.max(1, Math.floor(dataset.examples / PROMPTS));
  for (let index = 0; index < dataset.examples && prompts.size < PROMPTS; index += stride) {
    const { inputIds, labels } = await dataset.read(index);
    const firstTrained = labels.findIndex((label, i) => i > 0 && label !== -100);
    // Where all of an example is trained nobody knows what of it is the question; its beginning-of-text is none.
    const asked = firstTrained > 1 ? firstTrained : 0;
    const ids = inputIds.subarray(0, text ? 64 : asked);
    const prompt = readable(ids, tokenizer, text);
    if (prompt !== '') prompts.add(prompt);
  }
  return [...prompts];
}

function readable(ids: Uint32Array, tokenizer: Tokenizer, text: boolean): string {
  if (text) {
    const plain = tokenizer.decode(ids, { skipSpecialTokens: true });
    return plain.trim().split(/\s+/).slice(0, PROMPT_WORDS).join(' ');
  }
  // What stands between the special tokens of a chat: the longest piece is the question itself, the others are headers.
  const pieces: number[][] = [[]];
  for (const id of ids) {
    if (tokenizer.isSpecial(id)) pieces.push([]);
    else pieces.at(-1)?.push(id);
  }
  const texts = pieces.map((piece) => tokenizer.decode(piece, { skipSpecialTokens: true }).trim());
  const longest = texts.reduce((a, b) => (b.length > a.length ? b : a), '');
  return longest
    .replace(/^(user|human|system)\s*\n/, '')
    .trim()
    .slice(0, 300);
}
