import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build, preview, type Plugin } from 'vite';

/** A built page that is being served. */
export interface Site {
  /** Ends with a slash. */
  address: string;
  close(): Promise<void>;
}

/**
 * Builds the page into a folder of its own and serves it as a plain static host does, not from the root, so that a path that is not relative
 * shows.
 *
 * @param plugins of Vite, besides the page's own
 */
export async function serveBuilt(plugins: Plugin[] = []): Promise<Site> {
  const outDir = await mkdtemp(join(tmpdir(), 'tunesmith-page-'));
  const folder = join(outDir, 'some', 'folder');
  await build({ plugins, logLevel: 'error', build: { outDir: folder } });
  const server = await preview({
    configFile: false,
    root: outDir,
    base: '/',
    logLevel: 'error',
    appType: 'mpa',
    build: { outDir },
    preview: { host: '127.0.0.1', port: 0 },
  });
  const address = server.resolvedUrls?.local[0];
  if (address === undefined) throw new Error('the preview server did not say its address');
  return {
    address: `${address}some/folder/`,
    async close() {
      await server.close();
      await rm(outDir, { recursive: true });
    },
  };
}
