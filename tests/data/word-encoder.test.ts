import { Tokenizer as TokenizerPipeline } from '@huggingface/tokenizers';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { HuggingFaceTokenizer } from '../../src/data/hugging-face-tokenizer';
import { withSplits } from '../../src/data/pre-tokenizer-splits';
import { tokenOffsets } from '../../src/data/token-offsets';
import type { OffsetEncoding } from '../../src/data/tokenizer';
import { readTokenizerFiles, type TokenizerFiles } from '../../src/data/tokenizer-files';
import { WordEncoder } from '../../src/data/word-encoder';
import type { JsonObject } from '../../src/formats/json';
import { fixtureFolder, tokenFixtures } from './tokenizers';

/** Stretches that tokenizers cut at, merge over, pad, or do not know. */
const STRETCHES = [
  ' ',
  '  ',
  '\n',
  '\r\n\n',
  '\t',
  '\u00a0',
  '\u3000',
  'the',
  ' the',
  'hell',
  "don't",
  " I'LL",
  "''s",
  '1234567',
  ' 42',
  'ﬀ',
  'Ⅻ',
  'né',
  'e\u0301',
  '漢字。',
  '👨‍👩‍👧',
  '𐍈',
  '\ud83d',
  '\udc69',
  '\0',
  '\ufeff',
  '__proto__',
  '...!?',
  '(x)',
  '<',
  '<|',
  'Ġ',
  '<0x41>',
  'a'.repeat(70),
];

interface Case {
  name: string;
  files: TokenizerFiles;
  /** Texts with one of these are left to the package. */
  left: string[];
}

async function caseOf(
  name: 'llama' | 'starter' | 'declared',
  left: string[] = [],
  change: (tokenizer: JsonObject) => JsonObject = (tokenizer) => tokenizer,
): Promise<Case> {
  const files = await readTokenizerFiles(fixtureFolder(name));
  return { name, left, files: { ...files, tokenizer: change(files.tokenizer) } };
}

/** SmolLM2's pre-tokenizer. */
const SINGLE_DIGITS = {
  type: 'Sequence',
  pretokenizers: [
    { type: 'Digits', individual_digits: true },
    { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
  ],
};
const PADDED_EVERYWHERE = { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always' };

const CASES: Record<string, () => Promise<Case>> = {
  'Llama 3': () => caseOf('llama'),
  'the starter': () => caseOf('starter'),
  'SmolLM2, of the same vocabulary': () =>
    caseOf('starter', [], (tokenizer) => ({
      ...tokenizer,
      pre_tokenizer: withSplits(SINGLE_DIGITS),
    })),
  'a Llama of SentencePiece': () => caseOf('declared', ['▁', '<pad>']),
  'one that pads every stretch': () =>
    caseOf('declared', ['▁', '<pad>'], (tokenizer) => ({
      ...tokenizer,
      pre_tokenizer: PADDED_EVERYWHERE,
    })),
};

describe.each(Object.entries(CASES))('word by word, %s', (_, make) => {
  let encoder: WordEncoder;
  let plain: (text: string) => OffsetEncoding;
  let added: string[];
  let left: string[];

  beforeAll(async () => {
    const { files, ...rest } = await make();
    const pipeline = new TokenizerPipeline(files.tokenizer, files.config);
    const tokenizer = new HuggingFaceTokenizer(files);
    const made = WordEncoder.of(files, pipeline, (id) => tokenizer.tokenBytes(id));
    if (made === null) throw new Error('this tokenizer should have words');
    encoder = made;
    const addedTokens = pipeline.get_added_tokens_decoder();
    plain = (text) => {
      const { ids } = pipeline.encode(text, { add_special_tokens: false });
      const tokens = ids.map((id) => ({
        bytes: tokenizer.tokenBytes(id),
        added: addedTokens.has(id),
      }));
      return { ids, ...tokenOffsets(text, tokens) };
    };
    added = [...addedTokens.values()].slice(0, 6).map(({ content }) => content);
    left = rest.left;
  });

  test('gives what the package makes of the whole text', () => {
    const stretch = fc.oneof(
      { weight: 8, arbitrary: fc.constantFrom(...STRETCHES, ...added, ...left) },
      { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 8 }) },
    );
    const texts = fc.array(stretch, { maxLength: 24 }).map((list) => list.join(''));
    fc.assert(
      fc.property(texts, (text) => {
        const mayBeLeft = left.some((stretch) => text.includes(stretch));
        const encoded = encoder.encode(text);
        if (encoded === undefined && mayBeLeft) return;
        expect(encoded).toEqual(plain(text));
      }),
      { numRuns: 1000 },
    );
  });

  test('and the same again when its words are remembered', () => {
    const texts = tokenFixtures().encodings.map(({ text }) => text);
    for (const text of [...texts, ...texts]) {
      const encoded = encoder.encode(text);
      if (encoded !== undefined) expect(encoded).toEqual(plain(text));
    }
  });
});

test.each<[string, (tokenizer: JsonObject) => JsonObject]>([
  [
    'a merge reaches over the beginning of a word',
    ({ model, ...rest }) => {
      const bpe = model as { merges: unknown[] };
      return { ...rest, model: { ...bpe, merges: [...bpe.merges, ['s▁', 't']] } };
    },
  ],
  ['the text is normalised first', (tokenizer) => ({ ...tokenizer, normalizer: { type: 'NFC' } })],
  [
    'a text that is a token of the vocabulary is taken whole',
    ({ model, ...rest }) => ({ ...rest, model: { ...(model as object), ignore_merges: true } }),
  ],
  [
    'the added tokens are too many',
    (tokenizer) => ({ ...tokenizer, added_tokens: [{ id: 0, content: 'a'.repeat(1e5) }] }),
  ],
])('is not tried where %s', async (_, change) => {
  const { files } = await caseOf('declared', [], change);
  const pipeline = new TokenizerPipeline(files.tokenizer, files.config);
  expect(WordEncoder.of(files, pipeline, () => new Uint8Array())).toBeNull();
});
