/** The tiny Llama of `tests/fixtures/model` and what PyTorch computed with it (`tools/fixtures/model.py`). */

import { readFile } from 'node:fs/promises';
import type { PackedBatch } from '../../src/data/batches';
import { memoryFolder, memorySource, type FileFolder } from '../../src/formats/byte-source';
import { decodeFloats } from '../../src/formats/float-codec';
import { openLlamaFolder, type LlamaFolder } from '../../src/formats/llama-folder';
import { openPeftAdapter, type LoraAdapter } from '../../src/formats/peft-adapter';
import { openSafetensors } from '../../src/formats/safetensors';

const ROOT = new URL('../fixtures/model/', import.meta.url);

interface Results {
  examples: number[][];
  /** Leading labels of each example that are not trained. */
  ignored: number[];
  trained_tokens: number;
  dense_loss: number;
  nf4_loss: number;
  full_loss: number;
  dense_logits: number[][];
  nf4_logits: number[][];
}

/** Losses and logits of PyTorch. */
export async function readResults(): Promise<Results> {
  return JSON.parse(await readFile(new URL('results.json', ROOT), 'utf8')) as Results;
}

export async function fixtureFolder(): Promise<LlamaFolder> {
  return openLlamaFolder(
    await readFolder('base', ['config.json', 'generation_config.json', 'model.safetensors']),
  );
}

export async function fixtureAdapter(folder: LlamaFolder): Promise<LoraAdapter> {
  const files = await readFolder('adapter', ['adapter_config.json', 'adapter_model.safetensors']);
  return openPeftAdapter(files, folder.config);
}

/** Every tensor of one of the fixture's safetensors files. */
export async function readTensors(file: string): Promise<Map<string, Float32Array>> {
  const bytes = new Uint8Array(await readFile(new URL(file, ROOT)));
  const { tensors } = await openSafetensors(memorySource(file, bytes));
  const entries = [...tensors.values()].map(
    async ({ name, source, offset, length }) =>
      [name, decodeFloats(await source.read(offset, length), 'F32')] as const,
  );
  return new Map(await Promise.all(entries));
}

/** All examples in one row of `rowLength`, the rest padding. */
export function packed({ examples, ignored }: Results, rowLength: number): PackedBatch {
  const batch: PackedBatch = {
    rows: 1,
    rowLength,
    inputIds: new Uint32Array(rowLength),
    targets: new Int32Array(rowLength).fill(-100),
    positions: new Uint32Array(rowLength),
    sequenceStarts: Uint32Array.from({ length: rowLength }, (_, t) => t),
    trainedTokens: 0,
    examples: examples.length,
  };
  let start = 0;
  examples.forEach((ids, example) => {
    ids.forEach((id, position) => {
      const t = start + position;
      batch.inputIds[t] = id;
      batch.positions[t] = position;
      batch.sequenceStarts[t] = start;
      const next = ids[position + 1];
      if (next === undefined || position + 1 < (ignored[example] ?? 0)) return;
      batch.targets[t] = next;
      batch.trainedTokens++;
    });
    start += ids.length;
  });
  return batch;
}

async function readFolder(name: string, files: readonly string[]): Promise<FileFolder> {
  const contents = await Promise.all(
    files.map(async (file) => {
      const bytes = await readFile(new URL(`${name}/${file}`, ROOT));
      return [file, new Uint8Array(bytes)] as const;
    }),
  );
  return memoryFolder(name, Object.fromEntries(contents));
}
