import { InputError } from '../errors';
import {
  decodeUtf8,
  openRequired,
  readAll,
  readText,
  type FileFolder,
} from '../formats/byte-source';
import { isJsonObject, type JsonObject } from '../formats/json';
import { quoted } from '../formats/quoted';
import { asDeclaredClass } from './llama-tokenizer-class';
import { withSplits } from './pre-tokenizer-splits';
import { checkPatterns } from './regex-guard';

/** What of a model's folder a tokenizer is made from, checked as far as the tokenizer itself does not. */
export interface TokenizerFiles {
  /** tokenizer.json, parsed, as the class that the configuration declares has it. */
  tokenizer: JsonObject;
  /** tokenizer_config.json, parsed; empty where there is none. */
  config: JsonObject;
  /** `bos_token`, `eos_token` and so on, as chat templates name them. */
  specialTokens: Readonly<Record<string, string>>;
  /** By name; a model with one template has `default`. */
  chatTemplates: ReadonlyMap<string, string>;
  /** One more than the largest token id. */
  vocabularySize: number;
}

const TOKENIZER_BYTES = 128 * 2 ** 20;
const CONFIG_BYTES = 8 * 2 ** 20;
const TEMPLATE_CHARACTERS = 256 * 1024;
const LARGEST_ID = 2 ** 22;
/** The tokenizers package takes time of the square of their number, seconds for so many. Llama 3 has 256; models of speech 65,000. */
const MOST_ADDED_TOKENS = 100_000;
const SPECIAL_TOKENS = ['bos', 'eos', 'unk', 'sep', 'pad', 'cls', 'mask'].map(
  (name) => `${name}_token`,
);

/** Reads tokenizer.json, tokenizer_config.json, special_tokens_map.json and chat_template.jinja, as far as the folder has them. */
export async function readTokenizerFiles(folder: FileFolder): Promise<TokenizerFiles> {
  const config = await readOptionalJson(folder, 'tokenizer_config.json');
  const tokenizer = asDeclaredClass(await readTokenizerJson(folder), config);
  const map = await readOptionalJson(folder, 'special_tokens_map.json');
  return {
    tokenizer,
    config,
    specialTokens: specialTokens(config, map),
    chatTemplates: await chatTemplates(folder, config),
    vocabularySize: vocabularySize(tokenizer),
  };
}

async function readTokenizerJson(folder: FileFolder): Promise<JsonObject> {
  const file = 'tokenizer.json';
  const source = await openRequired(folder, file);
  const tokenizer = parseObject(decodeUtf8(await readAll(source, TOKENIZER_BYTES), file), file);
  if (!isJsonObject(tokenizer.model)) throw new InputError('the key "model" is missing', { file });
  checkPatterns([tokenizer.normalizer, tokenizer.pre_tokenizer, tokenizer.decoder], file);
  const parts = ['normalizer', 'pre_tokenizer', 'post_processor', 'decoder'];
  return {
    ...Object.fromEntries(parts.map((part) => [part, null])),
    ...tokenizer,
    pre_tokenizer: withSplits(tokenizer.pre_tokenizer ?? null),
    added_tokens: tokenizer.added_tokens ?? [],
  };
}

async function readOptionalJson(folder: FileFolder, file: string): Promise<JsonObject> {
  const source = await folder.open(file);
  return source === undefined ? {} : parseObject(await readText(source, CONFIG_BYTES), file);
}

function parseObject(text: string, file: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new InputError('the file is not JSON', { file });
  }
  if (isJsonObject(value)) return value;
  throw new InputError('the file should hold one JSON object', { file });
}

/** tokenizer_config.json wins over special_tokens_map.json; a token is a string or an object with its `content`. */
function specialTokens(config: JsonObject, map: JsonObject): Record<string, string> {
  const tokens: Record<string, string> = {};
  for (const key of SPECIAL_TOKENS) {
    const token = tokenText(config[key]) ?? tokenText(map[key]);
    if (token !== undefined) tokens[key] = token;
  }
  return tokens;
}

function tokenText(token: unknown): string | undefined {
  const text = isJsonObject(token) ? token.content : token;
  return typeof text === 'string' && text !== '' ? text : undefined;
}

/** chat_template.jinja wins; else tokenizer_config.json has one template or a list of named ones. */
async function chatTemplates(folder: FileFolder, config: JsonObject): Promise<Map<string, string>> {
  const file = 'chat_template.jinja';
  const source = await folder.open(file);
  if (source !== undefined) {
    const text = await readText(source, 4 * TEMPLATE_CHARACTERS);
    return new Map([['default', checkedTemplate(text, file)]]);
  }
  const templates = config.chat_template ?? [];
  const place = 'tokenizer_config.json';
  if (typeof templates === 'string')
    return new Map([['default', checkedTemplate(templates, place)]]);
  if (!Array.isArray(templates)) {
    throw new InputError('"chat_template" should be a text or a list of named texts', {
      file: place,
    });
  }
  return new Map(
    templates.map((entry: unknown) => {
      const { name, template } = isJsonObject(entry) ? entry : {};
      if (typeof name === 'string' && typeof template === 'string') {
        return [name, checkedTemplate(template, place)];
      }
      throw new InputError('each of "chat_template" should have a "name" and a "template"', {
        file: place,
      });
    }),
  );
}

function checkedTemplate(template: string, file: string): string {
  if (template.length <= TEMPLATE_CHARACTERS) return template;
  throw new InputError(
    `the chat template has ${template.length} characters, more than the ${TEMPLATE_CHARACTERS} that one may have`,
    { file },
  );
}

/** Also checks that ids are such: a hostile one would make the tokenizer allocate without end. */
function vocabularySize(tokenizer: JsonObject): number {
  const file = 'tokenizer.json';
  const { vocab } = isJsonObject(tokenizer.model) ? tokenizer.model : {};
  const added = tokenizer.added_tokens;
  if (!Array.isArray(added)) throw new InputError('"added_tokens" should be a list', { file });
  if (added.length > MOST_ADDED_TOKENS) {
    throw new InputError(
      `"added_tokens" has ${added.length} tokens, more than the ${MOST_ADDED_TOKENS} that can be used`,
      { file },
    );
  }
  let largest = -1;
  const take = (token: unknown, id: unknown): void => {
    if (
      typeof token === 'string' &&
      Number.isInteger(id) &&
      Number(id) >= 0 &&
      Number(id) <= LARGEST_ID
    ) {
      largest = Math.max(largest, Number(id));
      return;
    }
    throw new InputError(`the token ${quoted(String(token))} has no usable id`, { file });
  };
  if (Array.isArray(vocab)) {
    // A unigram vocabulary: pairs of token and score, whose ids are their places.
    vocab.forEach((entry: unknown, id) => take(Array.isArray(entry) ? entry[0] : entry, id));
  } else if (isJsonObject(vocab)) {
    for (const [token, id] of Object.entries(vocab)) take(token, id);
  } else {
    throw new InputError('"model" should have a "vocab"', { file });
  }
  for (const token of added) {
    if (isJsonObject(token)) take(token.content, token.id);
    else throw new InputError('each of "added_tokens" should be an object', { file });
  }
  return largest + 1;
}
