import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run, say, SetupError } from '../process.mjs';
import { backportsSource } from './apt-sources.mjs';

const SOURCES = '/etc/apt';
const OWN_SOURCE = '/etc/apt/sources.list.d/tunesmith-backports';

/** @typedef {{ id: string, codename: string }} Distribution */

/**
 * The Debian or Ubuntu that this is (or one that calls itself like them).
 *
 * @returns {Promise<Distribution | undefined>} undefined elsewhere
 */
export async function debianLike() {
  if (process.platform !== 'linux' || !existsSync('/usr/bin/apt-get')) return undefined;
  const release = await readFile('/etc/os-release', 'utf8').catch(() => '');
  const field = (/** @type {string} */ name) =>
    new RegExp(`^${name}="?([^"\\n]*)"?$`, 'm').exec(release)?.[1] ?? '';
  const names = [field('ID'), ...field('ID_LIKE').split(' ')];
  const id = names.find((name) => name === 'debian' || name === 'ubuntu');
  return id === undefined ? undefined : { id, codename: field('VERSION_CODENAME') };
}

/**
 * Installs packages, as root or through sudo.
 *
 * @param {string[]} packages
 * @param {string} [release] the suite to take them from, where it is not the default one
 */
export async function aptInstall(packages, release) {
  const target = release === undefined ? [] : ['--target-release', release];
  const words = [...LOCK, 'install', '--yes', '--no-install-recommends', ...target, ...packages];
  const code = await asRoot('apt-get', words);
  if (code !== 0) throw new SetupError(`apt could not install ${packages.join(', ')}.`);
}

/** Refreshes apt's lists of packages; a source that fails is left to the installation to complain about. */
export async function aptUpdate() {
  const code = await asRoot('apt-get', [...LOCK, 'update', '--quiet']);
  if (code !== 0) say('apt could not refresh all of its lists; going on with what it has.');
}

const LOCK = ['--option', 'DPkg::Lock::Timeout=300'];

/**
 * The suite that offers a package in a version of at least `major`.
 *
 * @param {string} name
 * @param {number} major
 * @returns {Promise<string | undefined>}
 */
export async function suiteOffering(name, major) {
  const { output } = await run('apt-cache', ['madison', name], { capture: true, quiet: true });
  for (const line of output.split('\n')) {
    const [, version = '', origin = ''] = line.split('|').map((cell) => cell.trim());
    const suite = /\s([^\s/]+)\//.exec(origin)?.[1];
    if (suite !== undefined && majorVersion(version) >= major) return suite;
  }
  return undefined;
}

/**
 * @param {string} version as Debian writes it: `1:25.0.7-2~bpo12+1`
 * @returns {number} 25
 */
export function majorVersion(version) {
  return Number(/^(?:\d+:)?(\d+)/.exec(version)?.[1] ?? 0);
}

/**
 * Adds the release's backports to apt's sources, on the mirror that the release itself comes from.
 *
 * @param {string} codename
 * @returns {Promise<boolean>} whether a source was added
 */
export async function addBackports(codename) {
  const source = backportsSource(await sourcesFiles(), codename);
  if (source === undefined || source === 'present') return false;
  const folder = await mkdtemp(join(tmpdir(), 'tunesmith-'));
  try {
    const draft = join(folder, 'source');
    await writeFile(draft, source.text);
    const destination = `${OWN_SOURCE}.${source.extension}`;
    say(`adding ${codename}-backports to apt's sources as ${destination}.`);
    return (await asRoot('install', ['-m', '644', draft, destination])) === 0;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function sourcesFiles() {
  const names = await readdir(join(SOURCES, 'sources.list.d')).catch(() => []);
  const paths = names
    .filter((name) => /\.(list|sources)$/.test(name))
    .map((name) => join(SOURCES, 'sources.list.d', name));
  const files = [join(SOURCES, 'sources.list'), ...paths].map(async (path) => ({
    path,
    text: await readFile(path, 'utf8').catch(() => ''),
  }));
  return Promise.all(files);
}

/**
 * @param {string} command
 * @param {string[]} commandArguments
 * @returns {Promise<number>} its exit status
 */
async function asRoot(command, commandArguments) {
  const words = ['DEBIAN_FRONTEND=noninteractive', command, ...commandArguments];
  if (process.getuid?.() === 0) return (await run('env', words)).code;
  const prompt = process.stdin.isTTY ? [] : ['--non-interactive'];
  const { code } = await run('sudo', [...prompt, 'env', ...words]);
  if (code === 127) {
    throw new SetupError(
      `This needs root: run it as root or install sudo, or run "${command} ${commandArguments.join(' ')}" yourself.`,
    );
  }
  return code;
}
