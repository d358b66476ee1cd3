import type { Surroundings } from './text-parts';

/** One turn of a conversation, as chat templates take it. */
export interface ChatMessage {
  role: string;
  content: string;
  /** Calls that an assistant makes, handed to the template as they are. */
  tool_calls?: unknown[];
  /** Which call a tool's answer belongs to. */
  tool_call_id?: string;
  /** Name of the speaker or tool. */
  name?: string;
  /** False for an assistant's turn that is context only (`"weight": 0`). */
  trained?: boolean;
}

/** A text to continue, all of it trained; a part of a large file tells what stands around it there. */
export interface DocumentExample extends Surroundings {
  kind: 'document';
  text: string;
  /** Whether the text's lines are lines of the file, so that a piece of it has a line of its own. */
  spansLines: boolean;
  /** False for a part of a large file that is not its last: no end-of-text follows. True unless told. */
  ends?: boolean;
}

/** Two strings, the second trained. */
export interface PromptCompletionExample {
  kind: 'prompt-completion';
  prompt: string;
  completion: string;
}

/** Turns that a chat template renders, the assistant's trained. */
export interface ConversationExample {
  kind: 'conversation';
  messages: ChatMessage[];
  /** JSON schemas of functions, for templates that know tools. */
  tools?: unknown[];
}

/** Tokens that somebody else made. */
export interface TokensExample {
  kind: 'tokens';
  inputIds: number[];
  /** Same length; -100 where nothing is trained; not shifted. */
  labels: number[];
}

/** What one example of a file says, before it is tokens. `source` is `file:line`, with the 1-based first line of the example. */
export type Example = { source: string } & (
  DocumentExample | PromptCompletionExample | ConversationExample | TokensExample
);
export type ExampleKind = Example['kind'];

/** Something in a file that could not be used; the rest of the file is. */
export interface DataProblem {
  /** File name as the person knows it. */
  file: string;
  /** 1-based; absent when the whole file is meant. */
  line?: number | undefined;
  /** What is wrong and what to do, without the place. */
  message: string;
}

/** `file:line` as examples carry it. */
export function sourceOf(file: string, line: number): string {
  return `${file}:${line}`;
}

/** The file and line that a `source` names. */
export function placeOf(source: string): { file: string; line: number } {
  const colon = source.lastIndexOf(':');
  return { file: source.slice(0, colon), line: Number(source.slice(colon + 1)) };
}
