import { describe, expect, it } from 'vitest';
import { InputError } from '../../src/errors';
import { readAll } from '../../src/formats/byte-source';
import { openLlamaFolder } from '../../src/formats/llama-folder';
import { QuotaError } from '../../src/storage/errors';
import { HubClient } from '../../src/storage/hub-client';
import { downloadModel, type DownloadOptions } from '../../src/storage/hub-download';
import { planDownload } from '../../src/storage/hub-plan';
import { ModelCache } from '../../src/storage/model-cache';
import { fixtureFiles } from '../formats/files';
import { freshDatabase } from './fresh-database';
import { bytesOf, startHub, type Fault, type Files, type HubServer } from './hub-server';
import { MemoryStore } from './memory-store';

const MODEL = 'model.safetensors';
const FILES: Files = {
  ...fixtureFiles('prequantised'),
  'tokenizer.json': '{"version":"1.0"}',
  'README.md': '# A model',
  'pytorch_model.bin': 'x',
};
const SIZE = bytesOf(FILES[MODEL]).length;

interface Setup {
  hub: HubServer;
  store: MemoryStore;
  cache: ModelCache;
  client: HubClient;
  /** Looks the repository up and downloads it. */
  download(options?: DownloadOptions): Promise<void>;
  failure(options?: DownloadOptions): Promise<unknown>;
}

async function setUp(fault: HubServer['fault'] = () => undefined, stall?: number): Promise<Setup> {
  const hub = await startHub({ ...FILES });
  hub.fault = fault;
  const store = new MemoryStore();
  const cache = new ModelCache(await freshDatabase(), store);
  const client = new HubClient({ address: `${hub.address}/`, waits: [0, 0, 0], stall });
  const download: Setup['download'] = async (options) => {
    await downloadModel(client, cache, await planDownload(client, 'owner/model'), options);
    expect(store.open.size).toBe(0);
  };
  const failure: Setup['failure'] = async (options) => {
    const error: unknown = await download(options).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(store.open.size).toBe(0);
    await expect(cache.open('owner/model')).rejects.toThrow(InputError);
    return error;
  };
  return { hub, store, cache, client, download, failure };
}

/** Only for the weights, whose requests are counted from 0. */
const onModel =
  (faults: (request: number) => Fault | undefined): HubServer['fault'] =>
  (file, request) =>
    file === MODEL ? faults(request) : undefined;

async function expectInstalled({ cache, hub }: Setup): Promise<void> {
  const folder = await cache.open('owner/model');
  expect([...folder.files].sort()).toEqual(
    ['config.json', 'generation_config.json', MODEL, 'tokenizer.json'].sort(),
  );
  for (const file of folder.files) {
    const source = await folder.open(file);
    expect(source && (await readAll(source, 1e6))).toEqual(
      new Uint8Array(bytesOf(hub.files[file])),
    );
  }
  expect((await openLlamaFolder(folder)).config.hidden_size).toBe(32);
}

describe('downloadModel', () => {
  it('fetches what a model is used with, tells how far it is, and installs it', async () => {
    const setup = await setUp();
    const told: number[] = [];
    const totals = new Set<number>();
    await setup.download({
      onProgress: ({ done, total }) => {
        told.push(done);
        totals.add(total);
      },
    });
    await expectInstalled(setup);
    const total = (await setup.cache.list())[0]?.files.reduce((sum, { bytes }) => sum + bytes, 0);
    expect([...totals]).toEqual([total]);
    expect(told.at(-1)).toBe(total);
    expect([...told].sort((a, b) => a - b)).toEqual(told);
    const requests = setup.hub.ranges.length;
    await setup.download();
    // The configuration was looked at again; nothing was downloaded again.
    expect(setup.hub.ranges.slice(requests).map(([file]) => file)).toEqual(['config.json']);
  });

  it('goes on where the connection broke, fetching no byte twice, wherever it is cut', async () => {
    for (const cutAfter of [0, 1, 8, 1000, SIZE - 1]) {
      const setup = await setUp(onModel((request) => (request === 0 ? { cutAfter } : undefined)));
      await setup.download();
      await expectInstalled(setup);
      expect(setup.hub.sent.get(MODEL)).toBe(SIZE);
    }
  });

  it('goes on after a closed tab from the bytes on disk', async () => {
    const setup = await setUp(onModel(() => ({ cutAfter: 10_000 })));
    const controller = new AbortController();
    const onProgress: DownloadOptions['onProgress'] = ({ done }) => {
      if (done > 20_000) controller.abort();
    };
    const error = await setup.failure({ onProgress, signal: controller.signal });
    expect((error as DOMException).name).toBe('AbortError');
    const kept = setup.store.bytes('owner/model', MODEL)?.length ?? 0;
    expect(kept).toBeGreaterThanOrEqual(20_000 - 5_000);
    const record = await setup.cache.get('owner/model');
    expect(record?.state).toBe('partial');

    setup.hub.fault = () => undefined;
    setup.hub.sent.clear();
    // Another cache over the same storage, as the next tab has it.
    await setup.download();
    await expectInstalled(setup);
    expect(setup.hub.sent.get(MODEL)).toBe(SIZE - kept);
    expect(setup.hub.ranges.at(-1)).toEqual([MODEL, `bytes=${kept}-`]);
  });

  it.each([
    ['ignores ranges', { ignoreRange: true }],
    ['begins earlier than asked', { startEarlier: 777 }],
    ['does not say where a range begins', { withoutContentRange: true }],
  ] as [string, Fault][])('keeps its bytes with a host that %s', async (_, fault) => {
    const setup = await setUp(onModel((request) => (request === 0 ? { cutAfter: 9_000 } : fault)));
    await setup.download();
    await expectInstalled(setup);
  });

  it('tries again after a busy host and a stalled connection', async () => {
    const faults: (Fault | undefined)[] = [{ status: 503 }, { status: 429 }, { stallAfter: 500 }];
    const setup = await setUp(
      onModel((request) => faults[request]),
      150,
    );
    await setup.download();
    await expectInstalled(setup);
    expect(setup.hub.sent.get(MODEL)).toBe(SIZE);
  });

  it('gives up with a sentence when nothing helps, and keeps what has arrived', async () => {
    const setup = await setUp(onModel((request) => ({ cutAfter: request === 0 ? 12_345 : 0 })));
    const error = await setup.failure();
    expect(error).toBeInstanceOf(InputError);
    expect((error as InputError).message).toMatch(/^127\.0\.0\.1:\d+ does not answer as it should/);
    expect(setup.store.bytes('owner/model', MODEL)?.length).toBe(12_345);
  });

  it.each([
    ['one bit of the weights', MODEL],
    ['one bit of a small file', 'tokenizer.json'],
  ])('never installs wrong bytes: %s', async (_, victim) => {
    const flip = (body: Uint8Array): Uint8Array =>
      body.with(body.length - 1, (body.at(-1) ?? 0) ^ 1);
    const setup = await setUp((file) => (file === victim ? { change: flip } : undefined));
    const error = await setup.failure();
    expect((error as InputError).message).toContain(`${victim}: 127.0.0.1`);
    expect((error as InputError).message).toContain('other bytes than it announced');
    expect(setup.store.bytes('owner/model', victim)).toBeUndefined();
    setup.hub.fault = () => undefined;
    await setup.download();
    await expectInstalled(setup);
  });

  it('fetches wrong bytes once more, for the fault may have passed', async () => {
    const zero = (body: Uint8Array): Uint8Array => body.slice().fill(0, 5_000, 6_000);
    const setup = await setUp(onModel((request) => (request === 0 ? { change: zero } : undefined)));
    await setup.download();
    await expectInstalled(setup);
    expect(setup.hub.sent.get(MODEL)).toBe(2 * SIZE);
  });

  it('takes no byte beyond the announced ones', async () => {
    const longer = (body: Uint8Array): Uint8Array => new Uint8Array([...body, 1]);
    const setup = await setUp(onModel(() => ({ change: longer })));
    const error = await setup.failure();
    expect((error as InputError).message).toContain(`more than the ${SIZE} bytes it announced`);
  });

  it('throws partial files away that the hub has changed since, and keeps the others', async () => {
    const setup = await setUp(onModel(() => ({ cutAfter: 0 })));
    await setup.failure();
    setup.store.content.get('owner/model')?.set(MODEL, new Uint8Array(100));
    const changed = new Uint8Array(bytesOf(FILES[MODEL]));
    changed[SIZE >> 1] = (changed[SIZE >> 1] ?? 0) ^ 1;
    setup.hub.files[MODEL] = changed;
    setup.hub.fault = () => undefined;
    setup.hub.ranges.length = 0;
    await setup.download();
    await expectInstalled(setup);
    expect(setup.hub.ranges).toEqual([
      ['config.json', ''],
      [MODEL, ''],
    ]);
  });

  it('finds bytes that went bad on the disk', async () => {
    const setup = await setUp(
      onModel((request) => (request === 0 ? { cutAfter: 9_000 } : { status: 404 })),
    );
    await setup.failure();
    setup.store.bytes('owner/model', MODEL)?.fill(7, 100, 200);
    setup.hub.fault = () => undefined;
    await setup.download();
    await expectInstalled(setup);
  });

  it('tells a full storage, loses nothing, and goes on when there is room', async () => {
    for (let room = 0; room < 4; room++) {
      const setup = await setUp();
      setup.store.roomForAppends = room;
      const error = await setup.failure();
      expect(error).toBeInstanceOf(QuotaError);
      setup.store.roomForAppends = Infinity;
      await setup.download();
      await expectInstalled(setup);
      expect(setup.hub.sent.get('tokenizer.json')).toBe(
        bytesOf(FILES['tokenizer.json']).length * (room === 0 ? 2 : 1),
      );
    }
  });

  it('does not install files that are whole but no Llama', async () => {
    const setup = await setUp();
    setup.hub.files[MODEL] = new Uint8Array(100);
    expect(((await setup.failure()) as Error).message).toContain(MODEL);
  });
});
