import { extname, join } from 'node:path';
import { InputError } from '../errors';
import type { ByteSource } from '../formats/byte-source';
import { filesIn, openNodeFile, statOf } from './node-files';
import { callerPath } from './paths';

const DATA_ENDINGS = ['.txt', '.md', '.json', '.jsonl'];

/** The files that `--data` names: files as they are, a folder for its text and JSON files, sorted by name, not deeper. */
export async function openDataFiles(paths: readonly string[]): Promise<ByteSource[]> {
  const files: ByteSource[] = [];
  for (const given of paths) {
    const path = callerPath(given);
    const information = await statOf(path);
    if (information?.isDirectory() !== true) {
      files.push(await openNodeFile(path));
      continue;
    }
    const names = (await filesIn(path)).map(({ name }) => name).filter(isDataFile);
    if (names.length === 0) {
      throw new InputError(`the folder has no ${DATA_ENDINGS.join(', ')} file`, { file: given });
    }
    for (const name of names) files.push(await openNodeFile(join(path, name)));
  }
  return files;
}

function isDataFile(name: string): boolean {
  return DATA_ENDINGS.includes(extname(name).toLowerCase());
}
