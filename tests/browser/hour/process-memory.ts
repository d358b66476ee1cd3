/** What the processes of a browser hold, as Linux tells it. */

import { readdir, readFile } from 'node:fs/promises';

/**
 * Memory in MiB that the largest of a browser's renderers, that of its page, holds for itself: what it shares with others or could read again
 * from files is left out.
 *
 * @param browser its process
 */
export async function rendererMemory(browser: number): Promise<number> {
  const sizes = await Promise.all(
    (await descendants(browser)).map(async (id) => {
      const isRenderer = (await read(`/proc/${id}/cmdline`)).includes('--type=renderer');
      const status = isRenderer ? await read(`/proc/${id}/status`) : '';
      return Number(/RssAnon:\s+(\d+) kB/.exec(status)?.[1] ?? 0);
    }),
  );
  return Math.round(Math.max(0, ...sizes) / 1024);
}

async function descendants(root: number): Promise<number[]> {
  const ids = (await readdir('/proc')).map(Number).filter(Number.isInteger);
  const parents = new Map(
    await Promise.all(ids.map(async (id) => [id, await parentOf(id)] as const)),
  );
  const isBelow = (id: number): boolean => {
    const parent = parents.get(id) ?? 0;
    return parent === root || (parent > 0 && isBelow(parent));
  };
  return ids.filter(isBelow);
}

async function parentOf(id: number): Promise<number> {
  const stat = await read(`/proc/${id}/stat`);
  // The program's name, in brackets, may hold anything; state and parent follow it.
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1] ?? 0);
}

/** Empty where the process has ended. */
function read(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}
