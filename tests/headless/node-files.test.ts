import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { InputError } from '../../src/errors';
import { openDataFiles } from '../../src/headless/data-files';
import { openFileSink } from '../../src/headless/file-sink';
import { openNodeFile, openNodeFolder } from '../../src/headless/node-files';
import { temporaryFolder } from './terminal';

describe('a file on disk', () => {
  it('gives exactly the bytes asked for', async () => {
    const path = join(temporaryFolder(), 'ten');
    writeFileSync(path, '0123456789');
    const source = await openNodeFile(path);
    expect([source.name, source.size]).toEqual(['ten', 10]);
    expect(new TextDecoder().decode(await source.read(3, 4))).toBe('3456');
    expect((await source.read(10, 0)).length).toBe(0);
    await expect(source.read(7, 4)).rejects.toThrow(InputError);
  });

  it('that shrinks while it is read is bad input', async () => {
    const path = join(temporaryFolder(), 'ten');
    writeFileSync(path, '0123456789');
    const source = await openNodeFile(path);
    truncateSync(path, 5);
    await expect(source.read(3, 4)).rejects.toThrow(InputError);
  });

  it('that is missing or a folder is bad input', async () => {
    const folder = temporaryFolder();
    await expect(openNodeFile(join(folder, 'none'))).rejects.toThrow('no such file');
    await expect(openNodeFile(folder)).rejects.toThrow('this is no file');
  });
});

describe('a folder on disk', () => {
  it('has the files in it and those that links lead to, not folders', async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'inner'));
    writeFileSync(join(folder, 'b.txt'), 'bytes');
    symlinkSync(join(folder, 'b.txt'), join(folder, 'a.txt'));
    symlinkSync(join(folder, 'nowhere'), join(folder, 'c.txt'));
    const opened = await openNodeFolder(folder);
    expect(opened.name).toBe(basename(folder));
    expect(opened.files).toEqual(['a.txt', 'b.txt']);
    expect((await opened.open('a.txt'))?.size).toBe(5);
    expect(await opened.open('inner')).toBeUndefined();
  });
});

describe('the files of --data', () => {
  it('are those given, folders standing for their text and JSON files by name', async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'more/deeper'), { recursive: true });
    for (const name of ['z.data', 'more/b.jsonl', 'more/a.MD', 'more/c.csv', 'more/deeper/d.txt']) {
      writeFileSync(join(folder, name), name);
    }
    const files = await openDataFiles([join(folder, 'z.data'), join(folder, 'more')]);
    expect(files.map(({ name }) => name)).toEqual(['z.data', 'a.MD', 'b.jsonl']);
  });

  it('must be there', async () => {
    const folder = temporaryFolder();
    await expect(openDataFiles([join(folder, 'none.txt')])).rejects.toThrow('none.txt');
    await expect(openDataFiles([folder])).rejects.toThrow('the folder has no .txt');
  });
});

describe('a store in a temporary file', () => {
  it('gives back what was appended, across its buffer', async () => {
    const sink = await openFileSink();
    try {
      const large = new Uint8Array(3 * 2 ** 20).map((_, index) => index % 251);
      await sink.append(Uint8Array.of(1, 2, 3));
      await sink.append(large);
      await sink.append(Uint8Array.of(4, 5));
      expect(sink.size).toBe(large.length + 5);
      expect([...(await sink.read(0, 5))]).toEqual([1, 2, 3, 0, 1]);
      expect([...(await sink.read(2 ** 20 + 3, 3))]).toEqual([
        ...large.slice(2 ** 20, 2 ** 20 + 3),
      ]);
      expect([...(await sink.read(large.length + 3, 2))]).toEqual([4, 5]);
      await expect(sink.read(large.length + 4, 2)).rejects.toThrow(InputError);
    } finally {
      await sink.close();
    }
  });
});
