import { describe, expect, it } from 'vitest';
import { HubClient } from '../../src/storage/hub-client';
import { parseRepository, planDownload, type HubPlan } from '../../src/storage/hub-plan';
import { fixtureFiles, inputErrorOf } from '../formats/files';
import { startHub, type Files, type HubServer } from './hub-server';

const SHARDED: Files = fixtureFiles('sharded');

async function plan(files: Files, prepare?: (hub: HubServer) => void): Promise<HubPlan> {
  const hub = await startHub({ ...files });
  prepare?.(hub);
  return planDownload(new HubClient({ address: hub.address, waits: [0, 0] }), 'owner/model');
}

describe('planDownload', () => {
  it('chooses the index and its shards, small files first', async () => {
    const found = await plan({ ...SHARDED, 'tokenizer.model': 'x', 'chat_template.jinja': 'y' });
    expect(found.files.map(({ name }) => name)).toEqual([
      'chat_template.jinja',
      'tokenizer.model',
      'generation_config.json',
      'config.json',
      'model.safetensors.index.json',
      'model-00003-of-00003.safetensors',
      'model-00002-of-00003.safetensors',
      'model-00001-of-00003.safetensors',
    ]);
    expect(found.config.num_hidden_layers).toBe(2);
    expect(found.totalBytes).toBe(found.files.reduce((sum, { bytes }) => sum + bytes, 0));
    for (const { name, sha256, gitOid } of found.files) {
      expect(sha256 === null).toBe(!name.endsWith('.safetensors'));
      expect(gitOid === null).toBe(name.endsWith('.safetensors'));
    }
  });

  it('takes the single file where there are both', async () => {
    const found = await plan({ ...SHARDED, 'model.safetensors': new Uint8Array(5) });
    expect(found.files.filter(({ name }) => name.includes('safetensors'))).toMatchObject([
      { name: 'model.safetensors', bytes: 5 },
    ]);
  });

  it('names what cannot be used', async () => {
    const { 'model-00002-of-00003.safetensors': shard, ...rest } = SHARDED;
    expect(shard).toBeDefined();
    expect(await inputErrorOf(plan(rest))).toBe(
      '"owner/model" lacks the files "model-00002-of-00003.safetensors" that its index names',
    );
    expect(await inputErrorOf(plan({ 'README.md': '' }))).toContain('has no config.json');
    const config = SHARDED['config.json'] ?? '';
    expect(await inputErrorOf(plan({ 'config.json': config }))).toContain(
      'no model.safetensors and no shards of it',
    );
    expect(
      await inputErrorOf(plan({ 'config.json': '{"architectures":["GemmaForCausalLM"]}' })),
    ).toBe(
      'owner/model/config.json: the model\'s architecture is "GemmaForCausalLM"; only LlamaForCausalLM can be used',
    );
    const single = { ...SHARDED, 'model.safetensors': 'x' };
    const unhashed = plan(single, (hub) => {
      hub.changeList = (list) => list.map((entry) => ({ ...entry, lfs: undefined, oid: 'x' }));
    });
    expect(await inputErrorOf(unhashed)).toContain('the hub announces no hash for it');
  });

  it.each([
    {},
    'text',
    [5],
    [{ type: 'file', path: 'a', size: -1 }],
    [{ type: 'file', path: 'a' }],
  ])('refuses %j as a list of files', async (list) => {
    const planning = plan(SHARDED, (hub) => {
      hub.changeList = () => list;
    });
    expect(await inputErrorOf(planning)).toContain(
      'answers with no list of files for "owner/model"',
    );
  });

  it('tells missing, closed and silent hubs apart', async () => {
    const hub = await startHub(SHARDED);
    const client = new HubClient({ address: hub.address, waits: [0] });
    expect(await inputErrorOf(planDownload(client, 'owner/none'))).toContain('has no such model');
    expect(await inputErrorOf(planDownload(client, 'gated/model'))).toContain(
      'does not exist, is private, or asks for an agreement first',
    );
    // Port 9 (discard) is one that browsers and Node's fetch refuse to connect to.
    const silent = new HubClient({ address: 'http://127.0.0.1:9', waits: [0] });
    expect(await inputErrorOf(planDownload(silent, 'owner/model'))).toContain(
      '127.0.0.1:9 does not answer as it should',
    );
  });
});

describe('parseRepository', () => {
  const HUB = 'http://localhost:1234';

  it.each([
    ['owner/name', 'owner/name'],
    ['  unsloth/Llama-3.2-1B-Instruct ', 'unsloth/Llama-3.2-1B-Instruct'],
    ['https://huggingface.co/owner/na.me_1', 'owner/na.me_1'],
    ['https://huggingface.co/owner/name/tree/main?x=1#y', 'owner/name'],
    [`${HUB}/owner/name/`, 'owner/name'],
  ])('reads %s', (text, repository) => {
    expect(parseRepository(text, HUB)).toBe(repository);
  });

  it.each([
    '',
    'name',
    'a/b/c',
    '../x',
    'a/..',
    'a b/c',
    'https://example.org/a/b',
    'a/.git',
    '/a/b',
  ])('refuses "%s"', (text) => {
    expect(() => parseRepository(text, HUB)).toThrow('write it as owner/name');
  });
});
