import { InputError } from '../errors';
import { openLlamaFolder } from '../formats/llama-folder';
import { hashCheck, type HashCheck } from './file-hash';
import { asFileFolder, type FileAppender, type StoredFolder } from './file-store';
import { TransientError, type HubClient } from './hub-client';
import type { HubFile, HubPlan } from './hub-plan';
import type { ModelCache } from './model-cache';
import type { ModelRecord } from './schema';

export interface DownloadProgress {
  /** The file at work. */
  file: string;
  /** Bytes of the whole model that are here, those of earlier attempts included. */
  done: number;
  total: number;
}

export interface DownloadOptions {
  onProgress?: (progress: DownloadProgress) => void;
  signal?: AbortSignal;
}

const READ_BYTES = 4 * 1024 * 1024;

/**
 * Downloads a model into the cache, going on from the bytes that are already here, and installs it once every file is what the hub
 * announced and together they are a Llama. After an error or a cancellation what has arrived is kept for the next attempt.
 *
 * @throws InputError (the host does not answer, or its bytes are not what it announced), QuotaError, AbortError
 */
export async function downloadModel(
  client: HubClient,
  cache: ModelCache,
  plan: HubPlan,
  { onProgress, signal }: DownloadOptions = {},
): Promise<ModelRecord> {
  const existing = await cache.get(plan.repository);
  if (existing?.state === 'installed') return existing;
  const record = await cache.begin(plan.repository, plan.files);
  const folder = await cache.folder(record);
  let before = 0;
  for (const file of record.files) {
    const report = (here: number): void =>
      onProgress?.({ file: file.name, done: before + here, total: plan.totalBytes });
    if (!file.verified || (await folder.sizes()).get(file.name) !== file.bytes) {
      await downloadFile(client, plan, file, folder, report, signal);
      await cache.markVerified(plan.repository, file.name);
    }
    report(file.bytes);
    before += file.bytes;
  }
  await openLlamaFolder(await asFileFolder(folder, plan.repository));
  return cache.markInstalled(plan.repository);
}

/**
 * Brings one file to its end. Bytes that turn out wrong at the end are thrown away and fetched once more, for they may be those of a
 * connection that broke; wrong ones again are the host's.
 */
async function downloadFile(
  client: HubClient,
  { repository, revision }: HubPlan,
  file: HubFile,
  folder: StoredFolder,
  report: (here: number) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  const url = client.fileUrl(repository, revision, file.name);
  for (let attempt = 0; attempt < 2; attempt++) {
    const appender = await openForResuming(folder, file);
    try {
      const check = hashCheck(file);
      await hashExisting(appender, check, signal);
      report(appender.size);
      const fetchRest = (): Promise<void> =>
        fetchFrom(client, { url, repository, signal }, file, appender, check, report);
      await client.persist(signal, fetchRest, () => appender.size);
      await appender.flush();
      if (check.matches()) return;
    } finally {
      await appender.close();
    }
    await folder.remove(file.name);
    report(0);
  }
  throw new InputError(
    `${client.host} sent other bytes than it announced (the hash differs); nothing of the file was kept`,
    { file: file.name },
  );
}

async function openForResuming(folder: StoredFolder, file: HubFile): Promise<FileAppender> {
  const size = (await folder.sizes()).get(file.name) ?? 0;
  if (size > file.bytes) await folder.remove(file.name);
  return folder.append(file.name);
}

async function hashExisting(
  appender: FileAppender,
  check: HashCheck,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (let at = 0; at < appender.size; at += READ_BYTES) {
    signal?.throwIfAborted();
    check.update(await appender.read(at, Math.min(READ_BYTES, appender.size - at)));
  }
}

/** Appends what is missing. Whatever range the host answers with, only bytes that come next are taken. */
async function fetchFrom(
  client: HubClient,
  request: { url: string; repository: string; signal: AbortSignal | undefined },
  file: HubFile,
  appender: FileAppender,
  check: HashCheck,
  report: (here: number) => void,
): Promise<void> {
  if (appender.size === file.bytes) return;
  const from = appender.size;
  let at: number | undefined;
  await client.stream({ ...request, from }, async (piece, response) => {
    at ??= startOf(response, from, file);
    const fresh = piece.subarray(Math.min(piece.length, appender.size - at));
    at += piece.length;
    if (fresh.length > 0) await append(appender, fresh, file, check);
    report(appender.size);
  });
  if (appender.size < file.bytes) throw new TransientError('the connection broke');
}

async function append(
  appender: FileAppender,
  bytes: Uint8Array<ArrayBuffer>,
  file: HubFile,
  check: HashCheck,
): Promise<void> {
  if (appender.size + bytes.length > file.bytes) {
    throw new InputError(`the host sends more than the ${file.bytes} bytes it announced`, {
      file: file.name,
    });
  }
  await appender.append(bytes);
  check.update(bytes);
}

/** The offset of the first byte of an answer: 0 of a host that ignores ranges, else what it says, else what was asked for. */
function startOf(response: Response, asked: number, file: HubFile): number {
  if (response.status !== 206) return 0;
  const range = response.headers.get('Content-Range') ?? '';
  const [, start, total] = /^bytes (\d+)-\d+\/(\d+)$/.exec(range) ?? [];
  if (total !== undefined && Number(total) !== file.bytes) {
    const what = `the host's file has ${total} bytes, but it announced ${file.bytes}; try again later`;
    throw new InputError(what, { file: file.name });
  }
  if (Number(start ?? asked) > asked) throw new TransientError('the host left bytes out');
  return Number(start ?? asked);
}
