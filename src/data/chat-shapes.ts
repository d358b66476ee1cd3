import { InputError } from '../errors';
import { isJsonObject, type JsonObject } from '../formats/json';
import { quoted } from '../formats/quoted';
import type { ChatMessage } from './examples';
import { checkedText, optionalText, requiredText } from './shape-fields';

/** How ShareGPT's and its relatives' speakers are called in chat templates. */
const SPEAKERS: Readonly<Record<string, string>> = {
  human: 'user',
  user: 'user',
  gpt: 'assistant',
  chatgpt: 'assistant',
  assistant: 'assistant',
  function_call: 'assistant',
  system: 'system',
  observation: 'tool',
  tool: 'tool',
};

/** Turns with `from` and `value`. */
export function shareGptMessages(turns: readonly unknown[]): ChatMessage[] {
  return turns.map((turn, index) => {
    if (!isJsonObject(turn)) throw notATurn(index);
    const from = requiredText(turn, 'from');
    const role = Object.hasOwn(SPEAKERS, from) ? SPEAKERS[from] : undefined;
    if (role === undefined) {
      throw new InputError(
        `turn ${index + 1} is from ${quoted(from)}; it should be from one of ${Object.keys(SPEAKERS).join(', ')}`,
      );
    }
    return { role, content: requiredText(turn, 'value') };
  });
}

/** Turns with `role` and `content`, as OpenAI has them: an assistant's `weight` 0 makes it context, content may be a list of texts. */
export function openAiMessages(turns: readonly unknown[]): ChatMessage[] {
  return turns.map((turn, index) => {
    if (!isJsonObject(turn)) throw notATurn(index);
    const role = requiredText(turn, 'role');
    if (role === '') throw new InputError(`the role of turn ${index + 1} is empty`);
    const calls = turn.tool_calls ?? [];
    if (!Array.isArray(calls))
      throw new InputError(`"tool_calls" of turn ${index + 1} should be a list`);
    const message: ChatMessage = { role, content: content(turn, index, calls.length > 0) };
    if (calls.length > 0) message.tool_calls = calls;
    for (const key of ['tool_call_id', 'name'] as const) {
      const value = optionalText(turn, key);
      if (value !== '') message[key] = value;
    }
    if (!isTrained(turn.weight, index)) message.trained = false;
    return message;
  });
}

/** Functions that a conversation may call, as a list or as JSON in a text; undefined where there are none. */
export function toolSchemas(tools: unknown): unknown[] | undefined {
  if (tools === undefined || tools === null || tools === '') return undefined;
  let list: unknown = tools;
  if (typeof tools === 'string') {
    try {
      list = JSON.parse(tools);
    } catch {
      throw new InputError('"tools" is a text, but not JSON');
    }
  }
  if (!Array.isArray(list)) throw new InputError('"tools" should be a list of functions');
  return list.length === 0 ? undefined : (list as unknown[]);
}

function content(turn: JsonObject, index: number, callsTools: boolean): string {
  const value = turn.content;
  const name = `the content of turn ${index + 1}`;
  if (callsTools && (value === null || value === undefined)) return '';
  if (!Array.isArray(value)) return checkedText(value, name);
  return value
    .map((part: unknown) => {
      if (isJsonObject(part) && part.type === 'text') return checkedText(part.text, name);
      throw new InputError(`${name} has a part that is not text, which a Llama cannot read`);
    })
    .join('');
}

function isTrained(weight: unknown, index: number): boolean {
  if (weight === undefined || weight === null || weight === 1) return true;
  if (weight === 0) return false;
  throw new InputError(`the weight of turn ${index + 1} should be 0 or 1`);
}

function notATurn(index: number): InputError {
  return new InputError(`turn ${index + 1} of the conversation should be a JSON object`);
}
