import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dynamicMap, NF4_CODE_BOOK, nf4Offset, nf4Table } from '../../src/engine/nf4';
import {
  checkFinite,
  dequantize,
  quantizeNf4Codes,
  quantizeNf4Scales,
  quantizeQ8,
} from '../../src/engine/ops/quantize';
import { declareWeight, NF4_TABLE_WORDS, type WeightFormat } from '../../src/engine/weight';
import fixture from '../fixtures/kernels/quantize.json';
import { Bench, openTestGpu, type TestGpu } from '../gpu';
import { at, randomFloats } from '../reference/numeric';
import { quantizeBlocks, quantizeQ8Reference } from '../reference/quantize';
import { bfloatValue, halfValue, randomWeight } from '../reference/weights';

type Dense = 'f32' | 'f16' | 'bf16';

let context: TestGpu;
beforeAll(async () => {
  context = await openTestGpu();
});
afterAll(() => context.gpu.destroy());

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

const floatsOf = (base64: string): Float32Array => new Float32Array(bytesOf(base64).buffer);

/** Values of several magnitudes, with a block of zeros, in the three types. */
function source(
  dtype: Dense,
  count: number,
): { data: Float32Array<ArrayBuffer> | Uint16Array<ArrayBuffer>; values: Float32Array } {
  const values = randomFloats(count, 9).map((value, i) => value * 2 ** -((i >> 6) % 12));
  values.fill(0, 64, 128);
  if (dtype === 'f32') return { data: values, values };
  const { tensors, values: decoded } = randomWeight(dtype, count, 10);
  const data = tensors[0];
  if (!(data instanceof Uint16Array)) throw new Error('16-bit types are pairs of bytes');
  data.fill(0, 64, 128);
  return { data, values: Float32Array.from(decoded).fill(0, 64, 128) };
}

/** Uploads in two pieces and quantises; returns the weight's bytes. */
async function quantized(
  format: 'nf4' | 'nf4_flat' | 'q8_0',
  dtype: Dense,
  data: Float32Array<ArrayBuffer> | Uint16Array<ArrayBuffer>,
): Promise<{ bytes: ArrayBuffer[]; dense: Float32Array; notFinite: number }> {
  const count = data.length;
  const cut = Math.min(count, Math.ceil(count / 128) * 64);
  const bench = new Bench(context);
  const weight = declareWeight(bench.set, 'weight', [1, count], format, 2 ** 27);
  const [part] = weight.parts;
  if (!part) throw new Error('a weight has a part');
  const notFinite = bench.raw('notFinite', [1], 'u32', Uint32Array.of(0));
  const blocks = Math.ceil(count / 64);
  const nested = bench.output('absmax', [blocks]);
  const absmax = format === 'nf4_flat' ? (part.tensors[1] ?? nested) : nested;
  for (const firstElement of cut < count ? [0, cut] : [0]) {
    const piece = firstElement === 0 ? data.slice(0, cut) : data.slice(cut);
    const elements = piece.length;
    const tensor = bench.raw(`piece ${firstElement}`, [elements], dtype, piece);
    const common = { label: 'piece', source: tensor, elements, notFinite, firstElement };
    if (format === 'q8_0') quantizeQ8(bench.plan, { ...common, part });
    else quantizeNf4Codes(bench.plan, { ...common, weight, absmax });
  }
  const out = bench.output('out', [count]);
  if (format !== 'q8_0') {
    const { scales } = quantizeBlocks(denseValues(dtype, data), NF4_CODE_BOOK, 64);
    const offset = format === 'nf4' ? nf4Offset(Float32Array.from(scales)) : 0;
    const table = part.tensors[2];
    if (table) bench.fill(table, nf4Table(offset));
    if (format === 'nf4') quantizeNf4Scales(bench.plan, { label: 'weight', weight, absmax });
  }
  dequantize(bench.plan, { label: 'back', weight, part, firstElement: 0, elements: count, out });
  await bench.run();
  const bytes = await Promise.all(part.tensors.map((tensor) => bench.readBytes(tensor)));
  const flag = new Uint32Array(await bench.readBytes(notFinite));
  const dense = await bench.read(out);
  bench.destroy();
  return { bytes, dense, notFinite: at(flag, 0) };
}

function denseValues(dtype: Dense, data: Float32Array | Uint16Array): Float32Array {
  if (dtype === 'f32') return Float32Array.from(data);
  return Float32Array.from(data, dtype === 'f16' ? halfValue : bfloatValue);
}

/** NF4 codes, one an element, from packed bytes. */
function unpacked(bytes: Uint8Array, count: number): number[] {
  return Array.from({ length: count }, (_, i) =>
    i % 2 === 0 ? at(bytes, i >> 1) >> 4 : at(bytes, i >> 1) & 15,
  );
}

describe.each(['f32', 'f16', 'bf16'] as const)('from %s', (dtype) => {
  // One block and a bit; more than 256 blocks, and a tail that is not a multiple of anything.
  it.each([100, 64 * 300 + 39])(
    'NF4 of %i elements is the reference, bit for bit',
    async (count) => {
      const { data, values } = source(dtype, count);
      const { bytes, dense } = await quantized('nf4', dtype, data);
      const { codes, scales } = quantizeBlocks(values, NF4_CODE_BOOK, 64);
      expect(unpacked(new Uint8Array(item(bytes, 0)), count)).toEqual(codes);
      const offset = nf4Offset(Float32Array.from(scales));
      const shifted = Float32Array.from(scales, (scale) => scale - offset);
      const nested = quantizeBlocks(shifted, dynamicMap(), 256);
      expect([...new Uint8Array(item(bytes, 1), 0, scales.length)]).toEqual(nested.codes);
      const table = new Float32Array(item(bytes, 2), 0, NF4_TABLE_WORDS + nested.scales.length);
      expect([...table.subarray(NF4_TABLE_WORDS)]).toEqual(nested.scales);
      const back = codes.map((code, i) => {
        const block = i >> 6;
        const scale =
          at(dynamicMap(), at(nested.codes, block)) * at(nested.scales, block >> 8) + offset;
        return at(NF4_CODE_BOOK, code) * scale;
      });
      // Each of three operations rounds once.
      expect(largestDifference(dense, back)).toBeLessThan(2e-7);
    },
  );

  it('flat NF4 keeps f32 scales', async () => {
    const { data, values } = source(dtype, 64 * 5 + 10);
    const { bytes } = await quantized('nf4_flat', dtype, data);
    const { codes, scales } = quantizeBlocks(values, NF4_CODE_BOOK, 64);
    expect(unpacked(new Uint8Array(item(bytes, 0)), values.length)).toEqual(codes);
    expect([...new Float32Array(item(bytes, 1), 0, 6)]).toEqual(scales);
  });

  it.each([40, 32 * 33 + 7])('Q8_0 of %i elements is the reference, bit for bit', async (count) => {
    const { data, values } = source(dtype, count);
    const { bytes } = await quantized('q8_0', dtype, data);
    const { codes, scales } = quantizeQ8Reference(values);
    expect([...new Int8Array(item(bytes, 0), 0, count)]).toEqual(codes);
    const halves = new Uint16Array(item(bytes, 1), 0, scales.length);
    scales.forEach((scale, i) => {
      const stored = halfValue(at(halves, i));
      // Half a unit in the last place of an f16, or of its smallest subnormal.
      expect(Math.abs(stored - scale)).toBeLessThanOrEqual(Math.max(scale * 2 ** -11, 2 ** -25));
    });
  });

  it('notes what is not finite, whether it is quantised or not', async () => {
    const bits = { f32: [0x7f800000, 0xffc00001], f16: [0x7c00, 0xfe01], bf16: [0x7f80, 0xffc1] };
    for (const bad of bits[dtype]) {
      const { data } = source(dtype, 300);
      expect((await quantized('nf4', dtype, data)).notFinite).toBe(0);
      if (data instanceof Float32Array) new Uint32Array(data.buffer)[207] = bad;
      else data[207] = bad;
      expect((await quantized('nf4', dtype, data)).notFinite).toBe(1);
      expect((await quantized('q8_0', dtype, data)).notFinite).toBe(1);
      const bench = new Bench(context);
      const tensor = bench.raw('source', [300], dtype, data);
      const flags = [300, 207].map((elements) => {
        const notFinite = bench.raw(`flag ${elements}`, [1], 'u32', Uint32Array.of(0));
        checkFinite(bench.plan, { label: 'piece', source: tensor, elements, notFinite });
        return notFinite;
      });
      await bench.run();
      const read = await Promise.all(flags.map((flag) => bench.readBytes(flag)));
      expect(read.map((buffer) => new Uint32Array(buffer)[0])).toEqual([1, 0]);
      bench.destroy();
    }
  });
});

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return Array.from(a).reduce((most, value, i) => Math.max(most, Math.abs(value - at(b, i))), 0);
}

function item<T>(values: readonly T[], index: number): T {
  const value = values[index];
  if (value === undefined) throw new RangeError(`index ${index}`);
  return value;
}

describe('bitsandbytes and gguf', () => {
  const { count, seed, scale, nf4, q8 } = fixture;
  const weights = randomFloats(count, seed, scale);
  const except = (values: readonly number[], left: readonly number[]): number[] =>
    values.filter((_, i) => !left.includes(i));

  it('have the same dynamic map, bit for bit', () => {
    expect([...dynamicMap()]).toEqual([...floatsOf(nf4.dynamicMap)]);
  });

  it('give the same NF4 codes and scales', async () => {
    const { bytes } = await quantized('nf4', 'f32', weights);
    const codes = unpacked(new Uint8Array(item(bytes, 0)), count);
    const expected = unpacked(bytesOf(nf4.codes), count);
    expect(except(codes, nf4.codesNearBorder)).toEqual(except(expected, nf4.codesNearBorder));
    const absmaxCodes = [...new Uint8Array(item(bytes, 1), 0, count / 64)];
    const left = nf4.absmaxCodesNearBorder;
    expect(except(absmaxCodes, left)).toEqual(except([...bytesOf(nf4.absmaxCodes)], left));
    const nested = floatsOf(nf4.nestedAbsmax);
    const scales = new Float32Array(item(bytes, 2), 0, NF4_TABLE_WORDS + nested.length);
    expect(scales[272]).toBe(nf4.offset);
    expect([...scales.subarray(NF4_TABLE_WORDS)]).toEqual([...nested]);
  });

  it('give the same Q8_0 blocks', async () => {
    const { bytes } = await quantized('q8_0', 'f32', weights);
    expect(new Uint8Array(item(bytes, 0), 0, count)).toEqual(bytesOf(q8.codes));
    expect(new Uint8Array(item(bytes, 1), 0, count / 16)).toEqual(bytesOf(q8.scales));
  });
});

it.each(['f32', 'f16', 'bf16', 'nf4', 'nf4_flat', 'q8_0'] as const satisfies WeightFormat[])(
  'dequantises %s from any element on',
  async (format) => {
    const [rows, columns, firstElement] = [5, 37, 41];
    const bench = new Bench(context);
    const weight = declareWeight(bench.set, 'weight', [rows, columns], format, 2 ** 27);
    const encoded = randomWeight(format, rows * columns, 3);
    const part = item(weight.parts, 0);
    part.tensors.forEach((tensor, i) => bench.fill(tensor, item(encoded.tensors, i)));
    const elements = rows * columns - firstElement;
    const out = bench.output('out', [elements]);
    dequantize(bench.plan, { label: 'weight', weight, part, firstElement, elements, out });
    await bench.run();
    const expected = encoded.values.subarray(firstElement);
    // Two roundings, of values below 2.
    expect(largestDifference(await bench.read(out), expected)).toBeLessThan(2.5e-7);
    bench.destroy();
  },
);
