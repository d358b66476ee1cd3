import { InputError } from '../errors';
import { JsonFields } from '../formats/json-fields';
import { parseLlamaConfig, type LlamaConfig } from '../formats/llama-config';
import { DEFAULT_HUB } from './hub-client';
import { parseRepository } from './hub-plan';

/** A model of the hub that the page offers by name. */
export interface CatalogueModel {
  /** As a person calls it. */
  readonly name: string;
  /** One line on what it is good for. */
  readonly description: string;
  /** `owner/name` on the hub; open to all. */
  readonly repository: string;
  /** SPDX id or usual name. */
  readonly licence: string;
  /** Weights, embedding included. */
  readonly parameters: number;
  /** About what a download takes; what it takes exactly, the hub tells. */
  readonly downloadBytes: number;
  /** Whether its linears are stored in bitsandbytes' NF4. */
  readonly prequantised: boolean;
  /** What a QLoRA run takes at least: rank 16, one row of 512 tokens, checkpointing, embedding and head in Q8_0. */
  readonly minimumMemoryBytes: number;
  /** Its config.json's sizes, so that what it needs is known before anything is fetched. */
  readonly config: LlamaConfig;
}

/** `public/models.json`, checked. */
export interface Catalogue {
  readonly models: readonly CatalogueModel[];
}

const COUNT = { minimum: 1, maximum: Number.MAX_SAFE_INTEGER };

/** @throws InputError that names the entry and the key at fault */
export function parseCatalogue(json: unknown, file: string): Catalogue {
  const list = JsonFields.of(json, file).raw('models');
  if (!Array.isArray(list)) throw new InputError('"models" must be a list', { file });
  const models = list.map((entry, index) => parseEntry(entry, `${file}, model ${index + 1}`));
  const repositories = models.map(({ repository }) => repository);
  const twice = repositories.find((each, index) => repositories.indexOf(each) < index);
  if (twice !== undefined) throw new InputError(`${twice} is there twice`, { file });
  return { models };
}

function parseEntry(entry: unknown, place: string): CatalogueModel {
  const fields = JsonFields.of(entry, place);
  return {
    name: fields.string('name'),
    description: fields.string('description'),
    repository: parseRepository(fields.string('repository'), DEFAULT_HUB),
    licence: fields.string('licence'),
    parameters: fields.integer('parameters', COUNT),
    downloadBytes: fields.integer('download_bytes', COUNT),
    prequantised: fields.boolean('prequantised', false),
    minimumMemoryBytes: fields.integer('minimum_memory_bytes', COUNT),
    config: parseLlamaConfig(fields.raw('config'), place),
  };
}
