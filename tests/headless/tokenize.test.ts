import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { headless, ROOT, temporaryFolder, tokenizerModel, writeFiles } from './terminal';

const jsonLines = (path: string): unknown[] =>
  readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line): unknown => JSON.parse(line));

const tokens = (ids: number[], labels: number[]) =>
  `${JSON.stringify({ input_ids: ids, labels })}\n`;

describe('tokenize', () => {
  it('writes pre-tokenised examples as they are, in the order of files and lines', async () => {
    const folder = temporaryFolder();
    tokenizerModel(folder);
    writeFiles(folder, {
      'last.jsonl': tokens([5, 6, 7], [-100, 6, 7]),
      'first/b.jsonl': tokens([8, 9], [8, 9]),
      'first/a.jsonl': `${tokens([1, 2], [-100, 2])}\n${tokens([3, 4], [3, -100])}`,
    });
    const call = ['tokenize', '--model', 'model', '--data', 'first', 'last.jsonl'];
    const answer = await headless(folder, ...call, '--out', 'tokens.jsonl');
    expect(answer.code).toBe(0);
    expect(JSON.parse(answer.stdout)).toEqual({
      out: 'tokens.jsonl',
      examples: 3,
      tokens: 7,
      trained_tokens: 4,
      truncated: 0,
      dropped: 1,
    });
    expect(answer.last).toContain('1 example dropped');
    expect(jsonLines(join(folder, 'tokens.jsonl'))).toEqual([
      { input_ids: [1, 2], labels: [-100, 2], source: 'a.jsonl:1' },
      { input_ids: [8, 9], labels: [8, 9], source: 'b.jsonl:1' },
      { input_ids: [5, 6, 7], labels: [-100, 6, 7], source: 'last.jsonl:1' },
    ]);
  });

  it('writes what it can read again, byte for byte', async () => {
    const folder = temporaryFolder();
    tokenizerModel(folder);
    writeFiles(folder, {
      'tale.txt': 'A fox saw a crow.\n\nShe had some cheese.\n',
      'talk.jsonl': '{"prompt": "Who saw it?", "completion": " A fox."}\n',
    });
    const call = ['tokenize', '--model', 'model', '--data'];
    const first = await headless(folder, ...call, 'tale.txt', 'talk.jsonl', '--out', '1.jsonl');
    expect(first.code).toBe(0);
    const second = await headless(folder, ...call, '1.jsonl', '--out', '2.jsonl');
    expect(second.code).toBe(0);
    const withoutSource = (path: string) =>
      readFileSync(join(folder, path), 'utf8').replaceAll(/"source":"[^"]*"/g, '');
    expect(withoutSource('2.jsonl')).toBe(withoutSource('1.jsonl'));
  });

  it('follows the configuration and warns of what it cut', async () => {
    const folder = temporaryFolder();
    tokenizerModel(folder);
    writeFiles(folder, {
      'talk.jsonl': tokens([1, 2, 3, 4, 5, 6], [-100, 2, 3, 4, 5, 6]),
      'config.json': '{"max_seq_length": 4}',
    });
    const answer = await headless(
      folder,
      ...['tokenize', '--model', 'model', '--data', 'talk.jsonl', '--config', 'config.json'],
      ...['--out', 'tokens.jsonl'],
    );
    expect(JSON.parse(answer.stdout)).toMatchObject({ tokens: 4, trained_tokens: 3, truncated: 1 });
    expect(answer.last).toBe('warning: 1 example cut at max_seq_length 4');
  });

  it.each([
    ['{"input_ids": [1, 2], "labels": [1, 2]}\n{"input_ids": [1', 'data.jsonl:2: '],
    ['{"input_ids": [1, 2], "labels": [1]}', 'data.jsonl:1: '],
    ['{"input_ids": [1, 421], "labels": [1, 421]}', 'data.jsonl:1: '],
    ['{"input_ids": [1, 2], "labels": [-100, -100]}', 'data.jsonl: '],
    ['', 'data.jsonl: '],
  ])('ends with status 2 at %j, names the place and writes nothing', async (content, place) => {
    const folder = temporaryFolder();
    const model = tokenizerModel(temporaryFolder());
    writeFiles(folder, { 'data.jsonl': content });
    const call = ['tokenize', '--model', model, '--data', 'data.jsonl', '--out', 'a/tokens.jsonl'];
    const answer = await headless(folder, ...call);
    expect(answer.code).toBe(2);
    expect(answer.stdout).toBe('');
    expect(answer.last).toContain(place);
    expect(readdirSync(folder)).toEqual(['data.jsonl']);
  });

  it.each([
    [['--data', 'none.txt'], 'none.txt'],
    [['--data', '.', '--model', 'none'], 'none'],
    [['--data', 'data.jsonl', '--config', 'config.json'], 'config.json: unknown key "lr"'],
    [['--data', 'data.jsonl', '--out', 'config.json'], 'config.json: --out'],
  ])('%j is bad input that names the file', async (words, message) => {
    const folder = temporaryFolder();
    const given = (name: string) => words.includes(name);
    writeFiles(folder, { 'data.jsonl': tokens([1, 2], [1, 2]), 'config.json': '{"lr": 1}' });
    const model = tokenizerModel(temporaryFolder());
    const answer = await headless(
      folder,
      'tokenize',
      ...words,
      ...(given('--model') ? [] : ['--model', model]),
      ...(given('--out') ? [] : ['--out', 'tokens.jsonl']),
    );
    expect(answer.code).toBe(2);
    expect(answer.last).toContain(message);
    expect(readdirSync(folder).sort()).toEqual(['config.json', 'data.jsonl']);
  });

  it('leaves nothing behind when it is interrupted', async () => {
    const folder = temporaryFolder();
    tokenizerModel(folder);
    writeFiles(folder, {
      'd.jsonl': `${JSON.stringify({ text: 'one two three '.repeat(20) })}\n`.repeat(50_000),
    });
    const temporary = join(folder, 'temporary');
    mkdirSync(temporary);
    const call = ['tokenize', '--model', 'model', '--data', 'd.jsonl', '--out', 'tokens.jsonl'];
    const child = spawn(process.execPath, [join(ROOT, 'tools/headless.mjs'), ...call], {
      env: { ...process.env, INIT_CWD: folder, TMPDIR: temporary },
      stdio: 'ignore',
    });
    const ended = new Promise((resolve) => child.on('close', resolve));
    while (child.exitCode === null && readdirSync(temporary).length === 0) {
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    child.kill('SIGTERM');
    expect(await ended).toBe(143);
    expect(readdirSync(temporary)).toEqual([]);
    expect(readdirSync(folder)).not.toContain('tokens.jsonl');
  });
});
