import { InputError } from '../errors';
import type { ByteSink } from './byte-sink';
import { sourceOf, type ExampleKind } from './examples';
import { decodeRecord, recordBytes, KINDS } from './token-records';
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

/** A file that went into a dataset. */
export interface DatasetFile {
  name: string;
  bytes: number;
  /** Examples found in it, by shape, before splitting and dropping. */
  examples: Partial<Record<ExampleKind, number>>;
}

/** All of a dataset but its tokens, in a form that can be cloned and stored; with the sink's bytes it opens the dataset again. */
export interface DatasetIndex {
  version: 1;
  files: DatasetFile[];
  /** Tokens of each example. */
  lengths: Uint32Array<ArrayBuffer>;
  /** Trained tokens of each example. */
  trainedLengths: Uint32Array<ArrayBuffer>;
  /** Place of each example's shape in KINDS, and whether its labels are stored one by one. */
  forms: Uint8Array<ArrayBuffer>;
  /** Place of each example's file in `files`. */
  fileNumbers: Uint32Array<ArrayBuffer>;
  /** 1-based first line of each example in its file. */
  lines: Uint32Array<ArrayBuffer>;
  /** Examples cut at max_seq_length. */
  truncated: number;
  /** Examples without a trained token, left out. */
  dropped: number;
  /** Lines, elements and files that could not be used. */
  problems: number;
}

/** Examples as training sees them, with their tokens in a ByteSink. */
export class TokenizedDataset implements ExampleSource {
  readonly examples: number;
  readonly tokens: number;
  readonly trainedTokens: number;
  private readonly offsets: Float64Array;

  /** @throws InputError when the sink does not hold as many bytes as the index says */
  constructor(
    private readonly sink: ByteSink,
    readonly index: DatasetIndex,
  ) {
    const { lengths, trainedLengths, forms } = index;
    this.examples = lengths.length;
    this.tokens = lengths.reduce((sum, length) => sum + length, 0);
    this.trainedTokens = trainedLengths.reduce((sum, length) => sum + length, 0);
    this.offsets = new Float64Array(this.examples + 1);
    lengths.forEach((length, example) => {
      const bytes = recordBytes(length, forms[example] ?? 0);
      this.offsets[example + 1] = (this.offsets[example] ?? 0) + bytes;
    });
    const bytes = this.offsets[this.examples] ?? 0;
    if (sink.size < bytes) {
      throw new InputError(
        `the stored tokens have ${sink.size} bytes of ${bytes}; drop the files again`,
      );
    }
  }

  get lengths(): Uint32Array<ArrayBuffer> {
    return this.index.lengths;
  }

  get trainedLengths(): Uint32Array<ArrayBuffer> {
    return this.index.trainedLengths;
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

  /** Shape of the example that it was made from. */
  kindOf(example: number): ExampleKind {
    this.check(example);
    return KINDS[(this.index.forms[example] ?? 0) % KINDS.length] ?? 'document';
  }

  /** `file:line` of the example. */
  sourceOf(example: number): string {
    this.check(example);
    const { files, fileNumbers, lines } = this.index;
    return sourceOf(files[fileNumbers[example] ?? 0]?.name ?? '', lines[example] ?? 1);
  }

  /** @throws InputError when there is no such example */
  async read(example: number): Promise<TokenizedExample> {
    const source = this.sourceOf(example);
    const start = this.offsets[example] ?? 0;
    const end = this.offsets[example + 1] ?? 0;
    const bytes = await this.sink.read(start, end - start);
    return { ...decodeRecord(bytes, this.lengths[example] ?? 0), source };
  }

  private check(example: number): void {
    if (Number.isInteger(example) && example >= 0 && example < this.examples) return;
    throw new InputError(`there is no example ${example}; the dataset has ${this.examples}`);
  }
}
