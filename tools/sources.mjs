import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ROOT } from './process.mjs';

/**
 * A hash over the names and contents of files, by which a build knows whether it is still that of its sources.
 *
 * @param {string[]} paths files and folders, relative to the root; one that is missing counts as empty
 * @returns {Promise<string>} 16 hexadecimal digits
 */
export async function hashOfSources(paths) {
  const files = (await Promise.all(paths.map(filesBelow))).flat().sort();
  const contents = await Promise.all(files.map((file) => readFile(join(ROOT, file))));
  const hash = createHash('sha256');
  files.forEach((file, index) => {
    const content = contents[index] ?? new Uint8Array();
    hash.update(`${file}\n${content.length}\n`).update(content);
  });
  return hash.digest('hex').slice(0, 16);
}

/**
 * @param {string} path relative to the root
 * @returns {Promise<string[]>}
 */
async function filesBelow(path) {
  const kind = await stat(join(ROOT, path)).catch(() => undefined);
  if (kind === undefined) return [];
  if (kind.isFile()) return [path];
  const entries = await readdir(join(ROOT, path), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length + 1));
}
