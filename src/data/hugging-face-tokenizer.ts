import { Tokenizer as TokenizerPipeline } from '@huggingface/tokenizers';
import { InputError, messageOf } from '../errors';
import { isJsonObject } from '../formats/json';
import { quoted } from '../formats/quoted';
import type { ChatMessage } from './examples';
import { normalizedText } from './normalized-text';
import { SandboxedTemplate } from './template-sandbox';
import { bytesOfToken, spellingOfByte, tokenSpelling, type TokenSpelling } from './token-bytes';
import { tokenOffsets } from './token-offsets';
import type { TokenizerFiles } from './tokenizer-files';
import type { ChatRendering, OffsetEncoding, Tokenizer } from './tokenizer';
import { WordEncoder } from './word-encoder';

const LIST_ITEMS = 100_000;
const FREE_STEPS = 200_000;
const STEPS_A_MESSAGE = 5_000;
const FREE_CHARACTERS = 1 << 20;

/**
 * A tokenizer.json run by the tokenizers and Jinja packages of transformers.js, the parts that its own `PreTrainedTokenizer` is made of;
 * the package as a whole would bring an inference runtime and an image library along.
 */
export class HuggingFaceTokenizer implements Tokenizer {
  readonly vocabSize: number;
  readonly bosToken: string | null;
  readonly eosToken: string | null;
  readonly bosTokenId: number | null;
  readonly eosTokenId: number | null;
  readonly specialTokens: readonly string[];
  readonly chatTemplate: string | null;

  private readonly pipeline: TokenizerPipeline;
  private readonly spelling: TokenSpelling;
  private readonly addedTokens: ReadonlyMap<number, { content: string; special: boolean }>;
  /** Ids of the 256 bytes for a Unigram model with `byte_fallback`, which the package gives unknown tokens for; null for others. */
  private readonly byteTokens: readonly (number | undefined)[] | null;
  private readonly bytes = new Map<number, Uint8Array<ArrayBuffer>>();
  private readonly wordEncoder: WordEncoder | null;
  private readonly templates = new Map<string, SandboxedTemplate>();
  /** One moment for all conversations, so that a date in a template does not change at midnight. */
  private readonly now = new Date();

  constructor(private readonly files: TokenizerFiles) {
    this.pipeline = buildPipeline(files);
    this.spelling = tokenSpelling(files.tokenizer.decoder, files.tokenizer.model);
    this.addedTokens = this.pipeline.get_added_tokens_decoder();
    this.byteTokens = fallsBackToBytes(files.tokenizer.model)
      ? Array.from({ length: 256 }, (_, byte) => this.pipeline.token_to_id(spellingOfByte(byte)))
      : null;
    this.vocabSize = files.vocabularySize;
    this.bosToken = files.specialTokens.bos_token ?? null;
    this.eosToken = files.specialTokens.eos_token ?? null;
    this.bosTokenId = this.idOf(this.bosToken, 'bos_token');
    this.eosTokenId = this.idOf(this.eosToken, 'eos_token');
    this.specialTokens = [...this.addedTokens.values()]
      .filter((token) => token.special)
      .map((token) => token.content);
    this.chatTemplate = files.chatTemplates.get('default') ?? null;
    this.wordEncoder = WordEncoder.of(files, this.pipeline, (id) => this.tokenBytes(id));
  }

  encode(text: string, { addSpecialTokens }: { addSpecialTokens: boolean }): number[] {
    const { ids, tokens } = this.pipeline.encode(text, { add_special_tokens: addSpecialTokens });
    return this.byteTokens === null ? ids : ids.flatMap((id, at) => this.known(id, tokens[at]));
  }

  encodeWithOffsets(text: string): OffsetEncoding {
    return this.wordEncoder?.encode(text) ?? this.encodeWhole(text);
  }

  /** The tokens of the UTF-8 bytes of what the model left unknown, where the vocabulary has them all. */
  private known(id: number, token = ''): number[] {
    if (this.pipeline.token_to_id(token) !== undefined) return [id];
    const ids = Array.from(new TextEncoder().encode(token), (byte) => this.byteTokens?.[byte]);
    return ids.every((one) => one !== undefined) ? ids : [id];
  }

  private encodeWhole(text: string): OffsetEncoding {
    const ids = this.encode(text, { addSpecialTokens: false });
    const unknown = this.pipeline.model?.unk_token_id;
    const tokens = ids.map((id) => ({
      bytes: this.tokenBytes(id),
      added: this.addedTokens.has(id),
      unknown: id === unknown,
    }));
    const normalized = normalizedText(text, this.pipeline.normalizer);
    const { starts, ends } = tokenOffsets(this.withSpaces(normalized?.text ?? text), tokens);
    if (normalized === undefined) return { ids, starts, ends };
    return {
      ids,
      starts: starts.map((start) => normalized.starts[start] ?? text.length),
      ends: ends.map((end, token) =>
        end === starts[token]
          ? (normalized.starts[end] ?? text.length)
          : (normalized.ends[end - 1] ?? text.length),
      ),
    };
  }

  decode(ids: ArrayLike<number>, { skipSpecialTokens }: { skipSpecialTokens: boolean }): string {
    if (ids.length === 0) return '';
    return this.pipeline.decode(Array.from(ids), {
      skip_special_tokens: skipSpecialTokens,
      // As transformers: cleaning up takes spaces away that a BPE tokenizer has encoded.
      clean_up_tokenization_spaces: false,
    });
  }

  /** Spaces for what stands for them in the vocabulary: tokens cannot tell the two apart. Both are one code unit. */
  private withSpaces(text: string): string {
    const { space } = this.spelling;
    return space?.length === 1 ? text.replaceAll(space, ' ') : text;
  }

  isSpecial(id: number): boolean {
    return this.addedTokens.get(id)?.special ?? false;
  }

  tokenBytes(id: number): Uint8Array<ArrayBuffer> {
    let bytes = this.bytes.get(id);
    if (bytes === undefined) {
      const added = this.addedTokens.get(id)?.content;
      bytes =
        added === undefined
          ? bytesOfToken(this.pipeline.id_to_token(id) ?? '', this.spelling)
          : new TextEncoder().encode(this.withSpaces(added));
      this.bytes.set(id, bytes);
    }
    return bytes;
  }

  renderChat(
    messages: readonly ChatMessage[],
    { template, addGenerationPrompt, tools }: ChatRendering,
  ): string {
    const source = tools === undefined ? template : this.templateForTools(template);
    const turns = messages.map(templateMessage);
    const size = charactersIn(turns) + charactersIn(tools ?? []);
    try {
      return this.compiled(source).render(
        {
          ...this.files.specialTokens,
          messages: turns,
          tools: tools ?? null,
          documents: null,
          add_generation_prompt: addGenerationPrompt,
        },
        {
          steps: FREE_STEPS + STEPS_A_MESSAGE * messages.length + size,
          characters: FREE_CHARACTERS + 8 * size,
          items: LIST_ITEMS + messages.length,
        },
        this.now,
      );
    } catch (error) {
      throw new InputError(
        `the chat template cannot render this conversation: ${quoted(messageOf(error))}; mend the conversation or choose another chat_template`,
      );
    }
  }

  /** A model with several templates has one for conversations with tools. */
  private templateForTools(template: string): string {
    const forTools = this.files.chatTemplates.get('tool_use');
    return template === this.chatTemplate && forTools !== undefined ? forTools : template;
  }

  private compiled(template: string): SandboxedTemplate {
    let compiled = this.templates.get(template);
    if (compiled === undefined) {
      compiled = new SandboxedTemplate(template);
      this.templates.set(template, compiled);
    }
    return compiled;
  }

  private idOf(token: string | null, key: string): number | null {
    if (token === null) return null;
    const id = this.pipeline.token_to_id(token);
    if (id !== undefined) return id;
    throw new InputError(`${key} is ${quoted(token)}, which is no token of tokenizer.json`, {
      file: 'tokenizer_config.json',
    });
  }
}

function buildPipeline(files: TokenizerFiles): TokenizerPipeline {
  try {
    return new TokenizerPipeline(files.tokenizer, files.config);
  } catch (error) {
    throw new InputError(`the tokenizer cannot be used: ${quoted(messageOf(error))}`, {
      file: 'tokenizer.json',
    });
  }
}

function fallsBackToBytes(model: unknown): boolean {
  return isJsonObject(model) && model.type === 'Unigram' && model.byte_fallback === true;
}

/** What a template sees of a turn: the keys of the file, without our own. */
function templateMessage({ role, content, ...rest }: ChatMessage): Record<string, unknown> {
  const message: Record<string, unknown> = { role, content };
  for (const key of ['tool_calls', 'tool_call_id', 'name'] as const) {
    if (rest[key] !== undefined) message[key] = rest[key];
  }
  return message;
}

function charactersIn(value: readonly unknown[]): number {
  return JSON.stringify(value).length;
}
