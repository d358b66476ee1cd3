import { describe, expect, it, vi } from 'vitest';
import { InputError } from '../../src/errors';
import { QuotaError } from '../../src/storage/errors';
import type { Progress, Tokenization } from '../../src/worker/api';
import { DatasetService } from '../../src/worker/dataset-service';
import type { Models } from '../../src/worker/models';
import { datasetOfRun, keepForRun } from '../../src/worker/stored-dataset';
import { wordTokenizer } from '../data/fake-tokenizer';
import { withFailingWrite } from '../storage/fresh-database';
import { FakeLocks } from './fake-locks';
import { memoryServices } from './run-bench';

const TOKENIZATION: Tokenization = {
  modelId: 'tiny',
  chat_template: 'auto',
  max_seq_length: 64,
  train_on_prompt: false,
};
const STORY = file('story.txt', 'The hen sat in the barn.\n\nThe cow came in.');

function file(name: string, text: string): File {
  return new File([text], name);
}

/** Files of their own size, in lines of JSON. */
const lines = (name: string, examples: object[]) =>
  file(name, examples.map((example) => JSON.stringify(example)).join('\n'));

async function bench() {
  const services = await memoryServices();
  const tokenizer = wordTokenizer();
  const models = {
    config: () => Promise.resolve({ vocab_size: 1000 }),
    tokenizer: () => Promise.resolve(tokenizer),
  } as unknown as Models;
  const locks = new FakeLocks();
  const service = new DatasetService(services, models, locks.of('a'));
  const told: Progress[] = [];
  const take = (files: File[], tokenization: Partial<Tokenization> = {}) =>
    service.importFiles(files, { ...TOKENIZATION, ...tokenization }, (each) => told.push(each));
  const again = (id: string, tokenization: Partial<Tokenization>) =>
    service.retokenize(id, { ...TOKENIZATION, ...tokenization }, (each) => told.push(each));
  const folders = () => services.datasetFiles.folders();
  /** Names of what is kept of a dataset, without what makes them unique. */
  const kept = async (folder: string) =>
    [...(await (await services.datasetFiles.folder(folder)).sizes()).keys()]
      .map((name) => name.replace(/^tokens .*/, 'tokens'))
      .sort();
  return { services, service, locks, tokenizer, told, take, again, folders, kept };
}

describe('files that are taken', () => {
  it('are kept, counted and shown', async () => {
    const { service, take, told, kept } = await bench();
    const talk = lines('talk.jsonl', [
      { prompt: 'Where is the hen?', completion: ' In the barn.' },
      { prompt: 'Where is the cow?', completion: ' In the barn too.' },
    ]);
    const summary = await take([STORY, talk]);
    expect(summary).toMatchObject({ examples: 3, truncated: 0, dropped: 0, problemCount: 0 });
    expect(summary.files.map(({ name, examples }) => [name, examples])).toEqual([
      ['story.txt', { document: 1 }],
      ['talk.jsonl', { 'prompt-completion': 2 }],
    ]);
    expect(summary.trainedTokens).toBeLessThan(summary.tokens);
    const rows = await service.rows(summary.id, 0, 10);
    expect(rows.map(({ source, kind }) => [source, kind])).toEqual([
      ['story.txt:1', 'document'],
      ['talk.jsonl:1', 'prompt-completion'],
      ['talk.jsonl:2', 'prompt-completion'],
    ]);
    expect(rows.reduce((sum, { tokens }) => sum + tokens, 0)).toBe(summary.tokens);
    expect(await service.current()).toEqual(summary);
    expect(await kept(summary.id)).toEqual(['file 0', 'file 1', 'tokens']);
    expect(told[0]).toMatchObject({ activity: 'Keeping story.txt', unit: 'bytes' });
    expect(told.at(-1)?.activity).toBe('Reading talk.jsonl');
  });

  it('take the place of those before, of which nothing is kept but what a run needs', async () => {
    const { services, service, take, folders } = await bench();
    const first = await take([STORY]);
    const stored = await services.datasets.get(first.id);
    if (!stored) throw new Error('the dataset is not stored');
    await keepForRun(services, 'a', stored);
    const second = await take([file('other.txt', 'A fox.')]);
    expect((await folders()).sort()).toEqual([first.id, second.id].sort());
    const third = await take([file('third.txt', 'Grapes.')]);
    expect((await folders()).sort()).toEqual([first.id, third.id].sort());
    expect((await service.current())?.id).toBe(third.id);
    // What the run kept can still be read.
    expect(await service.rows(datasetOfRun('a'), 0, 1)).toHaveLength(1);
  });

  it('leave what ended tabs have left of theirs until no other tab is at an import, and then delete it', async () => {
    const { services, locks, take, again, folders, kept } = await bench();
    const leave = async (folder: string, name: string) =>
      (await (await services.datasetFiles.folder(folder)).append(name)).close();
    await leave('left', 'file 0');
    let ended: () => void = () => undefined;
    const other = new Promise<void>((resolve) => (ended = resolve));
    void locks.of('b').request('tunesmith-dataset-files', { mode: 'shared' }, () => other);
    const first = await take([STORY]);
    expect((await folders()).sort()).toEqual([first.id, 'left'].sort());
    ended();
    await other;
    await leave(first.id, 'tokens left');
    await again(first.id, { max_seq_length: 32 });
    expect(await folders()).toEqual([first.id]);
    expect(await kept(first.id)).toEqual(['file 0', 'tokens']);
  });

  it('with bad lines are taken without them, at most a hundred of which are shown', async () => {
    const { take } = await bench();
    const bad = Array<string>(150).fill('{"text": "no end');
    const summary = await take([file('data.jsonl', [...bad, '{"text": "A fox."}'].join('\n'))]);
    expect(summary).toMatchObject({ examples: 1, problemCount: 150 });
    expect(summary.problems).toHaveLength(100);
    expect(summary.problems[99]).toMatchObject({ file: 'data.jsonl', line: 100 });
  });

  it('that hold nothing are a dataset without examples, with the reasons', async () => {
    const { service, take } = await bench();
    const summary = await take([file('data.jsonl', 'nonsense')]);
    expect(summary).toMatchObject({ examples: 0, problemCount: 1 });
    expect(await service.rows(summary.id, 0, 5)).toEqual([]);
  });

  it('leave nothing behind when they are cancelled or do not fit, and what was there stays', async () => {
    const { service, take, folders } = await bench();
    const before = await take([STORY]);
    const cancelled = take([file('long.txt', 'hen '.repeat(10_000))]);
    await service.cancel();
    await expect(cancelled).rejects.toMatchObject({ name: 'AbortError' });
    expect(await folders()).toEqual([before.id]);
    expect(await service.current()).toEqual(before);
  });

  it('leave nothing behind when they are cancelled as the last of them is written', async () => {
    const { services, service, take, folders } = await bench();
    const open = services.datasetFiles.folder.bind(services.datasetFiles);
    vi.spyOn(services.datasetFiles, 'folder').mockImplementation(async (name) => {
      const folder = await open(name);
      const append = async (file: string) => {
        const appender = await folder.append(file);
        const close = appender.close.bind(appender);
        if (file.startsWith('tokens ')) {
          appender.close = () => {
            void service.cancel();
            return close();
          };
        }
        return appender;
      };
      return { ...folder, append };
    });
    await expect(take([STORY])).rejects.toMatchObject({ name: 'AbortError' });
    expect(await folders()).toEqual([]);
  });

  it('that no room is left for are refused, and those before are still there', async () => {
    const { service, take } = await bench();
    const before = await take([STORY]);
    // The new record is stored in the last of the writes; whichever fails, one dataset is there afterwards.
    for (let write = 1; ; write++) {
      let failed = false;
      const reached = await withFailingWrite(write, 'afterwards', async () => {
        await take([file('other.txt', 'A fox.')]).catch((error: unknown) => {
          expect(error).toBeInstanceOf(QuotaError);
          failed = true;
        });
      });
      if (!reached) break;
      expect(failed).toBe(true);
      const current = await service.current();
      expect(current).toEqual(before);
      expect(await service.rows(before.id, 0, 1)).toHaveLength(1);
    }
    expect((await service.current())?.files[0]?.name).toBe('other.txt');
  });
});

describe('data that are tokenised again', () => {
  const LONG = file('long.txt', 'The hen sat in the barn and the cow came in. '.repeat(20));

  it('keep their id, and give up the tokens that they had', async () => {
    const { take, again, service, kept } = await bench();
    const wide = await take([LONG]);
    const narrow = await again(wide.id, { max_seq_length: 16 });
    expect(narrow.id).toBe(wide.id);
    expect(narrow.examples).toBeGreaterThan(wide.examples);
    expect(narrow.lengths.longest).toBeLessThanOrEqual(16);
    expect((await service.rows(wide.id, 0, 1))[0]?.tokens).toBeLessThanOrEqual(16);
    expect(await kept(wide.id)).toEqual(['file 0', 'tokens']);
  });

  it('are left alone where nothing differs', async () => {
    const { take, again, told } = await bench();
    const before = await take([LONG]);
    told.length = 0;
    expect(await again(before.id, {})).toEqual(before);
    expect(told).toEqual([]);
  });

  it('leave a run the tokens that it began with', async () => {
    const { services, take, again, service, kept } = await bench();
    const wide = await take([LONG]);
    const stored = await services.datasets.get(wide.id);
    if (!stored) throw new Error('the dataset is not stored');
    await keepForRun(services, 'a', stored);
    await again(wide.id, { max_seq_length: 16 });
    expect(await kept(wide.id)).toEqual(['file 0', 'tokens', 'tokens']);
    const [row] = await service.rows(datasetOfRun('a'), 0, 1);
    expect(row?.tokens).toBeGreaterThan(16);
  });

  it('show their old tokens when it is cancelled', async () => {
    const { take, again, service, kept } = await bench();
    const before = await take([LONG]);
    const cancelled = again(before.id, { max_seq_length: 16 });
    await service.cancel();
    await expect(cancelled).rejects.toMatchObject({ name: 'AbortError' });
    expect(await service.current()).toEqual(before);
    expect((await service.rows(before.id, 0, 1))[0]?.tokens).toBeGreaterThan(16);
    expect(await kept(before.id)).toEqual(['file 0', 'tokens']);
  });

  it('are forgotten once, however often that is asked for', async () => {
    const { take, service, folders } = await bench();
    const { id } = await take([STORY]);
    await service.remove(id);
    await service.remove(id);
    expect(await folders()).toEqual([]);
  });

  it('that are gone are said to be, with what to do', async () => {
    const { again, take, services } = await bench();
    await expect(again('gone', {})).rejects.toThrow('drop its files again');
    const { id } = await take([LONG]);
    await (await services.datasetFiles.folder(id)).remove('file 0');
    const error: unknown = await again(id, { max_seq_length: 16 }).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(InputError);
    expect(String(error)).toContain('long.txt');
  });
});

describe('rows and tokens', () => {
  const MANY = lines(
    'many.jsonl',
    Array.from({ length: 450 }, (_, i) => ({ text: `fable ${i}` })),
  );

  it('are given from anywhere, two hundred at a time, fewer at the end', async () => {
    const { service, take } = await bench();
    const { id } = await take([MANY]);
    const rows = await service.rows(id, 100, 1000);
    expect(rows).toHaveLength(200);
    expect(rows[0]).toMatchObject({ index: 100, source: 'many.jsonl:101' });
    expect(rows[0]?.text).toContain('fable 100');
    expect(await service.rows(id, 440, 200)).toHaveLength(10);
    expect(await service.rows(id, 450, 200)).toEqual([]);
  });

  it('show what is trained of an example, and refuse one that is not there', async () => {
    const { service, take } = await bench();
    const { id } = await take([
      lines('talk.jsonl', [{ prompt: 'Where is the hen?', completion: ' In the barn.' }]),
    ]);
    const { pieces, source } = await service.tokens(id, 0);
    expect(source).toBe('talk.jsonl:1');
    const text = (trained: boolean) =>
      pieces.flatMap((piece) => (piece.trained === trained ? [piece.text] : [])).join('');
    expect(text(false)).toContain('Where is the hen?');
    expect(text(true)).toContain(' In the barn.');
    await expect(service.tokens(id, 1)).rejects.toThrow('there is no example 1');
  });

  it('are gone with the dataset, and so are its copies', async () => {
    const { service, take, folders } = await bench();
    const { id } = await take([MANY]);
    await service.remove(id);
    expect(await service.current()).toBeNull();
    expect(await folders()).toEqual([]);
    await expect(service.rows(id, 0, 1)).rejects.toThrow(InputError);
  });
});
