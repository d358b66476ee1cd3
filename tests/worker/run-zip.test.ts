import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { parseTrainingConfig } from '../../src/config';
import { decodeFloats } from '../../src/formats/float-codec';
import { memoryFolder } from '../../src/formats/byte-source';
import { openLlamaFolder } from '../../src/formats/llama-folder';
import type { Checkpoint } from '../../src/train/checkpoint';
import { downloadFiles, zipFile, zipName, type ZipSource } from '../../src/worker/run-zip';
import { readStoredZip } from '../browser/run/stored-zip';
import { fixtureFolder } from '../model/fixture';
import { memoryServices, storeDataset } from './run-bench';

/** The download of a fully fine-tuned model whose every weight has become a half. */
async function fullSource(): Promise<ZipSource> {
  const folder = await fixtureFolder();
  const parameters = folder.names.map((name) => {
    const stored = folder.weight(name);
    return { name, shape: stored.kind === 'dense' ? stored.shape : [] };
  });
  const halves = parameters.map(({ shape }) =>
    new Float32Array(shape.reduce((product, extent) => product * extent, 1)).fill(0.5),
  );
  const checkpoint = {
    config: parseTrainingConfig({ method: 'full' }),
    metrics: [],
    parameters,
    state: { parameters: halves, firstMoments: halves, secondMoments: halves },
  } as unknown as Checkpoint;
  const services = await memoryServices();
  const { summary } = await storeDataset(services, 'data');
  return { folder, tokenizer: null, checkpoint, baseModel: 'tiny', dataset: summary };
}

async function unzipped(file: File): Promise<Map<string, Buffer>> {
  return readStoredZip(Buffer.from(await file.arrayBuffer()));
}

describe('the download of a run', () => {
  it('of full fine-tuning is a model folder that opens, with its hashes', async () => {
    const services = await memoryServices();
    const source = await fullSource();
    const told: number[] = [];
    const zip = await zipFile(
      services,
      'model.zip',
      () => downloadFiles(source),
      ({ done }) => told.push(done),
      new AbortController().signal,
    );
    const files = await unzipped(zip);
    expect([...files.keys()].sort()).toEqual([
      'README.md',
      'SHA256SUMS',
      'config.json',
      'generation_config.json',
      'metrics.csv',
      'model.safetensors',
    ]);
    const sums = String(files.get('SHA256SUMS')).trim().split('\n');
    expect(sums).toHaveLength(files.size - 1);
    for (const line of sums) {
      const [hash, name = ''] = line.split('  ');
      const content = files.get(name) ?? '';
      expect(createHash('sha256').update(content).digest('hex'), name).toBe(hash);
    }
    expect(told.at(-1)).toBe(zip.size);

    const entries = [...files].map(([name, bytes]) => [name, Uint8Array.from(bytes)] as const);
    const model = await openLlamaFolder(memoryFolder('model', Object.fromEntries(entries)));
    expect(model.names).toEqual(source.folder.names);
    for (const name of model.names) {
      const stored = model.weight(name);
      if (stored.kind !== 'dense') throw new Error(`${name} is not dense`);
      const { tensor, dtype } = stored;
      const bytes = await tensor.source.read(tensor.offset, tensor.length);
      expect(
        decodeFloats(bytes, dtype).every((value) => value === 0.5),
        name,
      ).toBe(true);
    }
  });

  it('is made in memory where the disk is full, and leaves nothing half-written there', async () => {
    const source = await fullSource();
    const make = async (room: number) => {
      const services = await memoryServices();
      services.downloads.roomForAppends = room;
      const files = () => downloadFiles(source);
      const { signal } = new AbortController();
      const zip = await zipFile(services, 'model.zip', files, () => undefined, signal);
      return { files: await unzipped(zip), left: await services.downloads.folders() };
    };
    const whole = await make(Infinity);
    const squeezed = await make(3);
    expect(squeezed.files).toEqual(whole.files);
    expect(squeezed.left).toEqual([]);
  });

  it('that is cancelled rejects with the reason and leaves nothing', async () => {
    const services = await memoryServices();
    const source = await fullSource();
    const abort = new AbortController();
    const zip = zipFile(
      services,
      'model.zip',
      () => downloadFiles(source),
      () => abort.abort(),
      abort.signal,
    );
    await expect(zip).rejects.toThrow(/abort/i);
    expect(await services.downloads.folders()).toEqual([]);
  });

  it.each([
    ['Fables on Starter', 'Fables-on-Starter.zip'],
    ['../../etc: "x"', 'etc-x.zip'],
    ['', 'adapter.zip'],
  ])('of "%s" is called %s', (name, file) => {
    expect(zipName(name)).toBe(file);
  });
});
