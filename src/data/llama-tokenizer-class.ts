import { isJsonObject, type JsonObject } from '../formats/json';
import { tokenSpelling } from './token-bytes';

/** What stands for a space in SentencePiece vocabularies. */
const SPACE = '▁';

/**
 * What transformers (since version 5) makes of a tokenizer.json whose tokenizer_config.json declares the class `LlamaTokenizer`: vocabulary and merges
 * stay, how spaces are treated follows the settings `legacy` and `add_prefix_space` instead of the file. Byte-level vocabularies, and those of other
 * classes, stay as they are.
 */
export function asDeclaredClass(tokenizer: JsonObject, config: JsonObject): JsonObject {
  const { tokenizer_class: declared, legacy, add_prefix_space: addPrefix } = config;
  const isLlama = declared === 'LlamaTokenizer' || declared === 'LlamaTokenizerFast';
  const { model, decoder } = tokenizer;
  const isBpe = isJsonObject(model) && model.type === 'BPE';
  if (!isLlama || !isBpe || tokenSpelling(decoder, model).byteLevel) return tokenizer;
  const prefixed = addPrefix !== false;
  const strip = { type: 'Strip', content: ' ', start: 1, stop: 0 };
  return {
    ...tokenizer,
    model: { ...model, byte_fallback: true, fuse_unk: true },
    normalizer: null,
    pre_tokenizer: {
      type: 'Metaspace',
      replacement: SPACE,
      prepend_scheme: !prefixed ? 'never' : legacy === true ? 'always' : 'first',
      split: false,
    },
    decoder: {
      type: 'Sequence',
      decoders: [
        { type: 'Replace', pattern: { String: SPACE }, content: ' ' },
        { type: 'ByteFallback' },
        { type: 'Fuse' },
        ...(prefixed ? [strip] : []),
      ],
    },
  };
}
