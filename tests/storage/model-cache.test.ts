import { describe, expect, it, vi } from 'vitest';
import { InputError } from '../../src/errors';
import { memorySource, readAll, type ByteSource } from '../../src/formats/byte-source';
import { openLlamaFolder } from '../../src/formats/llama-folder';
import { QuotaError } from '../../src/storage/errors';
import { ModelCache } from '../../src/storage/model-cache';
import { fixtureFiles } from '../formats/files';
import { freshDatabase, withFailingWrite } from './fresh-database';
import { MemoryStore } from './memory-store';

const files = fixtureFiles('prequantised');
const sources = (changes: Record<string, Uint8Array> = {}): ByteSource[] =>
  Object.entries({ ...files, ...changes }).map(([name, bytes]) => memorySource(name, bytes));
const total = Object.values(files).reduce((sum, { length }) => sum + length, 0);

async function setUp() {
  const store = new MemoryStore();
  return { store, cache: new ModelCache(await freshDatabase(), store) };
}

describe('ModelCache.importFiles', () => {
  it('copies, checks and installs', async () => {
    const { cache } = await setUp();
    const told: number[] = [];
    const record = await cache.importFiles('files:mine', sources(), {
      onProgress: (done) => told.push(done),
      check: openLlamaFolder,
    });
    expect(record).toMatchObject({ id: 'files:mine', origin: 'files', state: 'installed' });
    expect([told[0], told.at(-1)]).toEqual([0, total]);
    const folder = await cache.open('files:mine');
    for (const [name, bytes] of Object.entries(files)) {
      const source = await folder.open(name);
      expect(source && (await readAll(source, 1e6))).toEqual(bytes);
    }
    expect(await cache.storedBytes(record)).toBe(total);
    expect(await cache.list()).toEqual([record]);
  });

  it('replaces a model of the same name only when the new one is whole', async () => {
    const { cache, store } = await setUp();
    await cache.importFiles('m', sources());
    const [before] = [...store.content.keys()];
    const broken = sources({ 'model.safetensors': new Uint8Array(9) });
    await expect(cache.importFiles('m', broken, { check: openLlamaFolder })).rejects.toThrow(
      InputError,
    );
    expect([...store.content.keys()]).toEqual([before]);
    await openLlamaFolder(await cache.open('m'));
    await cache.importFiles('m', sources(), { check: openLlamaFolder });
    expect(store.content.size).toBe(1);
    expect(store.content.has(before ?? '')).toBe(false);
  });

  it('opens the new files where they take the place of those that are being looked at', async () => {
    const { cache, store } = await setUp();
    await cache.importFiles('m', sources());
    const open = store.folder.bind(store);
    vi.spyOn(store, 'folder').mockImplementationOnce(async (name) => {
      const folder = await open(name);
      await cache.importFiles('m', sources());
      return folder;
    });
    await openLlamaFolder(await cache.open('m'));
  });

  it('refuses two files of one name', async () => {
    const { cache, store } = await setUp();
    const importing = cache.importFiles('m', [...sources(), ...sources()]);
    await expect(importing).rejects.toThrow('config.json: the file is there twice');
    expect(store.content.size).toBe(0);
  });

  it('leaves nothing behind when it is cancelled', async () => {
    const { cache, store } = await setUp();
    const controller = new AbortController();
    const importing = cache.importFiles('m', sources(), {
      signal: controller.signal,
      onProgress: (done) => {
        if (done > 0) controller.abort();
      },
    });
    await expect(importing).rejects.toThrow(expect.objectContaining({ name: 'AbortError' }));
    expect([store.content.size, store.open.size, (await cache.list()).length]).toEqual([0, 0, 0]);
  });

  it('leaves nothing behind when the storage is full at the n-th write, for every n', async () => {
    for (let room = 0; room <= 3; room++) {
      const { cache, store } = await setUp();
      store.roomForAppends = room;
      const importing = cache.importFiles('m', sources());
      if (room === 3) await importing;
      else await expect(importing).rejects.toThrow(QuotaError);
      expect(store.content.size).toBe(room === 3 ? 1 : 0);
    }
    const { cache, store } = await setUp();
    await withFailingWrite(1, 'afterwards', () =>
      expect(cache.importFiles('m', sources())).rejects.toThrow(QuotaError),
    );
    expect([store.content.size, (await cache.list()).length]).toEqual([0, 0]);
  });
});

describe('ModelCache', () => {
  it('opens no model that is gone, partial or cut', async () => {
    const { cache, store } = await setUp();
    await expect(cache.open('m')).rejects.toThrow('the model m is not installed');
    const record = await cache.begin('m', [{ name: 'a', bytes: 4, sha256: null, gitOid: '0' }]);
    await expect(cache.open('m')).rejects.toThrow('not installed');
    await expect(cache.markInstalled('m')).rejects.toThrow('a of m is not verified');
    store.content.get('m')?.set('a', new Uint8Array(3));
    expect(await cache.storedBytes(record)).toBe(3);
    await cache.markVerified('m', 'a');
    await cache.markInstalled('m');
    await expect(cache.open('m')).rejects.toThrow(
      'a: the file of the model m is gone or cut short',
    );
    store.content.get('m')?.set('a', new Uint8Array(4));
    expect((await cache.open('m')).files).toEqual(['a']);
  });

  it('removes a model with its files, and sweeps what nobody owns', async () => {
    const { cache, store } = await setUp();
    await cache.importFiles('keep', sources());
    await cache.importFiles('m', sources());
    await store.folder('left by a tab that ended');
    await cache.remove('m');
    await cache.remove('never there');
    expect((await cache.list()).map(({ id }) => id)).toEqual(['keep']);
    expect(store.content.size).toBe(2);
    await cache.sweep();
    expect(store.content.size).toBe(1);
    await cache.open('keep');
  });
});
