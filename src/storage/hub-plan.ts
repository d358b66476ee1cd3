import { InputError } from '../errors';
import { isJsonObject } from '../formats/json';
import { parseLlamaConfig, type LlamaConfig } from '../formats/llama-config';
import { parseShardIndex, SHARD_INDEX, SINGLE_FILE } from '../formats/model-shards';
import { quoted, quotedList } from '../formats/quoted';
import type { HubClient } from './hub-client';
import type { ModelFileRecord } from './schema';

/** A file as the hub announces it. */
export type HubFile = Omit<ModelFileRecord, 'verified'>;

/** What a model's download consists of, and what model it is. */
export interface HubPlan {
  /** `owner/name` */
  repository: string;
  revision: string;
  config: LlamaConfig;
  /** Small files first, so that what is wrong with a model shows early. */
  files: HubFile[];
  totalBytes: number;
}

const REVISION = 'main';
const MAXIMUM_PAGES = 20;
const CONFIG = 'config.json';
/** The files besides the weights that a Llama is used with. */
const WANTED =
  /^(config\.json|generation_config\.json|tokenizer[\w.-]*|special_tokens_map\.json|chat_template[\w.-]*)$/;

/**
 * The repository id in what a person typed: `owner/name`, or the address of a page of the hub.
 *
 * @throws InputError for anything else
 */
export function parseRepository(text: string, hubAddress: string): string {
  const trimmed = text.trim();
  const hubs = [hubAddress, 'https://huggingface.co', 'https://hf.co'];
  const hub = hubs.find((address) => trimmed.startsWith(`${address}/`));
  const path = hub === undefined ? trimmed : trimmed.slice(hub.length + 1);
  const [owner = '', name = '', ...rest] = path.replace(/[?#].*$/, '').split('/');
  const isPart = (part: string): boolean => /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,95}$/.test(part);
  if (!isPart(owner) || !isPart(name) || (hub === undefined && rest.length > 0)) {
    throw new InputError(
      `${quoted(text)} is no model of the hub; write it as owner/name, or paste its page's address`,
    );
  }
  return `${owner}/${name}`;
}

/**
 * Looks a repository up: its configuration, and the files to download with their sizes and hashes. Downloads no weights.
 *
 * @throws InputError where it does not exist, is not open to all, is not a Llama, or has no safetensors
 */
export async function planDownload(
  client: HubClient,
  repository: string,
  signal?: AbortSignal,
): Promise<HubPlan> {
  const files = await listFiles(client, repository, signal);
  if (!files.has(CONFIG)) {
    throw new InputError(`${quoted(repository)} has no ${CONFIG}; it is not a model in this form`);
  }
  const json = async (file: string): Promise<unknown> =>
    (await client.json(client.fileUrl(repository, REVISION, file), repository, signal)).value;
  const config = parseLlamaConfig(await json(CONFIG), `${repository}/${CONFIG}`);

  const names = [...files.keys()].filter((name) => WANTED.test(name));
  if (files.has(SINGLE_FILE)) names.push(SINGLE_FILE);
  else if (files.has(SHARD_INDEX)) {
    const shards = parseShardIndex(await json(SHARD_INDEX), `${repository}/${SHARD_INDEX}`);
    names.push(SHARD_INDEX, ...new Set(shards.values()));
  } else {
    throw new InputError(
      `${quoted(repository)} holds its weights in no ${SINGLE_FILE} and no shards of it`,
    );
  }
  return makePlan(repository, config, names, files);
}

function makePlan(
  repository: string,
  config: LlamaConfig,
  names: readonly string[],
  available: ReadonlyMap<string, HubFile>,
): HubPlan {
  const missing = names.filter((name) => !available.has(name));
  if (missing.length > 0) {
    throw new InputError(
      `${quoted(repository)} lacks the files ${quotedList(missing)} that its index names`,
    );
  }
  const files = names
    .flatMap((name) => available.get(name) ?? [])
    .sort((a, b) => a.bytes - b.bytes || (a.name < b.name ? -1 : 1));
  const unhashed = files.find(({ sha256, gitOid }) => sha256 === null && gitOid === null);
  if (unhashed !== undefined) {
    const what = 'the hub announces no hash for it, so that a damaged download could not be told';
    throw new InputError(what, { file: `${repository}/${unhashed.name}` });
  }
  const totalBytes = files.reduce((sum, { bytes }) => sum + bytes, 0);
  return { repository, revision: REVISION, config, files, totalBytes };
}

/** The files in the top folder of a repository. */
async function listFiles(
  client: HubClient,
  repository: string,
  signal?: AbortSignal,
): Promise<Map<string, HubFile>> {
  const files = new Map<string, HubFile>();
  let url: string | undefined =
    `${client.address}/api/models/${repository}/tree/${REVISION}?recursive=1`;
  for (let page = 0; url !== undefined && page < MAXIMUM_PAGES; page++) {
    const { value, next } = await client.json(url, repository, signal);
    if (!Array.isArray(value)) throw listError(client, repository);
    for (const entry of value as unknown[]) {
      if (!isJsonObject(entry) || typeof entry.path !== 'string')
        throw listError(client, repository);
      if (entry.type !== 'file' || entry.path.includes('/')) continue;
      const file = readEntry(entry.path, entry);
      if (file === undefined) throw listError(client, repository);
      files.set(file.name, file);
    }
    url = next;
  }
  return files;
}

function readEntry(name: string, entry: Readonly<Record<string, unknown>>): HubFile | undefined {
  const lfs = isJsonObject(entry.lfs) ? entry.lfs : undefined;
  const bytes = lfs?.size ?? entry.size;
  if (typeof bytes !== 'number' || !Number.isSafeInteger(bytes) || bytes < 0) return undefined;
  // The `oid` of a large file is that of the note git keeps in its place, not of the file.
  const gitOid = lfs === undefined ? hexadecimal(entry.oid, 40) : null;
  return { name, bytes, sha256: hexadecimal(lfs?.oid, 64), gitOid };
}

function hexadecimal(value: unknown, digits: number): string | null {
  if (typeof value !== 'string' || value.length !== digits) return null;
  return /^[0-9a-f]+$/i.test(value) ? value.toLowerCase() : null;
}

function listError(client: HubClient, repository: string): InputError {
  return new InputError(`${client.host} answers with no list of files for ${quoted(repository)}`);
}
