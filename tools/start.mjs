/** `npm start`: installs what is missing, builds the page where its sources changed, and serves it on this machine. */
import { createServer } from 'node:net';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ROOT, run, runTool, say, SetupError } from './process.mjs';
import { requireNode } from './setup/node-version.mjs';
import { installPackages } from './setup/packages.mjs';
import { hashOfSources } from './sources.mjs';

const HOST = '127.0.0.1';
const FIRST_PORT = 4173;
const PORTS_TRIED = 100;
const PAGE_SOURCES = [
  'index.html',
  'package-lock.json',
  'public',
  'shaders',
  'src',
  'svelte.config.js',
  'vite.config.ts',
];

await runTool(async () => {
  requireNode();
  await installPackages();
  await buildPage();
  const port = await freePort();
  const { preview } = await import('vite');
  await preview({ root: ROOT, logLevel: 'warn', preview: { host: HOST, port, strictPort: true } });
  process.stdout.write(`Tunesmith is ready at http://localhost:${port}/ (Ctrl+C ends it).\n`);
  return 0;
});

/** Builds dist/ unless it is that of the sources as they are. */
async function buildPage() {
  const stamp = join(ROOT, '.cache', 'page-build');
  const hash = await hashOfSources(PAGE_SOURCES);
  const last = await readFile(stamp, 'utf8').catch(() => '');
  const built = await readFile(join(ROOT, 'dist', 'index.html')).catch(() => undefined);
  if (built !== undefined && last === hash) return;
  say('building the page.');
  const { code } = await run('npm', ['run', '--silent', 'build', '--', '--logLevel', 'warn']);
  if (code !== 0) throw new SetupError('The page could not be built; the messages above say why.');
  await mkdir(join(ROOT, '.cache'), { recursive: true });
  await writeFile(stamp, hash);
}

/** The first port from 4173 on that nobody holds, neither on IPv4 nor on IPv6, either of which `localhost` may mean. */
async function freePort() {
  for (let port = FIRST_PORT; port < FIRST_PORT + PORTS_TRIED; port++) {
    if ((await isFree(port, HOST)) && (await isFree(port, '::1'))) return port;
  }
  throw new SetupError(`No port from ${FIRST_PORT} to ${FIRST_PORT + PORTS_TRIED - 1} is free.`);
}

/**
 * @param {number} port
 * @param {string} host
 * @returns {Promise<boolean>} also true where the machine has no such address
 */
function isFree(port, host) {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (/** @type {NodeJS.ErrnoException} */ error) =>
      resolve(error.code === 'EADDRNOTAVAIL' || error.code === 'EAFNOSUPPORT'),
    );
    server.listen({ port, host }, () => server.close(() => resolve(true)));
  });
}
