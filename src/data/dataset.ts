import type { TokenizedExample } from './tokenize';

/** Tokenised examples in a store, read one by one. */
export interface ExampleSource {
  /** How many examples. */
  readonly examples: number;
  /** Tokens of each example. */
  readonly lengths: Uint32Array<ArrayBuffer>;
  /** Trained tokens of each example. */
  readonly trainedLengths: Uint32Array<ArrayBuffer>;
  read(index: number): Promise<TokenizedExample>;
}
