import { InputError } from '../errors';
import type { ByteSource } from '../formats/byte-source';
import type { ByteSink } from './byte-sink';
import { TokenizedDataset, type DatasetFile } from './dataset';
import { placeOf, type DataProblem, type Example } from './examples';
import { GrowingArray } from './growing-array';
import { readExamples, withoutPlace } from './read-examples';
import { encodeRecord } from './token-records';
import {
  countTrained,
  tokenizeExample,
  type TokenizeConfig,
  type TokenizeResult,
} from './tokenize';
import type { Tokenizer } from './tokenizer';

/** How far the building of a dataset has come. */
export interface BuildProgress {
  file: string;
  bytesDone: number;
  bytesTotal: number;
  examples: number;
  tokens: number;
}

export interface BuildOptions {
  /** Ids must be below it; the model's, which pre-tokenised data need. */
  vocabularySize?: number | undefined;
  /** Told a few times a second and once at the end; waited for, so that a worker can listen to its messages meanwhile. */
  onProgress?: ((progress: BuildProgress) => void | Promise<void>) | undefined;
  /** Told of each problem. Without it the first problem ends the building with an InputError. */
  onProblem?: ((problem: DataProblem) => void) | undefined;
  signal?: AbortSignal | undefined;
}

const PROGRESS_MILLISECONDS = 100;
/** Tokens are handed to the sink in pieces of about this many bytes. */
const APPEND_BYTES = 1 << 20;

/**
 * Reads, tokenises and stores files one after the other, example by example; never more than a few megabytes of them are in memory.
 *
 * @param tokenizer null where the model has none: then only pre-tokenised examples can be used
 * @param sink empty; holds the tokens afterwards
 * @returns the dataset, which has no examples where none could be used
 * @throws InputError at the first problem where nobody listens to problems; the signal's reason when it is aborted
 */
export async function buildDataset(
  files: readonly ByteSource[],
  tokenizer: Tokenizer | null,
  config: TokenizeConfig,
  sink: ByteSink,
  options: BuildOptions = {},
): Promise<TokenizedDataset> {
  const builder = new DatasetBuilder(sink);
  const bytesTotal = files.reduce((sum, file) => sum + file.size, 0);
  const onProblem = (problem: DataProblem): void => {
    builder.problems++;
    if (options.onProblem === undefined) throw new InputError(problem.message, problem);
    options.onProblem(problem);
  };
  let bytesBefore = 0;
  let toldAt = performance.now();
  for (const file of files) {
    builder.beginFile(file);
    for await (const item of readExamples(file)) {
      options.signal?.throwIfAborted();
      const result =
        'problem' in item
          ? { problem: item.problem }
          : tokenized(item.example, tokenizer, config, options.vocabularySize);
      if ('problem' in result) onProblem(result.problem);
      else await builder.add(result);
      if (performance.now() - toldAt > PROGRESS_MILLISECONDS) {
        const bytesDone = bytesBefore + item.bytesDone;
        await options.onProgress?.({ file: file.name, bytesDone, bytesTotal, ...builder.counts });
        toldAt = performance.now();
      }
    }
    bytesBefore += file.size;
  }
  const dataset = await builder.finish();
  const { examples, tokens } = dataset;
  const file = files.at(-1)?.name ?? '';
  await options.onProgress?.({ file, bytesDone: bytesTotal, bytesTotal, examples, tokens });
  return dataset;
}

/** What became of an example of a file. */
type Made = { example: Example } & TokenizeResult;

function tokenized(
  example: Example,
  tokenizer: Tokenizer | null,
  config: TokenizeConfig,
  vocabularySize: number | undefined,
): Made | { problem: DataProblem } {
  try {
    return { example, ...tokenizeExample(example, tokenizer, config, vocabularySize) };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return { problem: { ...placeOf(example.source), message: withoutPlace(error) } };
  }
}

/** Throws an InputError when a dataset leaves nothing to train on, with what became of its examples. */
export function requireExamples(dataset: TokenizedDataset): void {
  if (dataset.examples > 0) return;
  const names = dataset.files.map((file) => file.name);
  const file = names.length > 3 ? `${names.slice(0, 3).join(', ')} and others` : names.join(', ');
  const reason =
    dataset.dropped > 0
      ? `all examples (${dataset.dropped}) were dropped because nothing in them would be trained`
      : 'no example was found';
  throw new InputError(`there is nothing to train on: ${reason}`, { file });
}

class DatasetBuilder {
  problems = 0;
  private truncated = 0;
  private dropped = 0;
  private readonly files: DatasetFile[] = [];
  private readonly lengthWords = new GrowingArray(Uint32Array);
  private readonly pending = new GrowingArray(Uint8Array);
  private tokens = 0;
  private trainedTokens = 0;

  constructor(private readonly sink: ByteSink) {
    if (sink.size !== 0) throw new Error('a dataset is built into an empty sink');
  }

  get counts(): { examples: number; tokens: number } {
    return { examples: this.lengthWords.length, tokens: this.tokens };
  }

  beginFile({ name, size }: ByteSource): void {
    this.files.push({ name, bytes: size, examples: {} });
  }

  async add({ example: { kind }, examples, truncated, dropped }: Made): Promise<void> {
    const file = this.files.at(-1);
    if (file !== undefined) file.examples[kind] = (file.examples[kind] ?? 0) + 1;
    this.truncated += truncated;
    this.dropped += dropped;
    const fileNumber = this.files.length - 1;
    for (const { inputIds, labels, source } of examples) {
      const { line } = placeOf(source);
      const { bytes, lengthWord } = encodeRecord({ kind, fileNumber, line, inputIds, labels });
      this.lengthWords.push(lengthWord);
      this.tokens += inputIds.length;
      this.trainedTokens += countTrained(labels);
      this.pending.append(bytes);
      if (this.pending.length >= APPEND_BYTES) await this.flush();
    }
  }

  async finish(): Promise<TokenizedDataset> {
    await this.flush();
    const { files, tokens, trainedTokens, truncated, dropped, problems } = this;
    const { examples } = this.counts;
    const recordsBytes = this.sink.size;
    await this.sink.append(new Uint8Array(this.lengthWords.take().buffer));
    return TokenizedDataset.open(this.sink, {
      version: 2,
      files,
      examples,
      tokens,
      trainedTokens,
      recordsBytes,
      truncated,
      dropped,
      problems,
    });
  }

  private async flush(): Promise<void> {
    if (this.pending.length === 0) return;
    await this.sink.append(this.pending.take());
  }
}
