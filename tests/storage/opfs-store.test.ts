import { describe, expect, it } from 'vitest';
import { InputError } from '../../src/errors';
import { QuotaError } from '../../src/storage/errors';
import type { StoredFolder } from '../../src/storage/file-store';
import { blobSource, openFileStore, opfsStore } from '../../src/storage/opfs-store';
import { estimateStorage, keepStorage } from '../../src/storage/quota';
import { FakeFileSystem } from './fake-file-system';

const bytes = (...values: number[]): Uint8Array<ArrayBuffer> => new Uint8Array(values);
const readWhole = async (folder: StoredFolder, file: string): Promise<number[]> => {
  const source = await folder.open(file);
  return source === undefined ? [] : [...(await source.read(0, source.size))];
};

describe.each([
  ['a worker', true],
  ['a page', false],
])('opfsStore in %s', (_, synchronous) => {
  const setUp = async () => {
    const system = new FakeFileSystem(synchronous);
    const store = opfsStore(system.root);
    return { system, store, folder: await store.folder('owner/model: a?') };
  };

  it('keeps folders of any name apart', async () => {
    const { store, folder } = await setUp();
    await (await folder.append('x')).close();
    const other = await store.folder('..');
    expect((await other.sizes()).size).toBe(0);
    expect((await store.folders()).sort()).toEqual(['..', 'owner/model: a?']);
    await store.remove('owner/model: a?');
    await store.remove('never there');
    expect(await store.folders()).toEqual(['..']);
  });

  it('appends, reads back, and goes on behind the last byte', async () => {
    const { folder } = await setUp();
    const first = await folder.append('x');
    await first.append(bytes(1, 2, 3));
    expect([...(await first.read(1, 2))]).toEqual([2, 3]);
    await first.append(bytes(4));
    await expect(first.read(3, 2)).rejects.toThrow(InputError);
    await first.close();
    const second = await folder.append('x');
    expect(second.size).toBe(4);
    await second.append(bytes(5));
    await second.flush();
    expect(await readWhole(folder, 'x')).toEqual([1, 2, 3, 4, 5]);
    await second.append(bytes(6));
    await second.close();
    expect(await folder.sizes()).toEqual(new Map([['x', 6]]));
    await folder.remove('x');
    await folder.remove('x');
    expect(await folder.open('x')).toBeUndefined();
  });

  it('counts and opens nothing that is deleted meanwhile', async () => {
    const { store, folder } = await setUp();
    for (const file of ['x', 'y', 'z']) {
      const appender = await folder.append(file);
      await appender.append(bytes(1));
      await appender.close();
    }
    const [sizes] = await Promise.all([folder.sizes(), folder.remove('z')]);
    expect([...sizes.keys()]).toEqual(['x', 'y']);
    const [source] = await Promise.all([folder.open('y'), folder.remove('y')]);
    expect(source).toBeUndefined();
    await store.remove('owner/model: a?');
    expect((await folder.sizes()).size).toBe(0);
    await expect(folder.append('x')).rejects.toThrow('x: the folder for it was deleted meanwhile');
  });

  it('tells a full storage, and keeps what was there and no part of what was not', async () => {
    const { folder, system } = await setUp();
    const file = await folder.append('x');
    await file.append(bytes(1, 2, 3));
    await file.flush();
    system.room = 2;
    await expect(file.append(bytes(4, 5, 6))).rejects.toThrow(QuotaError);
    expect(file.size).toBe(3);
    await file.close();
    expect(await readWhole(folder, 'x')).toEqual([1, 2, 3]);
    system.room = Infinity;
    const again = await folder.append('x');
    await again.append(bytes(4));
    await again.close();
    expect(await readWhole(folder, 'x')).toEqual([1, 2, 3, 4]);
  });
});

it('a file has one writer at a time', async () => {
  const folder = await opfsStore(new FakeFileSystem(true).root).folder('f');
  const writer = await folder.append('x');
  await expect(folder.append('x')).rejects.toThrow('x: the file is being written by another tab');
  await writer.close();
  await (await folder.append('x')).close();
});

it('blobSource reads exactly what was asked for', async () => {
  const source = blobSource('f', new Blob([bytes(1, 2, 3)]));
  expect([...(await source.read(1, 2))]).toEqual([2, 3]);
  await expect(source.read(2, 2)).rejects.toThrow('f: bytes 2 to 4 were asked for');
});

it('openFileStore says so where there is no such file system', async () => {
  const storage = {
    getDirectory: () => Promise.reject(new DOMException('no', 'SecurityError')),
  } as unknown as StorageManager;
  await expect(openFileStore('models', storage)).rejects.toThrow(
    'gives the page no place for files',
  );
});

describe('keepStorage and estimateStorage', () => {
  const storage = (parts: object): StorageManager => parts as StorageManager;
  const yes = () => Promise.resolve(true);
  const no = () => Promise.resolve(false);
  const fails = () => Promise.reject(new TypeError('not allowed'));

  it.each([
    [{ persisted: yes }, true],
    [{ persisted: no, persist: yes }, true],
    [{ persisted: no, persist: no }, false],
    [{ persisted: no }, false],
    [{ persisted: fails, persist: fails }, false],
  ])('keepStorage with %o: %s', async (parts, kept) => {
    expect(await keepStorage(storage(parts))).toBe(kept);
  });

  it('estimateStorage tells what there is to tell', async () => {
    const estimate = () => Promise.resolve({ quota: 5, usage: 2 });
    expect(await estimateStorage(storage({ estimate, persisted: yes }))).toEqual({
      quotaBytes: 5,
      usedBytes: 2,
      persisted: true,
    });
    expect(await estimateStorage(storage({ estimate: fails, persisted: fails }))).toEqual({
      quotaBytes: 0,
      usedBytes: 0,
      persisted: false,
    });
  });
});
