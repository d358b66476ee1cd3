import { isJsonObject } from '../formats/json';

/** How GPT-2 cuts text into words (Radford et al. 2019), as `ByteLevel` does where its `use_regex` is on. */
const GPT2_WORDS = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`;

/**
 * A pre-tokenizer of tokenizer.json with `Split` for what the tokenizers package cuts elsewhere than the library in Python: its `Digits` know 0 to
 * 9 only, not ½ or ①, and its `ByteLevel` has JavaScript's notion of white space, with U+FEFF and without U+0085. The patterns of a `Split` it
 * reads as the library does. SmolLM2 has both kinds.
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
  const cutsWords = type === 'ByteLevel' && part.use_regex !== false;
  // The space in front of a text comes before its words.
  if (!cutsWords || part.add_prefix_space === true) return [part];
  return [split(GPT2_WORDS), { ...part, use_regex: false }];
}

/** Cuts before and after what a pattern finds. */
function split(pattern: string): unknown {
  return { type: 'Split', pattern: { Regex: pattern }, behavior: 'Isolated', invert: false };
}
