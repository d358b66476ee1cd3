import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { memorySource } from '../../src/formats/byte-source';
import { openSafetensors, readTensor } from '../../src/formats/safetensors';
import {
  encodeSafetensors,
  safetensorsSize,
  writeSafetensors,
  type TensorInMemory,
  type TensorToWrite,
} from '../../src/formats/safetensors-writer';
import { DTYPE_BYTES } from '../../src/formats/tensor-dtype';
import { safetensorsFile } from './files';

async function collect(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: number[] = [];
  for await (const piece of pieces) parts.push(...piece);
  return new Uint8Array(parts);
}

const tensors: TensorInMemory[] = [
  { name: 'codes', dtype: 'U8', shape: [3], bytes: new Uint8Array([7, 8, 9]) },
  { name: 'b', dtype: 'F32', shape: [], bytes: new Uint8Array([1, 2, 3, 4]) },
  { name: 'a', dtype: 'F32', shape: [0, 5], bytes: new Uint8Array() },
];

describe('writing safetensors', () => {
  it('writes wide elements first, so that all are aligned, behind a header padded to 8 bytes', () => {
    const header =
      '{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[0,5],"data_offsets":[0,0]},' +
      '"b":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"codes":{"dtype":"U8","shape":[3],"data_offsets":[4,7]}}';
    const padded = header.padEnd(Math.ceil(header.length / 8) * 8);
    const expected = safetensorsFile(padded, new Uint8Array([1, 2, 3, 4, 7, 8, 9]));
    expect(encodeSafetensors(tensors, { format: 'pt' })).toEqual(expected);
    expect(safetensorsSize(tensors, { format: 'pt' })).toBe(expected.length);
  });

  it('streams the same bytes, asking for each tensor only when its turn comes', async () => {
    const asked: string[] = [];
    const streamed: TensorToWrite[] = tensors.map((tensor) => ({
      ...tensor,
      bytes: async function* () {
        asked.push(tensor.name);
        for (const byte of tensor.bytes) yield await Promise.resolve(new Uint8Array([byte]));
      },
    }));
    const stream = writeSafetensors(streamed);
    await stream.next();
    expect(asked).toEqual([]);
    expect(await collect(writeSafetensors(streamed))).toEqual(encodeSafetensors(tensors));
    expect(asked).toEqual(['a', 'b', 'codes']);
  });

  it('is read back whole, whatever was written', async () => {
    const dtype = fc.constantFrom(...(Object.keys(DTYPE_BYTES) as (keyof typeof DTYPE_BYTES)[]));
    const shape = fc.array(fc.nat(3), { maxLength: 3 });
    const tensor = fc
      .tuple(fc.string({ unit: 'grapheme' }), dtype, shape)
      .map(([name, type, sizes]): TensorInMemory => ({
        name,
        dtype: type,
        shape: sizes,
        bytes: new Uint8Array(sizes.reduce((a, b) => a * b, DTYPE_BYTES[type])).fill(name.length),
      }));
    const several = fc.uniqueArray(tensor, { selector: ({ name }) => name, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(several, async (written) => {
        const file = await openSafetensors(memorySource('f', encodeSafetensors(written)));
        expect(file.tensors.size).toBe(written.length);
        for (const { name, dtype: type, shape: sizes, bytes } of written) {
          const entry = file.tensors.get(name);
          expect(entry).toMatchObject({ dtype: type, shape: sizes });
          if (entry === undefined) continue;
          expect(entry.offset % DTYPE_BYTES[type]).toBe(0);
          expect(await readTensor(entry)).toEqual(bytes);
        }
      }),
    );
  });

  it('throws on faults of the program', async () => {
    const [codes] = tensors;
    if (codes === undefined) return;
    expect(() => encodeSafetensors([codes, codes])).toThrow('two entries named codes');
    expect(() => encodeSafetensors([{ ...codes, shape: [4] }])).toThrow('3 bytes');
    expect(() => encodeSafetensors([{ ...codes, name: '__metadata__' }])).toThrow('two entries');
    const short = {
      ...codes,
      bytes: async function* () {
        yield await Promise.resolve(new Uint8Array(2));
      },
    };
    await expect(collect(writeSafetensors([short]))).rejects.toThrow('2 bytes');
  });
});
