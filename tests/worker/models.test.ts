import { readFile } from 'node:fs/promises';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { InputError } from '../../src/errors';
import { parseLlamaConfig } from '../../src/formats/llama-config';
import type { CatalogueModel } from '../../src/storage/catalogue';
import { HubClient } from '../../src/storage/hub-client';
import { countParameters, Models } from '../../src/worker/models';
import { fixtureFiles, inputErrorOf, zeroTensors } from '../formats/files';
import { CONFIG, TENSORS } from '../formats/tiny-llama';
import { startHub } from '../storage/hub-server';
import { memoryServices } from './run-bench';

const TINY = parseLlamaConfig(CONFIG, 'config.json');
/** Embedding 6 x 4; q and o 4 x 4, k and v 2 x 4; three of 3 x 4 in the feed-forward; three norms of 4. */
const TINY_PARAMETERS = 24 + 32 + 16 + 36 + 12;
const FILES = {
  'config.json': JSON.stringify(CONFIG),
  'model.safetensors': zeroTensors(TENSORS),
};
const TOKENIZER = fixtureFiles('../data/tiny')['tokenizer.json'] ?? new Uint8Array();

const entry = (repository: string, name: string): CatalogueModel => ({
  repository,
  name,
  description: '',
  licence: 'MIT',
  parameters: 77,
  downloadBytes: 99,
  prequantised: false,
  minimumMemoryBytes: 1,
  config: TINY,
});

beforeEach(() => {
  // The starter lies beside the page; only what is asked of the file system is answered from it.
  const original = fetch;
  vi.stubGlobal('fetch', async (input: string | URL, init?: RequestInit) => {
    const file = /^file:.*\/(starter\/[\w.]+)$/.exec(String(input))?.[1];
    return file ? new Response(await readFile(`public/${file}`)) : original(input, init);
  });
  return () => void vi.unstubAllGlobals();
});

async function bench(files: Parameters<typeof startHub>[0] = FILES) {
  const hub = await startHub(files);
  const services = await memoryServices();
  const models = new Models(services, new HubClient({ address: hub.address }), () =>
    Promise.resolve({ models: [entry('owner/model', 'By name'), entry('other/one', 'Another')] }),
  );
  const install = (id: string, signal = new AbortController().signal) => {
    const told: string[] = [];
    return models.install(id, ({ activity }) => told.push(activity), signal).then(() => told);
  };
  const states = async () => (await models.list()).map(({ id, state }) => `${id} ${state}`);
  return { hub, services, models, install, states };
}

/** Files as a person drops them, in a folder where the browser tells it. */
function dropped(files: Record<string, Uint8Array | string>): File[] {
  return Object.entries(files).map(
    ([name, content]) =>
      new File([typeof content === 'string' ? content : Uint8Array.from(content)], name),
  );
}

describe('the list of models', () => {
  it('has the starter first, then what is here, then what the catalogue offers besides', async () => {
    const { models, install, states } = await bench();
    expect(await states()).toEqual(['starter installed', 'owner/model absent', 'other/one absent']);
    await install('owner/model');
    expect(await states()).toEqual([
      'starter installed',
      'owner/model installed',
      'other/one absent',
    ]);
    const [starter, installed] = await models.list();
    // Nothing of it is to be downloaded: it comes with the page.
    expect(starter).toMatchObject({ downloadBytes: 0, origin: 'starter' });
    expect(starter?.parameters).toBeCloseTo(4.62e6, -4);
    expect(installed).toMatchObject({ name: 'By name', licence: 'MIT', origin: 'hub' });
    expect(installed?.storedBytes).toBe(installed?.downloadBytes);
  });

  it('tells how much of a download is here after it broke off', async () => {
    const { hub, models, install, states } = await bench();
    hub.fault = (file) => (file === 'model.safetensors' ? { stallAfter: 100 } : undefined);
    const controller = new AbortController();
    const small = FILES['config.json'].length;
    const installing = models.install(
      'owner/model',
      ({ done }) => {
        if (done === small + 100) controller.abort(new Error('cancelled'));
      },
      controller.signal,
    );
    await expect(installing).rejects.toThrow('cancelled');
    expect((await states())[1]).toBe('owner/model partial');
    const [, partial] = await models.list();
    expect(partial?.storedBytes).toBe(small + 100);
    hub.fault = () => undefined;
    await install('owner/model');
    expect((await states())[1]).toBe('owner/model installed');
  });
});

describe('a model of the hub', () => {
  it('of the catalogue is found without asking the hub, also by the address of its page', async () => {
    const { hub, models } = await bench();
    hub.changeList = () => {
      throw new Error('the hub was asked');
    };
    expect(await models.find('owner/model')).toMatchObject({ name: 'By name' });
    expect(await models.find(`${hub.address}/owner/model`)).toMatchObject({ id: 'owner/model' });
    expect(await models.config('owner/model')).toEqual(TINY);
  });

  it('that is not in the catalogue is looked up once, its weights counted from its shape', async () => {
    const hub = await startHub(FILES);
    const services = await memoryServices();
    const client = new HubClient({ address: hub.address });
    const models = new Models(services, client, () => Promise.resolve({ models: [] }));
    const found = await models.find('owner/model');
    expect(found).toMatchObject({ state: 'absent', parameters: TINY_PARAMETERS, licence: '' });
    expect(found.downloadBytes).toBeGreaterThan(FILES['model.safetensors'].length);
    const asked = hub.ranges.length;
    expect(await models.config('owner/model')).toMatchObject({ vocab_size: 6 });
    expect(hub.ranges.length).toBe(asked);
    await expect(models.find('owner/gone')).rejects.toThrow(InputError);
    await expect(models.find('owner/gone', AbortSignal.abort())).rejects.toThrow('aborted');
  });

  it('is installed with what it says of its progress, and resolves at once the second time', async () => {
    const { hub, models, install } = await bench();
    expect(new Set(await install('owner/model'))).toEqual(
      new Set(['Downloading config.json', 'Downloading model.safetensors']),
    );
    const sent = new Map(hub.sent);
    expect(await install('owner/model')).toEqual([]);
    expect(hub.sent).toEqual(sent);
    const { folder, tokenizer } = await models.open('owner/model');
    expect(folder.config).toMatchObject({ vocab_size: 6 });
    expect(tokenizer).toBeNull();
    await models.remove('owner/model');
    expect(await inputErrorOf(models.open('owner/model'))).toContain('not installed');
  });

  it('brings its tokenizer where it has one', async () => {
    const { models, install } = await bench({ ...FILES, 'tokenizer.json': TOKENIZER });
    await install('owner/model');
    const { tokenizer } = await models.open('owner/model');
    const ids = tokenizer?.encode('hello', { addSpecialTokens: false }) ?? [];
    expect(tokenizer?.decode(ids, { skipSpecialTokens: true })).toBe('hello');
  });
});

describe('a model that is dropped', () => {
  const quietly = [() => undefined, new AbortController().signal] as const;

  it('is called by its folder, and found again', async () => {
    const { models } = await bench();
    const made = await models.installFiles('my-llama', dropped(FILES), ...quietly);
    expect(made).toMatchObject({
      name: 'my-llama',
      origin: 'files',
      state: 'installed',
      parameters: TINY_PARAMETERS,
    });
    expect((await models.list())[1]).toEqual(made);
    expect(await models.config(made.id)).toMatchObject({ hidden_size: 4 });
    expect((await models.installFiles('', dropped(FILES), ...quietly)).name).toBe('dropped model');
  });

  it('is not looked for on the hub once it is deleted', async () => {
    const { hub, models } = await bench();
    hub.changeList = () => {
      throw new Error('the hub was asked');
    };
    const { id } = await models.installFiles('my-llama', dropped(FILES), ...quietly);
    await models.remove(id);
    const asked = vi.spyOn(globalThis, 'fetch');
    const message = 'the model my-llama is not installed; drop its folder again';
    expect(await inputErrorOf(models.config(id))).toBe(message);
    expect(await inputErrorOf(models.install(id, ...quietly))).toBe(message);
    expect(asked).not.toHaveBeenCalled();
  });

  it('leaves nothing behind where it does not serve, and nothing that was there is lost', async () => {
    const { models, states, services } = await bench();
    await models.installFiles('my-llama', dropped(FILES), ...quietly);
    const before = await states();
    const folders = await services.models.list();
    const broken = { ...FILES, 'model.safetensors': zeroTensors(TENSORS).slice(0, -4) };
    await inputErrorOf(models.installFiles('my-llama', dropped(broken), ...quietly));
    await inputErrorOf(models.installFiles('broken', dropped(broken), ...quietly));
    expect(await states()).toEqual(before);
    expect(await services.models.list()).toEqual(folders);
  });
});

describe('the weights of a model', () => {
  it('are counted by hand, a tied head once', () => {
    expect(countParameters(TINY)).toBe(TINY_PARAMETERS);
    expect(countParameters({ ...TINY, tie_word_embeddings: false })).toBe(TINY_PARAMETERS + 24);
    expect(countParameters({ ...TINY, num_hidden_layers: 3 })).toBe(
      TINY_PARAMETERS + 2 * (TINY_PARAMETERS - 24 - 4),
    );
  });
});
