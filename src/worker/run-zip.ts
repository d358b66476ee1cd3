import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { makeZip } from 'client-zip';
import { chatTemplate } from '../data/chat-templates';
import type { Tokenizer } from '../data/tokenizer';
import type { LlamaFolder } from '../formats/llama-folder';
import { QuotaError } from '../storage/errors';
import type { Checkpoint } from '../train/checkpoint';
import { metricsCsv } from '../train/metrics-csv';
import { runFiles, type RunFile } from '../train/run-files';
import type { ProgressListener } from './api';
import type { Services, StoredDataset } from './services';

export interface ZipSource {
  readonly folder: LlamaFolder;
  readonly tokenizer: Tokenizer | null;
  readonly checkpoint: Checkpoint;
  /** The base model as PEFT is to find it. */
  readonly baseModel: string;
  readonly dataset: StoredDataset['summary'];
}

const CHAT_TEMPLATE = 'chat_template.jinja';
const ZIPS = 'zips';

/** Everything that is downloaded of a run, the list of hashes last. Each file is to be read before the next is asked for. */
export async function* downloadFiles(source: ZipSource): AsyncGenerator<RunFile> {
  const sums: string[] = [];
  for await (const { name, content } of filesOf(source)) {
    const hash = sha256.create();
    yield { name, content: hashed(content, hash) };
    sums.push(`${bytesToHex(hash.digest())}  ${name}\n`);
  }
  yield text('SHA256SUMS', sums.join(''));
}

/**
 * Writes files as a zip, piece by piece, to a file whose bytes stay on disk. Where the disk is full, as after a checkpoint that found no
 * room, the zip is made in memory.
 * @param files makes them anew at each call
 */
export async function zipFile(
  services: Pick<Services, 'downloads' | 'openDownload'>,
  name: string,
  files: () => AsyncIterable<RunFile>,
  onProgress: ProgressListener,
  signal: AbortSignal,
): Promise<File> {
  const { downloads, openDownload } = services;
  const pieces = () => zipPieces(name, files(), onProgress, signal);
  await downloads.remove(ZIPS);
  try {
    const appender = await (await downloads.folder(ZIPS)).append(name);
    try {
      for await (const piece of pieces()) await appender.append(piece);
    } finally {
      await appender.close();
    }
    return await openDownload(ZIPS, name);
  } catch (error) {
    await downloads.remove(ZIPS);
    if (!(error instanceof QuotaError)) throw error;
  }
  const inMemory: Uint8Array<ArrayBuffer>[] = [];
  for await (const piece of pieces()) inMemory.push(piece);
  return new File(inMemory, name, { type: 'application/zip' });
}

/** A run's name as a file's, without what some system does not allow in one. */
export function zipName(runName: string): string {
  const name = runName.replace(/[^\p{L}\p{N}._-]+/gu, '-').slice(0, 80);
  return `${name.replace(/^[-.]+|[-.]+$/g, '') || 'adapter'}.zip`;
}

async function* zipPieces(
  name: string,
  files: AsyncIterable<RunFile>,
  onProgress: ProgressListener,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const reader = makeZip(inputs(files)).getReader();
  let done = 0;
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    signal.throwIfAborted();
    done += next.value.length;
    yield new Uint8Array(next.value);
    onProgress({ activity: `Writing ${name}`, done, total: null, unit: 'bytes' });
  }
}

async function* inputs(files: AsyncIterable<RunFile>) {
  for await (const { name, content } of files) yield { name, input: content };
}

async function* filesOf(source: ZipSource): AsyncGenerator<RunFile> {
  const { checkpoint, folder, tokenizer, baseModel, dataset } = source;
  const data = { ...dataset, files: dataset.files.map(({ name }) => name) };
  let hasTemplate = false;
  for await (const file of runFiles(checkpoint, folder, baseModel, data)) {
    hasTemplate ||= file.name === CHAT_TEMPLATE;
    yield file;
  }
  const { config, metrics } = checkpoint;
  if (tokenizer && !hasTemplate) {
    yield text(CHAT_TEMPLATE, chatTemplate(config.chat_template, tokenizer));
  }
  yield text('metrics.csv', metricsCsv(metrics));
}

type Hash = ReturnType<typeof sha256.create>;

function hashed(content: RunFile['content'], hash: Hash): RunFile['content'] {
  if (!(content instanceof Uint8Array)) return hashedPieces(content, hash);
  hash.update(content);
  return content;
}

async function* hashedPieces(
  pieces: AsyncIterable<Uint8Array>,
  hash: Hash,
): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) {
    hash.update(piece);
    yield piece;
  }
}

function text(name: string, content: string): RunFile {
  return { name, content: new TextEncoder().encode(content) };
}
