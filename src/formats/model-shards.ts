import { InputError } from '../errors';
import { openRequired, type FileFolder } from './byte-source';
import { isJsonObject, readJson } from './json';
import { quoted, quotedList } from './quoted';
import { openSafetensors, type TensorEntry } from './safetensors';

export const SINGLE_FILE = 'model.safetensors';
export const SHARD_INDEX = 'model.safetensors.index.json';

const MAXIMUM_INDEX_BYTES = 16 * 1024 * 1024;
const MAXIMUM_SHARDS = 1024;

/**
 * Every tensor of a model folder, out of `model.safetensors` or, where there is none, of the shards that its index names.
 *
 * @throws InputError where neither is there, or index and shards disagree
 */
export async function openModelTensors(folder: FileFolder): Promise<Map<string, TensorEntry>> {
  const single = await folder.open(SINGLE_FILE);
  if (single !== undefined) return new Map((await openSafetensors(single)).tensors);
  const index = await folder.open(SHARD_INDEX);
  if (index === undefined) throw noWeights(folder);

  const shardOf = parseShardIndex(await readJson(index, MAXIMUM_INDEX_BYTES), SHARD_INDEX);
  const tensors = new Map<string, TensorEntry>();
  for (const shard of new Set(shardOf.values())) {
    const source = await openRequired(folder, shard);
    for (const [name, entry] of (await openSafetensors(source)).tensors) {
      if (shardOf.get(name) !== shard) {
        const what = `the tensor ${quoted(name)} is in this file, but ${SHARD_INDEX} does not say so`;
        throw new InputError(what, { file: shard });
      }
      tensors.set(name, entry);
    }
  }
  const missing = [...shardOf.keys()].filter((name) => !tensors.has(name));
  if (missing.length > 0) {
    const what = `the shards do not hold the tensors ${quotedList(missing)} that the index names`;
    throw new InputError(what, { file: SHARD_INDEX });
  }
  return tensors;
}

/**
 * The shard file of each tensor, by the parsed `model.safetensors.index.json`. Shards must be plain names of files beside it, so that
 * no index reaches out of its folder.
 */
export function parseShardIndex(json: unknown, file: string): Map<string, string> {
  const weightMap = isJsonObject(json) ? json.weight_map : undefined;
  if (!isJsonObject(weightMap)) throw new InputError('there is no weight_map', { file });
  const shardOf = new Map<string, string>();
  for (const [name, shard] of Object.entries(weightMap)) {
    if (typeof shard !== 'string' || !isShardName(shard)) {
      const shown = typeof shard === 'string' ? quoted(shard) : 'no string';
      throw new InputError(
        `weight_map names ${shown} for the tensor ${quoted(name)}; it must be a .safetensors file in the same folder`,
        { file },
      );
    }
    shardOf.set(name, shard);
  }
  if (new Set(shardOf.values()).size > MAXIMUM_SHARDS) {
    throw new InputError(`weight_map names more than ${MAXIMUM_SHARDS} files`, { file });
  }
  return shardOf;
}

function isShardName(name: string): boolean {
  return /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,200}\.safetensors$/.test(name);
}

function noWeights(folder: FileFolder): InputError {
  const others = folder.files.filter((file) => /\.(safetensors|bin|pth|pt|gguf)$/.test(file));
  const hint = others.length > 0 ? `; ${quotedList(others)} cannot be used in its place` : '';
  return new InputError(
    `the folder ${quoted(folder.name)} has neither ${SINGLE_FILE} nor ${SHARD_INDEX}${hint}`,
  );
}
