import { InputError } from '../errors';
import { JsonFields } from '../formats/json-fields';
import { parseLlamaConfig, type LlamaConfig } from '../formats/llama-config';

/** A model of the hub that the page offers by name. */
export interface CatalogueModel {
  /** `owner/name` */
  readonly repository: string;
  readonly name: string;
  readonly parameters: number;
  readonly downloadBytes: number;
  readonly licence: string;
  /** Whether its linears are stored in bitsandbytes' NF4. */
  readonly prequantised: boolean;
  /** Its config.json's sizes, so that what it needs is known before anything is fetched. */
  readonly config: LlamaConfig;
}

/** `public/models.json`, checked. */
export interface Catalogue {
  readonly models: readonly CatalogueModel[];
}

const BYTES = { minimum: 1, maximum: 1e13 };

/** @throws InputError naming the entry and key at fault */
export function parseCatalogue(json: unknown, file: string): Catalogue {
  const models = JsonFields.of(json, file).raw('models');
  if (!Array.isArray(models)) throw new InputError('"models" must be a list', { file });
  return {
    models: models.map((entry: unknown, index) => {
      const place = `${file}, model ${index + 1}`;
      const fields = JsonFields.of(entry, place);
      return {
        repository: fields.string('repository'),
        name: fields.string('name'),
        parameters: fields.integer('parameters', BYTES),
        downloadBytes: fields.integer('download_bytes', BYTES),
        licence: fields.string('licence'),
        prequantised: fields.boolean('prequantised', false),
        config: parseLlamaConfig(fields.raw('config'), place),
      };
    }),
  };
}
