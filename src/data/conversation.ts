import { InputError } from '../errors';
import type { ChatMessage, ConversationExample } from './examples';
import type { Tokenizer } from './tokenizer';

/** A stretch of text, in UTF-16 code units: from `start` up to but without `end`. */
export interface TextSpan {
  start: number;
  end: number;
}

/** A conversation as its template writes it, and what of it is trained. */
export interface RenderedConversation {
  text: string;
  /** In order, without overlaps. */
  trained: TextSpan[];
}

/**
 * Renders a conversation and finds what the assistant says in it: the content of each of its turns with the token that ends the turn, without
 * headers and without white space that the template puts after the end.
 *
 * A turn lies between the rendering of the turns before it with the generation prompt and the rendering of the turns up to it. Templates
 * that cannot render such a prefix, or render it differently, have the turn's content looked for in the whole.
 *
 * @throws InputError when the template refuses the conversation, or an assistant's turn is nowhere in what it wrote
 */
export function renderConversation(
  { messages, tools }: Pick<ConversationExample, 'messages' | 'tools'>,
  tokenizer: Tokenizer,
  template: string,
): RenderedConversation {
  const render = (turns: readonly ChatMessage[], addGenerationPrompt: boolean): string =>
    tokenizer.renderChat(turns, { template, addGenerationPrompt, tools });
  const text = render(messages, false);
  /** The rendering of the first `count` turns, where it can be made and the whole begins with it. */
  const prefix = (count: number, addGenerationPrompt: boolean): number | undefined => {
    if (count === messages.length && !addGenerationPrompt) return text.length;
    const rendered = attempt(() => render(messages.slice(0, count), addGenerationPrompt));
    return rendered !== undefined && text.startsWith(rendered) ? rendered.length : undefined;
  };
  const trained: TextSpan[] = [];
  messages.forEach((message, index) => {
    if (message.role !== 'assistant' || message.trained === false) return;
    const start = prefix(index, true);
    const end = prefix(index + 1, false);
    const span =
      start !== undefined && end !== undefined && end > start
        ? turnBetween(text, { start, end }, message)
        : end !== undefined
          ? turnBefore(text, end, message)
          : turnAfter(
              text,
              start ?? prefix(index, false) ?? endOfContents(text, messages.slice(0, index)),
              message,
              tokenizer.specialTokens,
            );
    if (span === undefined) {
      throw new InputError(
        `turn ${index + 1}, the assistant's, cannot be found in what the chat template writes; choose another chat_template`,
      );
    }
    trained.push(span);
  });
  return { text, trained };
}

/** A turn whose borders are known: without what precedes its content and without the white space after its end. */
function turnBetween(text: string, { start, end }: TextSpan, message: ChatMessage): TextSpan {
  const turn = text.slice(start, end);
  if (message.content === '' && message.tool_calls === undefined) {
    // Nothing is said: white space before the end of the turn is the template's.
    return {
      start: start + turn.length - turn.trimStart().length,
      end: start + turn.trimEnd().length,
    };
  }
  const content = findContent(turn, message, 0) ?? { start: 0, end: 0 };
  return {
    start: start + content.start,
    end: start + Math.max(turn.trimEnd().length, content.end),
  };
}

/** A turn of which only the end is known: its content is the last of that spelling before it. */
function turnBefore(text: string, end: number, message: ChatMessage): TextSpan | undefined {
  const turns = text.slice(0, end);
  for (const content of spellings(message)) {
    const start = turns.lastIndexOf(content);
    if (start >= 0) {
      return { start, end: Math.max(turns.trimEnd().length, start + content.length) };
    }
  }
  return undefined;
}

/** A turn of which no end is known: its content from `from` on, and the special token after it. */
function turnAfter(
  text: string,
  from: number,
  message: ChatMessage,
  specialTokens: readonly string[],
): TextSpan | undefined {
  const content = findContent(text, message, from);
  if (content === undefined) return undefined;
  const gap = /\s*/y;
  gap.lastIndex = content.end;
  const at = content.end + (gap.exec(text)?.[0].length ?? 0);
  const endOfTurn = specialTokens
    .filter((token) => text.startsWith(token, at))
    .reduce((longest, token) => (token.length > longest.length ? token : longest), '');
  return {
    start: content.start,
    end: endOfTurn === '' ? content.end : at + endOfTurn.length,
  };
}

/** Where the contents of these messages end, looked for one after the other. */
function endOfContents(text: string, messages: readonly ChatMessage[]): number {
  let at = 0;
  for (const message of messages) at = findContent(text, message, at)?.end ?? at;
  return at;
}

function findContent(text: string, message: ChatMessage, from: number): TextSpan | undefined {
  for (const content of spellings(message)) {
    const start = text.indexOf(content, from);
    if (start >= 0) return { start, end: start + content.length };
  }
  return undefined;
}

/** A content as it is, or trimmed as many templates do; none where the turn is calls of tools, which templates spell in their own ways. */
function spellings({ content, tool_calls }: ChatMessage): string[] {
  return tool_calls === undefined ? [content, content.trim()] : [];
}

function attempt(render: () => string): string | undefined {
  try {
    return render();
  } catch (error) {
    if (error instanceof InputError) return undefined;
    throw error;
  }
}
