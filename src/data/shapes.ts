import { InputError } from '../errors';
import { isJsonObject, type JsonObject } from '../formats/json';
import { quotedList } from '../formats/quoted';
import type { ChatMessage, Example } from './examples';
import { openAiMessages, shareGptMessages, toolSchemas } from './chat-shapes';
import { optionalText, requiredText } from './shape-fields';

/** What tells preference data, which are for another kind of training, from examples to imitate. */
const PREFERENCE_KEYS = [
  'chosen',
  'rejected',
  'preferred_output',
  'non_preferred_output',
  'kto_tag',
];

const KNOWN_SHAPES =
  'messages, conversations, instruction and output, prompt and completion, question and response, text, or input_ids and labels';

/**
 * What one JSON value of a dataset says. Its shape is told by its keys, so that shapes may be mixed in a file; keys that a shape does not know are
 * passed over.
 * @throws InputError without a place when it has none of the shapes, or one with something wrong in it
 */
export function exampleFromJson(value: unknown, source: string): Example {
  if (!isJsonObject(value)) throw new InputError('an example should be a JSON object');
  const row = value;
  const has = (key: string): boolean => row[key] !== undefined && row[key] !== null;
  if (has('input_ids')) return tokensExample(row, source);
  refusePreferences(row);
  if (Array.isArray(row.messages) || Array.isArray(row.conversations)) return chat(row, source);
  if (has('instruction')) return alpaca(row, source);
  if (has('question') && has('response')) return openOrca(row, source);
  if (has('prompt') && has('completion')) return promptCompletion(row, source);
  if (typeof row.text === 'string') {
    return { kind: 'document', text: requiredText(row, 'text'), spansLines: false, source };
  }
  throw new InputError(
    `an example with the keys ${quotedList(Object.keys(row))} has none of the known shapes: ${KNOWN_SHAPES}`,
  );
}

function refusePreferences(row: JsonObject): void {
  const isKto = typeof row.label === 'boolean' && row.completion !== undefined;
  const key = isKto ? 'label' : PREFERENCE_KEYS.find((name) => row[name] !== undefined);
  if (key === undefined) return;
  throw new InputError(`"${key}" makes this preference data, which cannot be trained on yet`);
}

/** OpenAI's and ShareGPT's shapes, told apart by how their turns are spelled. */
function chat(row: JsonObject, source: string): Example {
  const turns = [row.messages, row.conversations].find(Array.isArray) as unknown[];
  const isShareGpt = isJsonObject(turns[0]) && turns[0].from !== undefined;
  const messages = isShareGpt ? shareGptMessages(turns) : openAiMessages(turns);
  const system = isShareGpt ? optionalText(row, 'system') : '';
  return conversation(systemTurn(system).concat(messages), source, toolSchemas(row.tools));
}

function alpaca(row: JsonObject, source: string): Example {
  const instruction = requiredText(row, 'instruction');
  const input = optionalText(row, 'input');
  const history = row.history ?? [];
  if (!Array.isArray(history)) throw new InputError('"history" should be a list of pairs');
  return conversation(
    [
      ...systemTurn(optionalText(row, 'system')),
      ...history.flatMap(historyPair),
      { role: 'user', content: input === '' ? instruction : `${instruction}\n${input}` },
      { role: 'assistant', content: requiredText(row, 'output') },
    ],
    source,
  );
}

function historyPair(pair: unknown): ChatMessage[] {
  const [user, assistant] = Array.isArray(pair) && pair.length === 2 ? (pair as unknown[]) : [];
  if (typeof user === 'string' && typeof assistant === 'string') {
    return [
      { role: 'user', content: user },
      { role: 'assistant', content: assistant },
    ];
  }
  throw new InputError('each pair of "history" should be a user\'s and an assistant\'s text');
}

function openOrca(row: JsonObject, source: string): Example {
  return conversation(
    [
      ...systemTurn(optionalText(row, 'system_prompt')),
      { role: 'user', content: requiredText(row, 'question') },
      { role: 'assistant', content: requiredText(row, 'response') },
    ],
    source,
  );
}

function promptCompletion(row: JsonObject, source: string): Example {
  const { prompt, completion } = row;
  if (Array.isArray(prompt) && Array.isArray(completion)) {
    const messages = [...openAiMessages(prompt), ...openAiMessages(completion)];
    return conversation(messages, source, toolSchemas(row.tools));
  }
  if (typeof prompt !== 'string' || typeof completion !== 'string') {
    throw new InputError('"prompt" and "completion" should be two texts, or two lists of messages');
  }
  return {
    kind: 'prompt-completion',
    prompt: requiredText(row, 'prompt'),
    completion: requiredText(row, 'completion'),
    source,
  };
}

function conversation(messages: ChatMessage[], source: string, tools?: unknown[]): Example {
  if (messages.length === 0) throw new InputError('the conversation has no messages');
  return { kind: 'conversation', messages, ...(tools === undefined ? {} : { tools }), source };
}

function systemTurn(content: string): ChatMessage[] {
  return content === '' ? [] : [{ role: 'system', content }];
}

function tokensExample(row: JsonObject, source: string): Example {
  const inputIds = integers(row, 'input_ids');
  const labels = integers(row, 'labels');
  if (inputIds.some((id) => id < 0)) throw new InputError('"input_ids" has a negative id');
  if (labels.some((label) => label < 0 && label !== -100)) {
    throw new InputError('"labels" has a negative label other than -100');
  }
  if (labels.length !== inputIds.length) {
    throw new InputError(
      `"labels" has ${labels.length} entries, but "input_ids" has ${inputIds.length}; each token needs its label`,
    );
  }
  return { kind: 'tokens', inputIds, labels, source };
}

function integers(row: JsonObject, key: string): number[] {
  const values = row[key];
  const isIntegers =
    Array.isArray(values) &&
    values.every((value) => Number.isInteger(value) && Math.abs(Number(value)) < 2 ** 31);
  if (!isIntegers) throw new InputError(`"${key}" should be a list of token ids`);
  return values as number[];
}
