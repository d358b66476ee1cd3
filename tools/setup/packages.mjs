import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ROOT, run, say, SetupError } from '../process.mjs';

/**
 * @typedef {{ version?: string, optional?: boolean, link?: boolean }} LockedPackage
 */

/** Installs the npm packages of the lock file where node_modules does not hold exactly those. */
export async function installPackages() {
  const wanted = await lockedPackages(join(ROOT, 'package-lock.json'));
  const present = await lockedPackages(join(ROOT, 'node_modules', '.package-lock.json'));
  if (wanted === undefined)
    throw new SetupError('package-lock.json is missing; restore it from git.');
  if (present !== undefined && differences(wanted, present).length === 0) return;
  say('installing the npm packages of package-lock.json.');
  const { code } = await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund']);
  if (code !== 0) {
    throw new SetupError('npm could not install the packages; its messages above say why.');
  }
}

/**
 * Which packages of the lock file are not installed as it says. Optional packages may be absent: they are for other systems.
 *
 * @param {Record<string, LockedPackage>} wanted
 * @param {Record<string, LockedPackage>} present
 * @returns {string[]} paths such as `node_modules/vite`
 */
export function differences(wanted, present) {
  return Object.entries(wanted)
    .filter(([path, { version, optional, link }]) => {
      if (!path.startsWith('node_modules/') || link === true) return false;
      const installed = present[path];
      if (installed === undefined) return optional !== true;
      return installed.version !== version;
    })
    .map(([path]) => path);
}

/**
 * @param {string} file package-lock.json or the copy that npm keeps of what it installed
 * @returns {Promise<Record<string, LockedPackage> | undefined>} undefined where there is none
 */
async function lockedPackages(file) {
  try {
    /** @type {{ packages?: Record<string, LockedPackage> }} */
    const lock = JSON.parse(await readFile(file, 'utf8'));
    return lock.packages;
  } catch {
    return undefined;
  }
}
