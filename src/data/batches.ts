import type { TrainingConfig } from '../config';
import { InputError } from '../errors';
import type { ExampleSource } from './dataset';
import { oneExampleARow, packInOrder, packTightly, type RowPlan } from './packing';
import { SeededRandom, shuffle } from './random';
import { NOT_TRAINED, type TokenizedExample } from './tokenize';

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

/** Where a stream stands, as plain JSON: what `next` gives next. */
export interface DataCursor {
  /** Times the data have been gone through. */
  epoch: number;
  /** Micro-batches of this epoch that were given out. */
  microBatch: number;
}

export interface BatchOptions {
  /** Examples to go through: the training or the evaluation part. */
  indices: Uint32Array;
  /** Rows in a micro-batch. */
  rows: number;
  /** Tokens in a row. */
  rowLength: number;
  packing: boolean;
  shuffle: boolean;
  seed: number;
}

/** What else than the seed each drawing is seeded with, so that they differ. */
const SPLIT_STREAM = 1;
const PACKING_STREAM = 2;
const EPOCH_STREAM = 3;

/**
 * Micro-batches of a dataset, round and round. Which examples share a row is decided once, so that each epoch has the same number of micro-batches; with
 * `shuffle` the rows come in a new order each epoch, else the examples keep the order of `indices`. The last micro-batch of an epoch is
 * padded with empty rows.
 */
export class BatchStream {
  readonly microBatchesPerEpoch: number;
  /** Examples in an epoch. */
  readonly examplesPerEpoch: number;
  private readonly plan: RowPlan;
  private epoch = 0;
  private microBatch = 0;
  private order: Uint32Array;

  /** @throws InputError when there is nothing to go through, or an example is longer than a row */
  constructor(
    private readonly dataset: ExampleSource,
    private readonly options: BatchOptions,
  ) {
    if (options.indices.length === 0) throw new InputError('there are no examples to train on');
    this.examplesPerEpoch = options.indices.length;
    this.plan = planRows(dataset.lengths, options);
    this.microBatchesPerEpoch = Math.ceil((this.plan.starts.length - 1) / options.rows);
    this.order = this.orderOfEpoch();
  }

  get cursor(): DataCursor {
    return { epoch: this.epoch, microBatch: this.microBatch };
  }

  /** Goes on from where a stream of the same dataset and options stood. */
  restore({ epoch, microBatch }: DataCursor): void {
    const isPlace =
      Number.isSafeInteger(epoch) &&
      Number.isSafeInteger(microBatch) &&
      epoch >= 0 &&
      microBatch >= 0;
    if (!isPlace || microBatch >= this.microBatchesPerEpoch) {
      throw new InputError(
        `the place in the data (epoch ${epoch}, micro-batch ${microBatch} of ${this.microBatchesPerEpoch}) does not fit them`,
      );
    }
    this.epoch = epoch;
    this.microBatch = microBatch;
    this.order = this.orderOfEpoch();
  }

  /** The next micro-batch, and whether it is the last of its epoch. */
  async next(): Promise<PackedBatch & { endOfEpoch: boolean }> {
    const { rows, rowLength } = this.options;
    const first = this.microBatch * rows;
    const batch = emptyBatch(rows, rowLength);
    for (const [row, planned] of this.order.subarray(first, first + rows).entries()) {
      let at = row * rowLength;
      for (const index of this.examplesOfRow(planned)) {
        const example = await this.dataset.read(index);
        place(batch, at, example);
        at += example.inputIds.length;
      }
    }
    const endOfEpoch = this.microBatch + 1 === this.microBatchesPerEpoch;
    if (endOfEpoch) {
      this.epoch++;
      this.microBatch = 0;
      this.order = this.orderOfEpoch();
    } else {
      this.microBatch++;
    }
    return { ...batch, endOfEpoch };
  }

  private examplesOfRow(row: number): Uint32Array {
    const { examples, starts } = this.plan;
    return examples.subarray(starts[row], starts[row + 1]);
  }

  private orderOfEpoch(): Uint32Array {
    const order = countUp(this.plan.starts.length - 1);
    const { seed } = this.options;
    if (this.options.shuffle) shuffle(order, new SeededRandom(seed, EPOCH_STREAM, this.epoch));
    return order;
  }
}

/**
 * Which examples are trained on and which are held out: round(fraction x count), at least 1 where the fraction is above 0, drawn by the seed. Both in
 * the order of the dataset.
 * @throws InputError when nothing would be left to train on
 */
export function splitDataset(
  count: number,
  evalFraction: number,
  seed: number,
): { train: Uint32Array<ArrayBuffer>; evaluation: Uint32Array<ArrayBuffer> } {
  const all = countUp(count);
  if (evalFraction === 0) return { train: all, evaluation: new Uint32Array(0) };
  const heldOut = Math.max(1, Math.round(evalFraction * count));
  if (heldOut >= count) {
    throw new InputError(
      `eval_fraction ${evalFraction} holds out ${heldOut} of ${count} examples, which leaves none to train on`,
    );
  }
  shuffle(all, new SeededRandom(seed, SPLIT_STREAM));
  return { train: all.subarray(heldOut).sort(), evaluation: all.subarray(0, heldOut).sort() };
}

/**
 * Tokens in a row: max_seq_length, or less where the data never fill it (the longest example, or with packing all examples together),
 * so that short data do not pay for padding.
 */
export function rowLengthFor(
  dataset: Pick<ExampleSource, 'lengths'>,
  config: Pick<TrainingConfig, 'max_seq_length' | 'packing'>,
): number {
  const { lengths } = dataset;
  const fill = config.packing
    ? lengths.reduce((sum, length) => sum + length, 0)
    : lengths.reduce((longest, length) => Math.max(longest, length), 0);
  return Math.min(config.max_seq_length, fill);
}

function planRows(lengths: Uint32Array, options: BatchOptions): RowPlan {
  const order = Uint32Array.from(options.indices);
  if (options.shuffle) shuffle(order, new SeededRandom(options.seed, PACKING_STREAM));
  const pack = !options.packing ? oneExampleARow : options.shuffle ? packTightly : packInOrder;
  return pack(order, lengths, options.rowLength);
}

function emptyBatch(rows: number, rowLength: number): PackedBatch {
  const tokens = rows * rowLength;
  return {
    rows,
    rowLength,
    inputIds: new Uint32Array(tokens),
    targets: new Int32Array(tokens).fill(NOT_TRAINED),
    positions: new Uint32Array(tokens),
    sequenceStarts: countUp(tokens),
    trainedTokens: 0,
    examples: 0,
  };
}

/** Writes an example into the batch from token `at` on. */
function place(batch: PackedBatch, at: number, { inputIds, labels }: TokenizedExample): void {
  const length = inputIds.length;
  batch.inputIds.set(inputIds, at);
  batch.sequenceStarts.fill(at, at, at + length);
  for (let position = 0; position < length; position++) {
    batch.positions[at + position] = position;
    const target = labels[position + 1] ?? NOT_TRAINED;
    batch.targets[at + position] = target;
    if (target !== NOT_TRAINED) batch.trainedTokens++;
  }
  batch.examples++;
}

function countUp(count: number): Uint32Array<ArrayBuffer> {
  return Uint32Array.from({ length: count }, (_, index) => index);
}
