import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT, runTool, SetupError } from './process.mjs';
import { requireNode } from './setup/node-version.mjs';
import { hashOfSources } from './sources.mjs';

const KEPT_BUILDS = 4;

/**
 * @typedef {object} NodeEntry
 * @property {(commandArguments: string[]) => Promise<number>} main its value is the exit status
 */

/**
 * Runs an entry of ours in this process, with this process's arguments.
 *
 * @param {string} name of its folder in .cache
 * @param {string} entry the module to build, relative to the root
 * @param {string[]} sources files and folders that the build depends on
 */
export function runNodeEntry(name, entry, sources) {
  return runTool(async () => {
    requireNode();
    if (!existsSync(join(ROOT, 'node_modules'))) {
      throw new SetupError('the npm packages are missing; run "npm ci" first.');
    }
    const { main } = await loadNodeBuild(name, entry, sources);
    // As npm does: paths that a caller gives are relative to INIT_CWD, those of the project to the working folder.
    process.env.INIT_CWD ??= process.cwd();
    process.chdir(ROOT);
    return main(process.argv.slice(2));
  });
}

/**
 * Builds an entry for Node, shaders included, once for each state of its sources, and loads it. A build lies in
 * `.cache/<name>/<hash of the sources>/`.
 *
 * @param {string} name
 * @param {string} entry
 * @param {string[]} sources
 * @returns {Promise<NodeEntry>}
 */
async function loadNodeBuild(name, entry, sources) {
  const builds = join(ROOT, '.cache', name);
  const hash = await hashOfSources([...sources, 'package-lock.json', 'tools/node-build.mjs']);
  const folder = join(builds, hash);
  if (!existsSync(folder)) {
    await build(entry, builds, folder);
    await removeOldBuilds(builds, hash);
  }
  const now = new Date();
  await utimes(folder, now, now).catch(() => undefined);
  /** @type {NodeEntry} */
  const module = await import(pathToFileURL(join(folder, 'main.mjs')).href);
  return module;
}

/**
 * Builds beside the final place and moves there at the end, so that commands which start together never see half of a build.
 *
 * @param {string} entry
 * @param {string} builds
 * @param {string} folder
 */
async function build(entry, builds, folder) {
  const { build: viteBuild } = await import('vite');
  const draft = join(builds, `building-${process.pid}`);
  await mkdir(builds, { recursive: true });
  try {
    await viteBuild({
      root: ROOT,
      configFile: false,
      publicDir: false,
      logLevel: 'error',
      build: {
        ssr: join(ROOT, entry),
        outDir: draft,
        emptyOutDir: true,
        target: 'node20',
        minify: false,
        sourcemap: 'inline',
        rolldownOptions: {
          output: { entryFileNames: 'main.mjs', chunkFileNames: '[name]-[hash].mjs' },
        },
      },
    });
    await rename(draft, folder);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    if (!existsSync(folder)) throw error;
  }
}

/**
 * Removes all but the builds used last: a command that runs may still load parts of a recent one.
 *
 * @param {string} builds
 * @param {string} current
 */
async function removeOldBuilds(builds, current) {
  const names = (await readdir(builds)).filter((name) => /^[0-9a-f]{16}$/.test(name));
  const used = await Promise.all(
    names.map(async (name) => ({ name, time: (await stat(join(builds, name))).mtimeMs })),
  );
  const old = used
    .filter(({ name }) => name !== current)
    .sort((first, second) => second.time - first.time)
    .slice(KEPT_BUILDS - 1);
  await Promise.all(
    old.map(({ name }) => rm(join(builds, name), { recursive: true, force: true })),
  );
}
