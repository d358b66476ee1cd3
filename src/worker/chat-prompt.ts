import { chatTemplate, type ChatTemplateName } from '../data/chat-templates';
import { encodePrompt, type Tokenizer } from '../data/tokenizer';
import type { FinishReason } from '../model/llama-generator';

/** A question as token ids: one user turn of the chat template, with the header of the answer after it. */
export function chatPrompt(
  tokenizer: Tokenizer,
  name: ChatTemplateName,
  question: string,
): number[] {
  const template = chatTemplate(name, tokenizer);
  const messages = [{ role: 'user', content: question }];
  const text = tokenizer.renderChat(messages, { template, addGenerationPrompt: true });
  return tokenizer.encode(text, { addSpecialTokens: false });
}

/** A text to go on with as token ids. */
export function plainPrompt(tokenizer: Tokenizer, text: string): number[] {
  return encodePrompt(tokenizer, text);
}

/** What came of a generation. */
export interface WrittenText {
  text: string;
  tokens: number;
  finishReason: FinishReason;
}

/**
 * Turns tokens into text as they come; a character of several tokens is told when it is whole.
 * @param onText told each piece, and how many tokens there are with it
 */
export async function writeText(
  tokens: AsyncGenerator<number, FinishReason, void>,
  tokenizer: Tokenizer,
  onText: (piece: string, tokens: number) => void = () => undefined,
): Promise<WrittenText> {
  const ids: number[] = [];
  let told = '';
  for (;;) {
    const next = await tokens.next();
    if (next.done) {
      const text = tokenizer.decode(ids, { skipSpecialTokens: true });
      if (text.length > told.length) onText(text.slice(told.length), ids.length);
      return { text, tokens: ids.length, finishReason: next.value };
    }
    ids.push(next.value);
    const longer = tokenizer.decode(ids, { skipSpecialTokens: true });
    // The replacement character at the end is the beginning of one whose other bytes are still to come.
    if (longer.endsWith('\ufffd') || !longer.startsWith(told)) continue;
    onText(longer.slice(told.length), ids.length);
    told = longer;
  }
}
