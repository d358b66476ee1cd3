import type { Tokenization } from './api';

/** Whether two tokenizations make the same tokens of the same files. */
export function sameTokenization(a: Tokenization, b: Tokenization): boolean {
  return (
    a.modelId === b.modelId &&
    a.chat_template === b.chat_template &&
    a.train_on_prompt === b.train_on_prompt &&
    a.max_seq_length === b.max_seq_length
  );
}
