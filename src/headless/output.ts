import { mkdir, open, readdir, rename, rmdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { InputError } from '../errors';
import { codeOf, statOf } from './node-files';
import { callerPath } from './paths';
import { holdTemporary, removeTemporary, settleTemporary } from './temporary';

/** The bytes of a file, whole or piece by piece. */
export type Content = Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/** A file that a command will write. It appears complete or not at all. */
export interface OutputFile {
  /** As the caller gave it. */
  readonly given: string;
  write(content: Content): Promise<void>;
}

/** A folder that a command will write. Its files appear together, or none does. */
export interface OutputFolder {
  /** As the caller gave it. */
  readonly given: string;
  write(files: AsyncIterable<NamedContent> | Iterable<NamedContent>): Promise<void>;
}

export interface NamedContent {
  readonly name: string;
  readonly content: Content;
}

/** The system's answers to a place where the caller may not write; others, such as a full disk, are failures of the run. */
const REFUSALS = new Set([
  'EACCES',
  'EEXIST',
  'EPERM',
  'EROFS',
  'ENOTDIR',
  'ENAMETOOLONG',
  'EINVAL',
]);

/** Claims `--out` for a file. Call it before the work: nothing may lie there yet. */
export async function outputFile(given: string): Promise<OutputFile> {
  const path = callerPath(given);
  if ((await statOf(path)) !== undefined) {
    throw new InputError('--out names what exists already; give a new name', { file: given });
  }
  return {
    given,
    write: (content) =>
      inNewFolders(dirname(path), async () => {
        const draft = draftOf(path);
        holdTemporary(draft);
        try {
          await writeDurably(draft, content);
          await rename(draft, path);
          settleTemporary(draft);
        } catch (error) {
          await removeTemporary(draft);
          throw error;
        }
      }),
  };
}

/** Claims `--out` for a folder. Call it before the work: nothing may lie there yet but an empty folder. */
export async function outputFolder(given: string): Promise<OutputFolder> {
  const path = callerPath(given);
  const exists = await isEmptyFolder(path, given);
  return {
    given,
    write: (files) =>
      inNewFolders(dirname(path), async () => {
        const draft = exists ? join(path, '.partial') : draftOf(path);
        holdTemporary(draft);
        try {
          await mkdir(draft);
          const names: string[] = [];
          for await (const { name, content } of files) {
            await writeDurably(join(draft, name), content);
            names.push(name);
          }
          if (exists) {
            for (const name of names) await rename(join(draft, name), join(path, name));
            await rmdir(draft);
          } else {
            await rename(draft, path);
          }
          settleTemporary(draft);
        } catch (error) {
          await removeTemporary(draft);
          throw error;
        }
      }),
  };
}

/** Whether an empty folder lies at the path; anything else there is bad input. */
export async function isEmptyFolder(path: string, given: string): Promise<boolean> {
  const information = await statOf(path);
  if (information === undefined) return false;
  if (information.isDirectory() && (await readdir(path)).length === 0) return true;
  throw new InputError('--out names what exists already; give a new name or an empty folder', {
    file: given,
  });
}

/** Makes the folders that lead to a path, and removes those it made where the work in them fails. */
export async function inNewFolders<Result>(
  folder: string,
  work: () => Promise<Result>,
): Promise<Result> {
  const made: string[] = [];
  for (let path = folder; (await statOf(path)) === undefined; path = dirname(path)) made.push(path);
  try {
    await mkdir(folder, { recursive: true });
    return await work();
  } catch (error) {
    for (const path of made) await rmdir(path).catch(() => undefined);
    throw REFUSALS.has(codeOf(error))
      ? new InputError(`cannot be written (${codeOf(error)})`, { file: folder })
      : error;
  }
}

/** Writes a file and waits until the disk has it. */
export async function writeDurably(path: string, content: Content): Promise<void> {
  const handle = await open(path, 'wx');
  try {
    const pieces = content instanceof Uint8Array ? [content] : content;
    for await (const piece of pieces) {
      for (let done = 0; done < piece.length;) {
        done += (await handle.write(piece, done)).bytesWritten;
      }
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function draftOf(path: string): string {
  return join(dirname(path), `.${basename(path)}.partial-${process.pid}`);
}
