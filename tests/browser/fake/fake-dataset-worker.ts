import type {
  DatasetRow,
  DatasetSummary,
  DatasetWorker,
  ProgressListener,
  Tokenization,
  TokenPiece,
  TokenPreview,
} from '../../../src/worker/api';
import { sceneNamed, type Scene } from './scenes';

const STEP_MILLISECONDS = 20;

/** Plays the dataset of a scene; any file that is dropped becomes it. */
export class FakeDatasetWorker implements DatasetWorker {
  #summary: DatasetSummary | null;
  #import = new AbortController();

  constructor(scene: Scene) {
    this.#summary = scene.data;
  }

  async importFiles(
    files: File[],
    tokenization: Tokenization,
    onProgress: ProgressListener,
  ): Promise<DatasetSummary> {
    this.#import = new AbortController();
    const { signal } = this.#import;
    const total = files.reduce((sum, file) => sum + file.size, 0);
    for (let part = 0; part <= 5; part += 1) {
      onProgress({
        activity: `Reading ${files[0]?.name ?? ''}`,
        done: (total * part) / 5,
        total,
        unit: 'bytes',
      });
      await new Promise((resolve) => setTimeout(resolve, STEP_MILLISECONDS));
      signal.throwIfAborted();
    }
    this.#summary = {
      ...(sceneNamed('dropped').data ?? fail()),
      files: files.map((file) => ({
        name: file.name,
        bytes: file.size,
        examples: { document: 1 },
      })),
      tokenization,
    };
    return this.#summary;
  }

  retokenize(_: string, tokenization: Tokenization): Promise<DatasetSummary> {
    this.#summary = { ...(this.#summary ?? fail()), tokenization };
    return Promise.resolve(this.#summary);
  }

  current(): Promise<DatasetSummary | null> {
    return Promise.resolve(this.#summary);
  }

  rows(_: string, offset: number, count: number): Promise<DatasetRow[]> {
    const end = Math.min(this.#summary?.examples ?? 0, offset + count);
    const rows: DatasetRow[] = [];
    for (let index = offset; index < end; index += 1) {
      const tokens = 60 + ((index * 37) % 190);
      rows.push({
        index,
        source: `fables.jsonl:${index + 1}`,
        kind: 'conversation',
        text: `Tell me fable ${index + 1}. A hungry Fox saw some fine bunches of Grapes hanging from a vine`,
        tokens,
        trainedTokens: tokens - 21,
      });
    }
    return Promise.resolve(rows);
  }

  tokens(_: string, index: number): Promise<TokenPreview> {
    return Promise.resolve({ index, source: `fables.jsonl:${index + 1}`, pieces: piecesOf(index) });
  }

  remove(): Promise<void> {
    this.#summary = null;
    return Promise.resolve();
  }

  cancel(): Promise<void> {
    this.#import.abort();
    return Promise.resolve();
  }
}

function piecesOf(index: number): TokenPiece[] {
  const read = [
    '<|im_start|>',
    'user',
    '\n',
    'Tell',
    ' me',
    ' the',
    ' fable',
    ' of',
    ' the',
    ' Fox',
    '.',
    '<|im_end|>',
    '\n',
    '<|im_start|>',
    'assistant',
    '\n',
  ];
  const written =
    `Fable ${index + 1}. A hungry Fox saw some fine bunches of Grapes hanging from a vine that was trained along a high trellis, and did his best to reach them by jumping as high as he could into the air. But it was all in vain, for they were just out of reach.\n\nMuch wants more and loses all.<|im_end|>`.split(
      /(?= |\n|<)/,
    );
  return [...read, ...written].map((text, id) => ({
    id,
    text,
    trained: id >= read.length,
    special: text.startsWith('<|'),
  }));
}

function fail(): never {
  throw new Error('the scene has no data');
}
