import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { outputFile, outputFolder } from '../../src/headless/output';
import { temporaryFolder } from './terminal';

const bytes = (text: string) => new TextEncoder().encode(text);

function* breaking() {
  yield bytes('half');
  throw new Error('the work failed');
}

describe('a file that a command writes', () => {
  it('appears with all its pieces, in folders made for it', async () => {
    const folder = temporaryFolder();
    const path = join(folder, 'a/b/result.json');
    await (await outputFile(path)).write([bytes('one '), bytes('two')]);
    expect(readFileSync(path, 'utf8')).toBe('one two');
    expect(readdirSync(join(folder, 'a/b'))).toEqual(['result.json']);
  });

  it('leaves nothing behind where the work fails, folders included', async () => {
    const folder = temporaryFolder();
    const output = await outputFile(join(folder, 'a/b/result.json'));
    await expect(output.write(breaking())).rejects.toThrow('the work failed');
    expect(readdirSync(folder)).toEqual([]);
  });

  it.each(['file', 'folder'])('does not replace a %s', async (kind) => {
    const path = join(temporaryFolder(), 'there');
    if (kind === 'file') writeFileSync(path, 'kept');
    else mkdirSync(path);
    await expect(outputFile(path)).rejects.toThrow('exists already');
  });

  it('is refused where no folder can be made', async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'file'), '');
    const output = outputFile(join(folder, 'file/result.json')).then((it) => it.write(bytes('')));
    await expect(output).rejects.toThrow('cannot be written');
    expect(readdirSync(folder)).toEqual(['file']);
  });
});

describe('a folder that a command writes', () => {
  const files = [
    { name: 'a', content: bytes('1') },
    { name: 'b', content: bytes('2') },
  ];

  it.each(['is not there yet', 'is empty'])(
    'appears with all its files where it %s',
    async (state) => {
      const parent = temporaryFolder();
      const path = join(parent, 'out');
      if (state === 'is empty') mkdirSync(path);
      await (await outputFolder(path)).write(files);
      expect(readdirSync(path).sort()).toEqual(['a', 'b']);
      expect(readFileSync(join(path, 'b'), 'utf8')).toBe('2');
      expect(readdirSync(parent)).toEqual(['out']);
    },
  );

  it.each([
    ['is not there yet', []],
    ['is empty', ['out']],
  ])('is as it was where the work fails: it %s', async (state, left) => {
    const parent = temporaryFolder();
    const path = join(parent, 'out');
    if (state === 'is empty') mkdirSync(path);
    const output = await outputFolder(path);
    const failing = [...files, { name: 'c', content: breaking() }];
    await expect(output.write(failing)).rejects.toThrow('the work failed');
    expect(readdirSync(parent)).toEqual(left);
    if (left.length > 0) expect(readdirSync(path)).toEqual([]);
  });

  it('does not take a folder that holds something, or a file', async () => {
    const parent = temporaryFolder();
    writeFileSync(join(parent, 'file'), '');
    await expect(outputFolder(parent)).rejects.toThrow('exists already');
    await expect(outputFolder(join(parent, 'file'))).rejects.toThrow('exists already');
  });
});
