import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll } from 'vitest';

export const ROOT = resolve(import.meta.dirname, '../..');

/** Files that PyTorch and PEFT wrote. */
export const FIXTURES = join(ROOT, 'tests/fixtures');

export interface Answer {
  code: number;
  stdout: string;
  /** Standard error's lines. */
  lines: string[];
  /** The last of them. */
  last: string;
}

/** Runs `npm run headless -- ...` as its script does, called from a folder. */
export function headless(from: string, ...words: string[]): Promise<Answer> {
  return new Promise((answer, fail) => {
    execFile(
      process.execPath,
      [join(ROOT, 'tools/headless.mjs'), ...words],
      { cwd: ROOT, env: { ...process.env, INIT_CWD: from }, maxBuffer: 2 ** 26 },
      (error, stdout, stderr) => {
        if (error !== null && typeof error.code !== 'number') {
          fail(new Error('the command did not end by itself', { cause: error }));
          return;
        }
        const lines = stderr.trimEnd().split('\n');
        answer({ code: Number(error?.code ?? 0), stdout, lines, last: lines.at(-1) ?? '' });
      },
    );
  });
}

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** An empty folder that lasts as long as the file's tests. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tunesmith-test-'));
  folders.push(folder);
  return folder;
}

/** Files for a folder, by path. */
export function writeFiles(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
}

/** A model's folder with a tokenizer, and as many tokens as that has, but without weights. */
export function tokenizerModel(folder: string): string {
  const path = join(folder, 'model');
  cpSync(join(FIXTURES, 'data/tiny'), path, { recursive: true });
  const config = readFileSync(join(FIXTURES, 'formats/sharded/config.json'), 'utf8');
  writeFileSync(join(path, 'config.json'), config.replace('"vocab_size": 48', '"vocab_size": 421'));
  return path;
}
