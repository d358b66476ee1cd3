import { InputError } from '../errors';
import type { FileFolder } from '../formats/byte-source';
import type { ChatMessage } from './examples';
import { readTokenizerFiles } from './tokenizer-files';

/** Token ids with the part of the text that each stands for. */
export interface OffsetEncoding {
  ids: number[];
  /** First UTF-16 code unit of the text that token i covers, part of a character counting as the whole. */
  starts: Uint32Array;
  /** One past the last. */
  ends: Uint32Array;
}

export interface ChatRendering {
  /** A Jinja chat template. */
  template: string;
  /** Whether the header of an assistant's turn is put after the last message. */
  addGenerationPrompt: boolean;
  /** JSON schemas of functions, for templates that know tools. */
  tools?: readonly unknown[] | undefined;
}

/** A model's tokenizer with its special tokens and chat template. */
export interface Tokenizer {
  /** One more than the largest token id. */
  readonly vocabSize: number;
  /** Beginning-of-text, as a string; null where the tokenizer has none. */
  readonly bosToken: string | null;
  /** End-of-text. */
  readonly eosToken: string | null;
  readonly bosTokenId: number | null;
  readonly eosTokenId: number | null;
  /** All special tokens as strings. */
  readonly specialTokens: readonly string[];
  /** The model's own chat template; null where it has none. */
  readonly chatTemplate: string | null;
  /** Token ids of a text. Strings that spell special tokens become those. */
  encode(text: string, options: { addSpecialTokens: boolean }): number[];
  /** As `encode` without special tokens added, with what each token covers. */
  encodeWithOffsets(text: string): OffsetEncoding;
  decode(ids: ArrayLike<number>, options: { skipSpecialTokens: boolean }): string;
  /** Whether the id is a special token, such as an end of turn. */
  isSpecial(id: number): boolean;
  /** The bytes that a token stands for; bytes of several tokens may make one UTF-8 character. */
  tokenBytes(id: number): Uint8Array<ArrayBuffer>;
  /**
   * A conversation as the template writes it.
   * @throws InputError when the template refuses the conversation, cannot be read, or does more than a chat template needs
   */
  renderChat(messages: readonly ChatMessage[], options: ChatRendering): string;
}

/**
 * The tokenizer of a Hugging Face folder, from its tokenizer.json, tokenizer_config.json and chat template; nothing is fetched from anywhere.
 * @throws InputError when a file is missing, is not what it should be, or could keep the thread busy for ever
 */
export async function loadTokenizer(folder: FileFolder): Promise<Tokenizer> {
  const files = await readTokenizerFiles(folder);
  const { HuggingFaceTokenizer } = await import('./hugging-face-tokenizer').catch(() => {
    // In the page it comes when it is needed; a browser may keep that it did not come until the page is loaded again.
    throw new InputError('what reads tokenizers did not load; reload the page when you are online');
  });
  return new HuggingFaceTokenizer(files);
}

/** A prompt as a model without chat turns continues it: the special tokens of its own settings, but never a second beginning-of-text. */
export function encodePrompt(tokenizer: Tokenizer, text: string): number[] {
  const ids = tokenizer.encode(text, { addSpecialTokens: true });
  const { bosTokenId } = tokenizer;
  const twice = bosTokenId !== null && ids[0] === bosTokenId && ids[1] === bosTokenId;
  return twice ? ids.slice(1) : ids;
}
