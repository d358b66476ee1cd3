import type { Catalogue, CatalogueModel } from '../storage/catalogue';
import type { Tokenizer } from '../data/tokenizer';
import { loadTokenizer } from '../data/tokenizer';
import type { FileFolder } from '../formats/byte-source';
import { fingerprint } from '../formats/fingerprint';
import { openLlamaFolder, readLlamaConfig, type LlamaFolder } from '../formats/llama-folder';
import type { LlamaConfig } from '../formats/llama-config';
import { modelParameters } from '../model/llama-weights';
import { elementCount } from '../engine/tensor';
import type { HubClient } from '../storage/hub-client';
import { downloadModel } from '../storage/hub-download';
import { parseRepository, planDownload, type HubPlan } from '../storage/hub-plan';
import { droppedId, isDropped, notInstalled, plainName } from '../storage/model-cache';
import { blobSource } from '../storage/opfs-store';
import type { ModelRecord } from '../storage/schema';
import type { ModelSummary, ProgressListener } from './api';
import type { Services } from './services';
import { STARTER, STARTER_NAME, starterFolder } from './starter-model';

/** Enough to tell a person's models apart: two of a million would be the same with a chance of one in a million. */
const FINGERPRINT_DIGITS = 16;

/** A model opened for use. */
export interface OpenModel {
  readonly folder: LlamaFolder;
  /** Null where the model's files hold none: then only tokens that are given as such can be trained. */
  readonly tokenizer: Tokenizer | null;
}

/** What a model is called and what it needs, before it is known whether it fits. */
type Described = Omit<ModelSummary, 'fits' | 'proposed'>;

/** The models as the services use them. */
export type ModelShelf = Pick<Models, keyof Models>;

/** The models of this machine and of the hub. */
export class Models {
  readonly #plans = new Map<string, HubPlan>();

  constructor(
    private readonly services: Services,
    private readonly hub: HubClient,
    private readonly catalogue: () => Promise<Catalogue>,
  ) {}

  /** @throws InputError where it is not installed, or its files do not serve */
  async open(modelId: string): Promise<OpenModel> {
    const files = await this.files(modelId);
    const folder = await openLlamaFolder(files);
    return { folder, tokenizer: await this.tokenizer(modelId) };
  }

  /** @throws InputError where the model is not installed */
  async tokenizer(modelId: string): Promise<Tokenizer | null> {
    const files = await this.files(modelId);
    return files.files.includes('tokenizer.json') ? loadTokenizer(files) : null;
  }

  /** An installed model's files. */
  files(modelId: string): Promise<FileFolder> {
    return modelId === STARTER
      ? Promise.resolve(starterFolder())
      : this.services.models.open(modelId);
  }

  /** Configuration of a model, installed or not. @throws InputError where it cannot be had */
  async config(modelId: string): Promise<LlamaConfig> {
    if (modelId === STARTER || (await this.#isInstalled(modelId))) {
      return readLlamaConfig(await this.files(modelId));
    }
    const known = (await this.catalogue()).models.find(({ repository }) => repository === modelId);
    return known?.config ?? (await this.#plan(modelId)).config;
  }

  /** The starter, then what was added here, then the rest of the catalogue. */
  async list(): Promise<Described[]> {
    const { models } = await this.catalogue();
    const records = await this.services.models.list();
    const added = await Promise.all(records.map((record) => this.#describeRecord(record, models)));
    const absent = models
      .filter(({ repository }) => !records.some(({ id }) => id === repository))
      .map((entry) => describeEntry(entry));
    return [await describeStarter(), ...added, ...absent];
  }

  /** @throws InputError when it does not exist, is gated, or is of another architecture; AbortError */
  async find(text: string, signal?: AbortSignal): Promise<Described> {
    const repository = parseRepository(text, this.hub.address);
    const known = (await this.list()).find(({ id }) => id === repository);
    if (known) return known;
    return describePlan(await this.#plan(repository, signal));
  }

  async install(
    modelId: string,
    onProgress: ProgressListener,
    signal: AbortSignal,
  ): Promise<Described> {
    if (modelId !== STARTER && !(await this.#isInstalled(modelId))) {
      const plan = await this.#plan(modelId, signal);
      await downloadModel(this.hub, this.services.models, plan, {
        signal,
        onProgress: ({ file, done, total }) =>
          onProgress({ activity: `Downloading ${file}`, done, total, unit: 'bytes' }),
      });
    }
    return this.#described(modelId);
  }

  async installFiles(
    folder: string,
    files: readonly File[],
    onProgress: ProgressListener,
    signal: AbortSignal,
  ): Promise<Described> {
    const sources = files.map((file) => blobSource(file.name, file));
    // Runs know their model by its id: other weights in a folder of the same name must have another.
    const name = folder === '' ? 'dropped model' : folder;
    const id = droppedId(name, (await fingerprint(sources)).slice(0, FINGERPRINT_DIGITS));
    await this.services.models.importFiles(id, sources, {
      signal,
      check: openLlamaFolder,
      onProgress: (done, total) =>
        onProgress({ activity: 'Copying the model', done, total, unit: 'bytes' }),
    });
    return this.#described(id);
  }

  remove(modelId: string): Promise<void> {
    return this.services.models.remove(modelId);
  }

  async #described(modelId: string): Promise<Described> {
    const model = (await this.list()).find(({ id }) => id === modelId);
    if (!model) throw notInstalled(modelId);
    return model;
  }

  async #isInstalled(modelId: string): Promise<boolean> {
    return (await this.services.models.get(modelId))?.state === 'installed';
  }

  async #plan(repository: string, signal?: AbortSignal): Promise<HubPlan> {
    // Such a model may be asked for once more when it has been deleted.
    if (isDropped(repository)) throw notInstalled(repository);
    const plan = this.#plans.get(repository) ?? (await planDownload(this.hub, repository, signal));
    this.#plans.set(repository, plan);
    return plan;
  }

  async #describeRecord(
    record: ModelRecord,
    catalogue: readonly CatalogueModel[],
  ): Promise<Described> {
    const entry = catalogue.find(({ repository }) => repository === record.id);
    const storedBytes = await this.services.models.storedBytes(record);
    return {
      id: record.id,
      name: entry?.name ?? plainName(record.id),
      origin: record.origin,
      state: record.state,
      downloadBytes: record.files.reduce((sum, { bytes }) => sum + bytes, 0),
      storedBytes,
      parameters: entry?.parameters ?? (await this.#parameters(record)),
      licence: entry?.licence ?? '',
    };
  }

  async #parameters({ id, state }: ModelRecord): Promise<number> {
    return state === 'installed' ? countParameters(await this.config(id)) : 0;
  }
}

/** Weights of a model of this configuration. */
export function countParameters(config: LlamaConfig): number {
  return modelParameters(config).reduce((sum, { shape }) => sum + elementCount(shape), 0);
}

async function describeStarter(): Promise<Described> {
  return {
    id: STARTER,
    name: STARTER_NAME,
    origin: 'starter',
    state: 'installed',
    downloadBytes: 0,
    storedBytes: 0,
    parameters: countParameters(await readLlamaConfig(starterFolder())),
    licence: 'MIT',
  };
}

function describeEntry(entry: CatalogueModel): Described {
  return {
    id: entry.repository,
    name: entry.name,
    origin: 'hub',
    state: 'absent',
    downloadBytes: entry.downloadBytes,
    storedBytes: 0,
    parameters: entry.parameters,
    licence: entry.licence,
  };
}

function describePlan({ repository, config, totalBytes }: HubPlan): Described {
  return {
    id: repository,
    name: repository,
    origin: 'hub',
    state: 'absent',
    downloadBytes: totalBytes,
    storedBytes: 0,
    parameters: countParameters(config),
    licence: '',
  };
}
