import { InputError } from '../errors';
import type { ByteSource, FileFolder } from '../formats/byte-source';
import { write } from './database';
import { asFileFolder, type FileStore, type StoredFolder } from './file-store';
import type { Database, ModelFileRecord, ModelRecord } from './schema';

const COPY_BYTES = 4 * 1024 * 1024;
const DROPPED = 'files:';

export interface ImportOptions {
  /** Bytes copied so far, of all. */
  onProgress?: (done: number, total: number) => void;
  signal?: AbortSignal;
  /** Looks the copied folder over before it counts; what it throws ends the import. */
  check?: (folder: FileFolder) => Promise<unknown>;
}

/**
 * Models on this machine: files in the file store, and a manifest in the database that says which of them are whole. Files are written
 * and flushed first; only then does the manifest say that they may be used.
 */
export class ModelCache {
  constructor(
    private readonly database: Database,
    private readonly files: FileStore,
  ) {}

  /** All models, half-downloaded ones among them, newest first. */
  async list(): Promise<ModelRecord[]> {
    const models = await this.database.getAll('models');
    return models.sort((a, b) => b.addedAt - a.addedAt);
  }

  get(id: string): Promise<ModelRecord | undefined> {
    return this.database.get('models', id);
  }

  /** An installed model's folder. @throws InputError where it is not installed, or not whole any more */
  async open(id: string): Promise<FileFolder> {
    const record = await this.get(id);
    if (record?.state !== 'installed') throw notInstalled(id);
    const folder = await this.folder(record);
    const sizes = await folder.sizes();
    const damaged = record.files.find(({ name, bytes }) => sizes.get(name) !== bytes);
    if (damaged !== undefined) {
      // The same model may have been dropped again, and its files have taken the place of these.
      if ((await this.get(id))?.folder !== record.folder) return this.open(id);
      const what = `the file of the model ${plainName(id)} is gone or cut short; remove the model and install it again`;
      throw new InputError(what, { file: damaged.name });
    }
    return asFileFolder(folder, id);
  }

  /** Where a model's files lie, whole or not. */
  folder(record: Pick<ModelRecord, 'folder'>): Promise<StoredFolder> {
    return this.files.folder(record.folder);
  }

  /** Bytes of a model that are here. */
  async storedBytes(record: ModelRecord): Promise<number> {
    const sizes = await (await this.folder(record)).sizes();
    return record.files.reduce(
      (sum, { name, bytes }) => sum + Math.min(bytes, sizes.get(name) ?? 0),
      0,
    );
  }

  /**
   * Begins a download, or goes on with one. What an earlier attempt left of files that are still the same is kept; the rest is deleted.
   */
  async begin(
    id: string,
    files: readonly Omit<ModelFileRecord, 'verified'>[],
  ): Promise<ModelRecord> {
    const earlier = await this.get(id);
    const record: ModelRecord = {
      id,
      origin: 'hub',
      state: 'partial',
      addedAt: earlier?.addedAt ?? Date.now(),
      folder: earlier?.folder ?? id,
      files: files.map((file) => ({
        ...file,
        verified: earlier?.files.find((other) => isSameFile(file, other))?.verified ?? false,
      })),
    };
    const folder = await this.folder(record);
    for (const name of (await folder.sizes()).keys()) {
      const file = files.find((each) => each.name === name);
      const before = earlier?.files.find((each) => each.name === name);
      if (file === undefined || before === undefined || !isSameFile(file, before)) {
        await folder.remove(name);
      }
    }
    await this.put(record);
    return record;
  }

  /** Notes that a file is whole and checked; with the last one the model is installed. */
  async markVerified(id: string, file: string): Promise<ModelRecord> {
    return this.change(id, (record) => ({
      ...record,
      files: record.files.map((each) => (each.name === file ? { ...each, verified: true } : each)),
    }));
  }

  /** Makes a model usable. @throws Error while a file of it is not verified */
  markInstalled(id: string): Promise<ModelRecord> {
    return this.change(id, (record) => {
      const open = record.files.find(({ verified }) => !verified);
      if (open !== undefined) throw new Error(`${open.name} of ${id} is not verified`);
      return { ...record, state: 'installed' };
    });
  }

  /** Deletes a model, whole or not; the manifest first, so that no moment shows one without its files. */
  async remove(id: string): Promise<void> {
    const record = await this.get(id);
    if (record === undefined) return;
    await write(this.database, ['models'], 'the deletion', async (transaction) => {
      await transaction.objectStore('models').delete(id);
    });
    await this.files.remove(record.folder);
  }

  /**
   * Copies a model's files, checks them, and installs them in the place of what had that id. After an error or a cancellation nothing is
   * left, and what had that id before is still there.
   */
  async importFiles(
    id: string,
    sources: readonly ByteSource[],
    { onProgress, signal, check }: ImportOptions = {},
  ): Promise<ModelRecord> {
    const record: ModelRecord = {
      id,
      origin: 'files',
      state: 'installed',
      addedAt: Date.now(),
      folder: `${id} ${crypto.randomUUID()}`,
      files: sources.map(({ name, size }) => ({
        name,
        bytes: size,
        sha256: null,
        gitOid: null,
        verified: true,
      })),
    };
    const names = sources.map(({ name }) => name);
    const twice = names.find((name, index) => names.indexOf(name) < index);
    if (twice !== undefined) throw new InputError('the file is there twice', { file: twice });
    const earlier = await this.get(id);
    try {
      const folder = await this.folder(record);
      const total = sources.reduce((sum, { size }) => sum + size, 0);
      let done = 0;
      for (const source of sources) {
        await copy(source, folder, (bytes) => {
          signal?.throwIfAborted();
          onProgress?.((done += bytes), total);
        });
      }
      await check?.(await asFileFolder(folder, id));
      signal?.throwIfAborted();
      await this.put(record);
    } catch (error) {
      await this.files.remove(record.folder);
      throw error;
    }
    if (earlier !== undefined) await this.files.remove(earlier.folder);
    return record;
  }

  /** Deletes files that no model owns, left by a tab that ended in the middle. Not while another tab may be adding a model. */
  async sweep(): Promise<void> {
    const owned = new Set((await this.list()).map(({ folder }) => folder));
    for (const folder of await this.files.folders()) {
      if (!owned.has(folder)) await this.files.remove(folder);
    }
  }

  private put(record: ModelRecord): Promise<void> {
    return write(this.database, ['models'], 'the model', async (transaction) => {
      await transaction.objectStore('models').put(record);
    });
  }

  private change(id: string, work: (record: ModelRecord) => ModelRecord): Promise<ModelRecord> {
    return write(this.database, ['models'], 'the model', async (transaction) => {
      const models = transaction.objectStore('models');
      const record = await models.get(id);
      if (record === undefined) throw new InputError(`the model ${plainName(id)} has been removed`);
      const changed = work(record);
      await models.put(changed);
      return changed;
    });
  }
}

/** Says that a model is not here, and how it comes here. */
export function notInstalled(modelId: string): InputError {
  const remedy = isDropped(modelId) ? 'drop its folder again' : 'download it';
  return new InputError(`the model ${plainName(modelId)} is not installed; ${remedy}`);
}

/** Id of a model of a person's own files. */
export function droppedId(folder: string, fingerprint: string): string {
  return `${DROPPED}${folder}#${fingerprint}`;
}

/** Whether a model is of a person's own files, which no hub knows, nor may hear of. */
export function isDropped(modelId: string): boolean {
  return modelId.startsWith(DROPPED);
}

/** What a model is called beyond this machine: a repository of the hub, or the folder that was dropped. */
export function plainName(modelId: string): string {
  return isDropped(modelId) ? modelId.slice(DROPPED.length).replace(/#[0-9a-f]*$/, '') : modelId;
}

function isSameFile(
  a: Omit<ModelFileRecord, 'verified'>,
  b: Omit<ModelFileRecord, 'verified'>,
): boolean {
  return a.name === b.name && a.bytes === b.bytes && a.sha256 === b.sha256 && a.gitOid === b.gitOid;
}

async function copy(
  source: ByteSource,
  folder: StoredFolder,
  onBytes: (bytes: number) => void,
): Promise<void> {
  const file = await folder.append(source.name);
  try {
    onBytes(0);
    while (file.size < source.size) {
      const length = Math.min(COPY_BYTES, source.size - file.size);
      await file.append(await source.read(file.size, length));
      onBytes(length);
    }
  } finally {
    await file.close();
  }
}
