import { InputError } from '../errors';
import type { ByteSink } from './byte-sink';
import { sourceOf, type ExampleKind } from './examples';
import { decodeRecord, recordBytes, recordLength } from './token-records';
import type { TokenizedExample } from './tokenize';

/** Tokenised examples in a store, read one by one. */
export interface ExampleSource {
  /** How many examples. */
  readonly examples: number;
  /** Tokens of each example. */
  readonly lengths: Uint32Array<ArrayBuffer>;
  read(index: number): Promise<TokenizedExample>;
}

/** A file that went into a dataset. */
export interface DatasetFile {
  name: string;
  bytes: number;
  /** Examples found in it, by shape, before splitting and dropping. */
  examples: Partial<Record<ExampleKind, number>>;
}

/** What opens a dataset again with the bytes of its sink. Its size does not depend on how many examples there are. */
export interface DatasetIndex {
  version: 2;
  files: DatasetFile[];
  examples: number;
  tokens: number;
  /** Tokens whose prediction is trained. */
  trainedTokens: number;
  /** Bytes of the records of all examples, one after the other; a table of their lengths, one 32-bit word each, follows them. */
  recordsBytes: number;
  /** Examples cut at max_seq_length. */
  truncated: number;
  /** Examples without a trained token, left out. */
  dropped: number;
  /** Lines, elements and files that could not be used. */
  problems: number;
}

/** Examples as training sees them, with their tokens in a ByteSink: 12 bytes an example are in memory. */
export class TokenizedDataset implements ExampleSource {
  private constructor(
    private readonly sink: Pick<ByteSink, 'read'>,
    readonly index: DatasetIndex,
    readonly lengths: Uint32Array<ArrayBuffer>,
    /** Where each example's record begins, and where the last one ends. */
    private readonly offsets: Float64Array,
  ) {}

  /** @throws InputError when the sink does not hold what the index says, or an earlier version of this program made it */
  static async open(
    sink: Pick<ByteSink, 'size' | 'read'>,
    index: DatasetIndex,
  ): Promise<TokenizedDataset> {
    // What is stored may be older than this program.
    if ((index.version as number) !== 2) {
      throw new InputError('the tokens are those of an earlier version; drop the files again');
    }
    const { examples, recordsBytes } = index;
    const bytes = recordsBytes + 4 * examples;
    if (sink.size !== bytes) {
      throw new InputError(
        `the stored tokens have ${sink.size} bytes of ${bytes}; drop the files again`,
      );
    }
    const table = await sink.read(recordsBytes, 4 * examples);
    const lengths = new Uint32Array(table.buffer, table.byteOffset, examples);
    const offsets = new Float64Array(examples + 1);
    lengths.forEach((word, example) => {
      offsets[example + 1] = (offsets[example] ?? 0) + recordBytes(word);
      lengths[example] = recordLength(word);
    });
    if (offsets[examples] !== recordsBytes) {
      throw new InputError('the stored tokens are damaged; drop the files again');
    }
    return new TokenizedDataset(sink, index, lengths, offsets);
  }

  get examples(): number {
    return this.index.examples;
  }

  get tokens(): number {
    return this.index.tokens;
  }

  get trainedTokens(): number {
    return this.index.trainedTokens;
  }

  get truncated(): number {
    return this.index.truncated;
  }

  get dropped(): number {
    return this.index.dropped;
  }

  get problems(): number {
    return this.index.problems;
  }

  get files(): readonly DatasetFile[] {
    return this.index.files;
  }

  /** An example, and the shape of what it was made from. @throws InputError when there is no such example */
  async read(example: number): Promise<TokenizedExample & { kind: ExampleKind }> {
    if (!Number.isInteger(example) || example < 0 || example >= this.examples) {
      throw new InputError(`there is no example ${example}; the dataset has ${this.examples}`);
    }
    const start = this.offsets[example] ?? 0;
    const bytes = await this.sink.read(start, (this.offsets[example + 1] ?? 0) - start);
    const { kind, fileNumber, line, inputIds, labels } = decodeRecord(
      bytes,
      this.lengths[example] ?? 0,
    );
    return { kind, inputIds, labels, source: sourceOf(this.files[fileNumber]?.name ?? '', line) };
  }
}
