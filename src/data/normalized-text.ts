import {
  NFCNormalizer,
  NFDNormalizer,
  NFKCNormalizer,
  NFKDNormalizer,
  PrecompiledNormalizer,
  SequenceNormalizer,
  type Normalizer,
} from '@huggingface/tokenizers';

/** Normalisers that change a character with its marks to the same whatever stands around it. */
const BY_CHARACTER = [
  NFCNormalizer,
  NFDNormalizer,
  NFKCNormalizer,
  NFKDNormalizer,
  PrecompiledNormalizer,
];
/** A character with its marks, a syllable of Hangul with the letters that join it. */
const CHARACTER = /[\u1100-\u115f\uac00-\ud7a3][\u1160-\u11ff]*\p{M}*|\P{M}\p{M}*|\p{M}+/gsu;

/** A text as its Unicode normalisation, and where each code unit of that comes from. */
export interface NormalizedText {
  text: string;
  /** For each code unit the first of the text's own that it stands for; the text's length after the last. */
  starts: Uint32Array;
  /** For each code unit one past the last. */
  ends: Uint32Array;
}

/**
 * What a tokenizer's normaliser makes of the characters of a text.
 *
 * @returns undefined where it leaves them as they are, or where they cannot be told apart in what it makes
 */
export function normalizedText(
  text: string,
  normalizer: Normalizer | null,
): NormalizedText | undefined {
  const parts = normalizer instanceof SequenceNormalizer ? normalizer.normalizers : [normalizer];
  const kept = parts.filter((part) => BY_CHARACTER.some((kind) => part instanceof kind));
  const normalize = (given: string): string =>
    kept.reduce((changed, part) => part?.normalize(changed) ?? changed, given);
  const whole = normalize(text);
  if (whole === text) return undefined;

  const starts = new Uint32Array(whole.length + 1);
  const ends = new Uint32Array(whole.length + 1);
  let made = '';
  let at = 0;
  for (const [character] of text.matchAll(CHARACTER)) {
    const from = made.length;
    made += normalize(character);
    starts.fill(at, from, made.length);
    at += character.length;
    ends.fill(at, from, made.length);
  }
  starts[whole.length] = text.length;
  ends[whole.length] = text.length;
  return made === whole ? { text: whole, starts, ends } : undefined;
}
