import { describe, expect, it } from 'vitest';
import { memoryFolder } from '../../src/formats/byte-source';
import { decodeFloats } from '../../src/formats/float-codec';
import { openLlamaFolder } from '../../src/formats/llama-folder';
import { readTensor } from '../../src/formats/safetensors';
import { fixtureFolder, inputErrorOf, zeroTensors } from './files';
import { BLOCK, CONFIG, openTiny, TENSORS, type Tensors } from './tiny-llama';

describe('a folder that bitsandbytes quantised', () => {
  const QUERY = 'model.layers.0.self_attn.q_proj.weight';

  it('holds nested, plain and dense weights side by side', async () => {
    const model = await openLlamaFolder(fixtureFolder('prequantised'));
    const kinds = new Map<string, number>();
    for (const name of model.names.filter((each) => each.endsWith('_proj.weight'))) {
      const weight = model.weight(name);
      const kind = weight.kind === 'dense' ? 'dense' : weight.absmax.kind;
      kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    }
    expect(Object.fromEntries(kinds)).toEqual({ nested: 7, f32: 6, dense: 1 });
    expect(model.weight('model.layers.0.self_attn.q_proj.bias')).toMatchObject({
      dtype: 'BF16',
      shape: [32],
    });
  });

  it('gives the code books and counts that formats.md states', async () => {
    const model = await openLlamaFolder(fixtureFolder('prequantised'));
    const weight = model.weight(QUERY);
    if (weight.kind !== 'nf4' || weight.absmax.kind !== 'nested') throw new Error('not nested NF4');
    expect(weight.shape).toEqual([32, 32]);
    expect(weight.codes.length).toBe((32 * 32) / 2);
    expect([weight.quantMap[0], weight.quantMap[7], weight.quantMap[15]]).toEqual([-1, 0, 1]);
    expect(weight.quantMap[8]).toBe(Math.fround(0.07958029955625534));
    const { absmax } = weight;
    expect([absmax.codes.length, absmax.nestedAbsmax.length]).toEqual([16, 4]);
    expect([absmax.nestedQuantMap.length, absmax.nestedQuantMap[255]]).toEqual([256, 1]);
    const scales = decodeFloats(await readTensor(absmax.nestedAbsmax), 'F32');
    const codes = await readTensor(absmax.codes);
    for (const code of codes) {
      const scale = (absmax.nestedQuantMap[code] ?? NaN) * (scales[0] ?? NaN) + absmax.nestedOffset;
      // Weights are normal with deviation 0.02: the largest of 64 lies within 1.5 and 5 deviations.
      expect(scale).toBeGreaterThan(0.03);
      expect(scale).toBeLessThan(0.1);
    }
  });

  const state = (changes: object): string =>
    JSON.stringify({
      ...{ quant_type: 'nf4', blocksize: 64, dtype: 'float32', shape: [4, 4] },
      ...{ nested_blocksize: 256, nested_dtype: 'float32', nested_offset: 0.5, ...changes },
    });
  const openQuantised = (text: string, changes: Record<string, Tensors[string] | null> = {}) => {
    const name = `${BLOCK}.self_attn.q_proj.weight`;
    const { [name]: dense, ...tensors } = TENSORS;
    expect(dense).toBeDefined();
    const parts: Record<string, Tensors[string] | null> = {
      '': ['U8', 8, 1],
      '.absmax': ['U8', 1],
      '.quant_map': ['F32', 16],
      '.nested_absmax': ['F32', 1],
      '.nested_quant_map': ['F32', 256],
      ...changes,
    };
    for (const [suffix, tensor] of Object.entries(parts)) {
      if (tensor !== null) tensors[name + suffix] = tensor;
    }
    // The state goes last, so that its text can be put at the end of the file.
    tensors[`${name}.quant_state.bitsandbytes__nf4`] = ['U8', text.length];
    const file = zeroTensors(tensors);
    file.set(new TextEncoder().encode(text), file.length - text.length);
    const config = JSON.stringify(CONFIG);
    return openLlamaFolder(
      memoryFolder('quantised', { 'config.json': config, 'model.safetensors': file }),
    );
  };

  it('is read where all belongs together', async () => {
    const weight = (await openQuantised(state({}))).weight(`${BLOCK}.self_attn.q_proj.weight`);
    expect(weight).toMatchObject({ kind: 'nf4', absmax: { kind: 'nested', nestedOffset: 0.5 } });
  });

  it.each([
    [{ quant_type: 'fp4' }, 'quant_type is "fp4"; it must be "nf4"'],
    [{ blocksize: 128 }, 'blocksize is 128; it must be 64'],
    [{ shape: [4, 5] }, 'shape is a list; it must be [4, 4], as config.json has it'],
    [{ shape: null }, 'shape is null'],
    [{ nested_blocksize: 64 }, 'nested_blocksize is 64; it must be 256'],
    [{ nested_dtype: 'float16' }, 'nested_dtype is "float16"'],
    [{ nested_offset: 'x' }, 'nested_offset is "x"'],
  ])('is refused with %o', async (changes, message) => {
    expect(await inputErrorOf(openQuantised(state(changes)))).toContain(message);
  });

  it.each([
    ['', ['U8', 9, 1], 'has 9 elements of U8 and must have 8 elements of U8'],
    ['.absmax', ['U8', 2], 'has 2 elements of U8'],
    ['.absmax', ['F16', 1], 'has 1 elements of F16 and must have 1 elements of F32'],
    ['.quant_map', ['F32', 15], 'has 15 elements of F32'],
    ['.nested_absmax', ['F16', 1], 'has 1 elements of F16'],
    ['.nested_absmax', null, '.nested_absmax" of a weight in NF4 is missing'],
    ['.quant_map', null, '.quant_map" of a weight in NF4 is missing'],
    ['.surprise', ['U8', 1], '.surprise" do not belong'],
  ] as [string, Tensors[string] | null, string][])(
    'is refused where %s is %o',
    async (suffix, tensor, message) => {
      expect(await inputErrorOf(openQuantised(state({}), { [suffix]: tensor }))).toContain(message);
    },
  );

  it('is refused where its state is no JSON, with the tensor named', async () => {
    expect(await inputErrorOf(openQuantised('{'))).toContain('quant_state.bitsandbytes__nf4"');
  });

  it('is refused where the head or the embedding is quantised', async () => {
    const name = 'model.embed_tokens.weight';
    expect(
      await inputErrorOf(
        openTiny({
          ...TENSORS,
          [name]: ['U8', 12, 1],
          [`${name}.quant_state.bitsandbytes__nf4`]: ['U8', 2],
        }),
      ),
    ).toContain('"model.embed_tokens.weight" is of U8');
  });
});
