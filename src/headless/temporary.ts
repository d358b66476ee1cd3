import { rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';

const paths = new Set<string>();

/** Marks a path as unfinished: should the process end before `settle`, what lies there is removed. */
export function holdTemporary(path: string): void {
  if (process.listenerCount('exit', removeAll) === 0) process.on('exit', removeAll);
  paths.add(path);
}

/** What was at the path has been moved to where it belongs. */
export function settleTemporary(path: string): void {
  paths.delete(path);
}

/** Removes what lies at a path that was held. */
export async function removeTemporary(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true });
  paths.delete(path);
}

function removeAll(): void {
  for (const path of paths) rmSync(path, { recursive: true, force: true });
}
