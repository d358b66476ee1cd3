/** Rows of tokens as the GPU takes them. `tokens` = rows x rowLength is fixed for a run. */
export interface PackedBatch {
  rows: number;
  rowLength: number;
  /** [tokens]; padding is 0. */
  inputIds: Uint32Array<ArrayBuffer>;
  /** [tokens], shifted already: the label of the next token of the same example, -100 where there is none. */
  targets: Int32Array<ArrayBuffer>;
  /** [tokens], position within the example. */
  positions: Uint32Array<ArrayBuffer>;
  /** [tokens], index within the whole batch of the first token of the example; a padding token's own index. */
  sequenceStarts: Uint32Array<ArrayBuffer>;
  /** Targets other than -100. */
  trainedTokens: number;
  examples: number;
}
