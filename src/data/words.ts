import {
  ByteLevelPreTokenizer,
  SequencePreTokenizer,
  SplitPreTokenizer,
  type PreTokenizer,
} from '@huggingface/tokenizers';
import { isJsonObject, type JsonObject } from '../formats/json';
import type { TokenizerFiles } from './tokenizer-files';

/** How a text without added tokens falls into words, whose tokens depend on nothing around them. */
export interface Words {
  /** All of the text in order; undefined where this text cannot be cut. */
  cut(text: string): string[] | undefined;
  /** Whether a space is put in front of the text. @param stretch how many stretches, added tokens among them, lie before it */
  pads(text: string, stretch: number): boolean;
  /** A word as the vocabulary spells it. */
  spelled(word: string): string;
}

/** What stands for a space in SentencePiece vocabularies. */
const SPACE = '▁';
/** Settings of tokenizer_config.json by which the package changes a text first. */
const CHANGES = ['remove_space', 'do_lowercase_and_remove_accent'];

/**
 * The words of a tokenizer; null where it is none of the kinds of which it is known that words are independent.
 *
 * @param preTokenizer the package's, made from these files (whose words `withSplits` has told)
 */
export function wordsOf(
  { tokenizer, config }: Pick<TokenizerFiles, 'tokenizer' | 'config'>,
  preTokenizer: PreTokenizer | null,
): Words | null {
  const { model, normalizer } = tokenizer;
  const isChanged = normalizer !== null || CHANGES.some((setting) => config[setting] === true);
  if (isChanged || !isJsonObject(model) || model.type !== 'BPE') return null;
  return byteLevelWords(preTokenizer) ?? sentencePieceWords(tokenizer.pre_tokenizer, model);
}

/** Of GPT-2's kind: what the pre-tokenizers cut the model takes one by one. */
function byteLevelWords(preTokenizer: PreTokenizer | null): Words | null {
  const parts =
    preTokenizer instanceof SequencePreTokenizer ? preTokenizer.tokenizers : [preTokenizer];
  const last = parts.at(-1);
  const cutters = parts.slice(0, -1).filter(isCutter);
  if (!(last instanceof ByteLevelPreTokenizer) || last.add_prefix_space || last.use_regex)
    return null;
  if (cutters.length < parts.length - 1) return null;
  return {
    cut(text) {
      let words = [text];
      for (const cutter of cutters) words = words.flatMap((word) => cutter.pre_tokenize_text(word));
      // Some patterns take text away.
      return words.reduce((sum, { length }) => sum + length, 0) === text.length ? words : undefined;
    },
    pads: () => false,
    spelled: (word) => last.pre_tokenize_text(word).join(''),
  };
}

function isCutter(part: unknown): part is SplitPreTokenizer {
  return part instanceof SplitPreTokenizer;
}

/** Of SentencePiece's kind: the model takes all of a text at once, but where no merge reaches over the beginning of a word, words do not touch. */
function sentencePieceWords(preTokenizer: unknown, model: JsonObject): Words | null {
  if (!isJsonObject(preTokenizer) || preTokenizer.type !== 'Metaspace') return null;
  const { replacement = SPACE, str_rep: other, prepend_scheme: scheme = 'always' } = preTokenizer;
  if (replacement !== SPACE || other !== undefined || !hasIndependentWords(model)) return null;
  return {
    // What spells a space of the vocabulary is something else in the text.
    cut: (text) => (text.includes(SPACE) ? undefined : (text.match(/ *[^ ]+| +/g) ?? [])),
    pads: (text, stretch) =>
      !text.startsWith(' ') && (scheme === 'always' || (scheme === 'first' && stretch === 0)),
    spelled: (word) => word.replaceAll(' ', SPACE),
  };
}

function hasIndependentWords(model: JsonObject): boolean {
  const { merges, ignore_merges: takesWhole } = model;
  const suffixes = [model.end_of_word_suffix, model.continuing_subword_suffix];
  if (takesWhole === true || suffixes.some(Boolean) || !Array.isArray(merges)) return false;
  return merges.every((merge: unknown) => {
    const merged = Array.isArray(merge) ? merge.join('') : String(merge).replace(' ', '');
    return !/[^▁]▁/.test(merged);
  });
}
