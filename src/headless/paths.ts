import { resolve } from 'node:path';

/** A path as the caller meant it: relative to the folder that the command was called from, which npm hands on as INIT_CWD. */
export function callerPath(path: string): string {
  return resolve(process.env.INIT_CWD ?? process.cwd(), path);
}
