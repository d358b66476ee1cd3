import { isJsonObject } from '../formats/json';

/** How GPT-2 cuts text into words (Radford et al. 2019), as `ByteLevel` does where its `use_regex` is on. */
const GPT2_WORDS = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`;

/** ASCII signs, those that Unicode calls symbols among them, and all other punctuation. */
const PUNCTUATION = String.raw`[\p{P}!-/:-@\[-\x60{-~]`;

/**
 * A pre-tokenizer of tokenizer.json with `Split` for what the tokenizers package cuts elsewhere than the library in Python: its `Digits` know 0 to
 * 9 only, not ½ or ①, `ByteLevel` and `WhitespaceSplit` have JavaScript's notion of white space, with U+FEFF and without U+0085, the words of
 * `Whitespace` are of ASCII, and `Punctuation` stays together in runs. The patterns of a `Split` it reads as the library does. SmolLM2 has the
 * first two kinds.
 */
export function withSplits(preTokenizer: unknown): unknown {
  const [first, ...others] = splitParts(preTokenizer);
  return others.length === 0 ? first : { type: 'Sequence', pretokenizers: [first, ...others] };
}

function splitParts(part: unknown): unknown[] {
  if (!isJsonObject(part)) return [part];
  const { type, pretokenizers } = part;
  if (type === 'Sequence' && Array.isArray(pretokenizers)) return pretokenizers.flatMap(splitParts);
  if (type === 'Digits') return [split(part.individual_digits === true ? '\\p{N}' : '\\p{N}+')];
  if (type === 'WhitespaceSplit') return [split('\\s+', { behavior: 'Removed' })];
  if (type === 'Whitespace') {
    return [split(String.raw`\w+|[^\w\s]+`, { behavior: 'Removed', invert: true })];
  }
  if (type === 'Punctuation' && isIsolated(part.behavior)) return [split(PUNCTUATION)];
  const cutsWords = type === 'ByteLevel' && part.use_regex !== false;
  // The space in front of a text comes before its words.
  if (!cutsWords || part.add_prefix_space === true) return [part];
  return [split(GPT2_WORDS), { ...part, use_regex: false }];
}

/** Whether each sign stands alone, as it does where nothing else is said. */
function isIsolated(behavior: unknown): boolean {
  return behavior === undefined || behavior === 'Isolated';
}

/** Cuts before and after what a pattern finds, where nothing else is said. */
function split(pattern: string, changes: { behavior?: string; invert?: boolean } = {}): unknown {
  return {
    type: 'Split',
    pattern: { Regex: pattern },
    behavior: 'Isolated',
    invert: false,
    ...changes,
  };
}
