import type { AddedToken, Tokenizer as TokenizerPipeline } from '@huggingface/tokenizers';
import { RecentMap } from './recent-map';
import { tokenOffsets } from './token-offsets';
import type { OffsetEncoding } from './tokenizer';
import type { TokenizerFiles } from './tokenizer-files';
import { wordsOf, type Words } from './words';

/** Of so many words the tokens are kept, at about 300 bytes each. */
const REMEMBERED_WORDS = 50_000;
/** Longer words, in UTF-16 code units, hardly come twice. */
const LONGEST_REMEMBERED = 64;
/** Characters of all added tokens together. Llama 3 has 7,000; a pattern of many more takes its time at every character of a text. */
const MOST_ADDED_CHARACTERS = 1 << 16;

/** The tokens of a word, and what of it each covers, in code units. */
interface EncodedWord {
  ids: number[];
  starts: number[];
  ends: number[];
}

/**
 * Encodes texts word by word and remembers words, since most of a text's words have come before. What it gives is what the package makes of the
 * whole text, of which it is a faster way for tokenizers with independent words; texts that it cannot do are left to the package.
 */
export class WordEncoder {
  private readonly remembered = new RecentMap<string, EncodedWord>(REMEMBERED_WORDS);
  private readonly utf8 = new TextEncoder();
  private readonly addedTokens: ReadonlyMap<string, AddedToken>;
  private readonly addedIds: ReadonlySet<number>;
  /** Cuts added tokens out of a text, the longest that begins first. */
  private readonly addedPattern: RegExp | null;

  private constructor(
    private readonly words: Words,
    added: readonly AddedToken[],
    private readonly pipeline: TokenizerPipeline,
    private readonly tokenBytes: (id: number) => Uint8Array,
  ) {
    this.addedTokens = new Map(added.map((token) => [token.content, token]));
    this.addedIds = new Set(added.map((token) => token.id));
    const contents = [...this.addedTokens.keys()].filter(Boolean);
    contents.sort((a, b) => b.length - a.length);
    this.addedPattern =
      contents.length === 0 ? null : new RegExp(`(${contents.map(escaped).join('|')})`);
  }

  /**
   * An encoder for a tokenizer; null where it is of no kind whose words are known to be independent.
   *
   * @param pipeline made from these files
   * @param tokenBytes what the token of an id stands for
   */
  static of(
    files: Pick<TokenizerFiles, 'tokenizer' | 'config'>,
    pipeline: TokenizerPipeline,
    tokenBytes: (id: number) => Uint8Array,
  ): WordEncoder | null {
    const words = wordsOf(files, pipeline.pre_tokenizer);
    const added = [...pipeline.get_added_tokens_decoder().values()];
    const characters = added.reduce((sum, { content }) => sum + content.length, 0);
    if (words === null || characters > MOST_ADDED_CHARACTERS) return null;
    return new WordEncoder(words, added, pipeline, tokenBytes);
  }

  /** As `Tokenizer.encodeWithOffsets`; undefined where the text is not one to be done word by word. */
  encode(text: string): OffsetEncoding | undefined {
    const encoded = new EncodedText();
    const stretches = this.addedPattern === null ? [text] : text.split(this.addedPattern);
    for (const [index, stretch] of stretches.filter(Boolean).entries()) {
      const added = this.addedTokens.get(stretch);
      if (added === undefined) {
        if (!this.encodeStretch(stretch, index, encoded)) return undefined;
      } else if (added.lstrip || added.rstrip) {
        return undefined;
      } else {
        encoded.add({ ids: [added.id], starts: [0], ends: [stretch.length] }, stretch.length);
      }
    }
    return encoded.finish();
  }

  /** @returns whether it could be done */
  private encodeStretch(text: string, index: number, encoded: EncodedText): boolean {
    const words = this.words.cut(text);
    if (words === undefined) return false;
    let padded = this.words.pads(text, index);
    for (const word of words) {
      const made = padded ? this.encodeWord(word, ` ${word}`) : this.rememberedWord(word);
      if (made === undefined) return false;
      encoded.add(made, word.length);
      padded = false;
    }
    return true;
  }

  private rememberedWord(word: string): EncodedWord | undefined {
    const known = this.remembered.get(word);
    if (known !== undefined) return known;
    const made = this.encodeWord(word, word);
    if (made !== undefined && word.length <= LONGEST_REMEMBERED) {
      // A part of a string keeps the whole of it in memory, so what is remembered is a copy.
      this.remembered.set(Array.from(word).join(''), made);
    }
    return made;
  }

  /**
   * @param written the word with the space in front that it is encoded with
   * @returns undefined where its tokens are not simply its bytes
   */
  private encodeWord(word: string, written: string): EncodedWord | undefined {
    const tokens = this.pipeline.model?._call([this.words.spelled(written)]) ?? [];
    const ids = tokens.map((token) => this.pipeline.token_to_id(token) ?? -1);
    if (ids.some((id) => id < 0 || this.addedIds.has(id))) return undefined;
    const spelled = ids.map((id) => ({ bytes: this.tokenBytes(id), added: false }));
    if (!spell(spelled, this.utf8.encode(written))) return undefined;
    const { starts, ends } = tokenOffsets(word, spelled);
    return { ids, starts: Array.from(starts), ends: Array.from(ends) };
  }
}

/** A text's tokens so far. */
class EncodedText {
  private readonly ids: number[] = [];
  private readonly starts: number[] = [];
  private readonly ends: number[] = [];
  private length = 0;

  /** @param length of the word in code units */
  add({ ids, starts, ends }: EncodedWord, length: number): void {
    for (let token = 0; token < ids.length; token++) {
      this.ids.push(ids[token] ?? 0);
      this.starts.push(this.length + (starts[token] ?? 0));
      this.ends.push(this.length + (ends[token] ?? 0));
    }
    this.length += length;
  }

  finish(): OffsetEncoding {
    const { ids, starts, ends } = this;
    return { ids, starts: Uint32Array.from(starts), ends: Uint32Array.from(ends) };
  }
}

/** Whether tokens, one after the other, are these bytes. */
function spell(tokens: readonly { bytes: Uint8Array }[], text: Uint8Array): boolean {
  let at = 0;
  for (const { bytes } of tokens) {
    for (const byte of bytes) if (text[at++] !== byte) return false;
  }
  return at === text.length;
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, String.raw`\$&`);
}
