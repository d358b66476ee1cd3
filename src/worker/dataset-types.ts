/** The values that {@link import('./api').DatasetWorker} takes and gives. All of them are structured-clonable. */
import type { TrainingConfig } from '../config';
import type { DataProblem, ExampleKind } from '../data/examples';

export type { DataProblem, ExampleKind };

/** How far something that takes over a second has come. Rate and time left are worked out by who shows it. */
export interface Progress {
  /** What is being done now, as a person says it, without an ellipsis: 'Downloading model.safetensors'. */
  activity: string;
  /** Units done since the operation began, those of an earlier attempt included. */
  done: number;
  /** Units in all; null while nobody knows. */
  total: number | null;
  unit: 'bytes' | 'tokens' | 'parts';
}

/** What decides how text becomes tokens and masks: two datasets with the same files and the same tokenization have the same tokens. */
export interface Tokenization extends Pick<
  TrainingConfig,
  'chat_template' | 'train_on_prompt' | 'max_seq_length'
> {
  /** Id of an installed model, whose tokenizer and chat template are used. */
  modelId: string;
}

/** One file of a dataset. */
export interface DatasetFile {
  name: string;
  bytes: number;
  /** Examples found in it, by shape. */
  examples: Partial<Record<ExampleKind, number>>;
}

/** Lengths in tokens: `counts[i]` examples have from `i * binWidth + 1` to `(i + 1) * binWidth` tokens. At most 60 bins. */
export interface LengthHistogram {
  binWidth: number;
  counts: number[];
  /** Tokens of the longest example. */
  longest: number;
}

/** What the data hold, as one tokenization sees them. */
export interface DatasetSummary {
  id: string;
  files: DatasetFile[];
  /** Examples that will be trained on, after splitting, cutting and dropping. */
  examples: number;
  tokens: number;
  /** Tokens whose prediction is trained (labels other than -100, the first of an example left out). */
  trainedTokens: number;
  /** Examples cut at `max_seq_length`. */
  truncated: number;
  /** Examples left out because nothing in them would be trained. */
  dropped: number;
  /** The first 100 problems, in the order of the files. */
  problems: DataProblem[];
  /** Problems in all. */
  problemCount: number;
  lengths: LengthHistogram;
  tokenization: Tokenization;
}

/** One line of the dataset table. */
export interface DatasetRow {
  index: number;
  /** `file:line`, the first line of the example. */
  source: string;
  kind: ExampleKind;
  /** The beginning of its text on one line, at most 200 characters. */
  text: string;
  tokens: number;
  trainedTokens: number;
}

/** One token as it is shown. */
export interface TokenPiece {
  id: number;
  /** Its text; where one character spans several tokens the first carries it and the others are empty. */
  text: string;
  trained: boolean;
  /** A special token of the tokenizer, such as an end of turn. */
  special: boolean;
}

/** An example as training sees it. */
export interface TokenPreview {
  index: number;
  /** `file:line`, the first line of the example. */
  source: string;
  pieces: TokenPiece[];
}
