import type { TrainingConfig } from '../config';

/** What of the training configuration decides how an example becomes tokens. */
export type TokenizeConfig = Pick<
  TrainingConfig,
  'max_seq_length' | 'chat_template' | 'train_on_prompt'
>;

/** One example as training sees it. */
export interface TokenizedExample {
  inputIds: Uint32Array<ArrayBuffer>;
  /** Same length: the id at the same position where it is trained, -100 elsewhere. Not shifted; `labels[0]` never counts. */
  labels: Int32Array<ArrayBuffer>;
  /** `file:line`, the first line of the example. */
  source: string;
}
