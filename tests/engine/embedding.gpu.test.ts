import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { embed, embedGradient } from '../../src/engine/ops/embedding';
import { declareWeight, type WeightFormat } from '../../src/engine/weight';
import { Bench, openTestGpu, type TestGpu } from '../gpu';
import { at, randomFloats, randomSource } from '../reference/numeric';

const [ROWS, HIDDEN] = [70, 96];
/** Bytes of a binding that hold 32 rows of f32: the table falls into three parts. */
const SMALL_BINDING = 32 * HIDDEN * 4;

let context: TestGpu;
beforeAll(async () => {
  context = await openTestGpu();
});
afterAll(() => context.gpu.destroy());

const random = randomSource(1);
const ids = Uint32Array.from({ length: 40 }, () => Math.floor(random() * ROWS));
ids.set([0, ROWS - 1, 31, 32, 5, 5, 5]);

describe.each(['f32', 'bf16', 'f16', 'q8_0'] as const)('embedding of %s', (format) => {
  it('copies the rows of the ids, out of whichever part holds them', async () => {
    const bench = new Bench(context);
    const binding = SMALL_BINDING / (format === 'f32' ? 1 : 2);
    const table = declareWeight(bench.set, 'table', [ROWS, HIDDEN], format, binding);
    const values = new Float64Array(ROWS * HIDDEN);
    for (const part of table.parts) {
      const start = part.firstRow * HIDDEN;
      const encoded = encode(format, part.rows * HIDDEN, part.firstRow);
      values.set(encoded.values, start);
      part.tensors.forEach((tensor, i) => {
        const data = encoded.buffers[i];
        if (data) bench.fill(tensor, data);
      });
    }
    expect(table.parts.length).toBeGreaterThan(1);
    const out = bench.output('out', [ids.length, HIDDEN]);
    embed(bench.plan, {
      label: 'embedding',
      ids: bench.raw('ids', [ids.length], 'u32', ids),
      table,
      out,
      tokens: ids.length,
      hidden: HIDDEN,
    });
    await bench.run();
    const actual = await bench.read(out);
    // Decoding rounds nowhere: every value is exact in f32.
    ids.forEach((id, t) => {
      expect([...actual.slice(t * HIDDEN, (t + 1) * HIDDEN)]).toEqual([
        ...values.slice(id * HIDDEN, (id + 1) * HIDDEN),
      ]);
    });
    bench.destroy();
  });
});

it('adds the gradients of equal ids in their order', async () => {
  const bench = new Bench(context);
  const dOut = randomFloats(ids.length * HIDDEN, 2);
  const before = randomFloats(ROWS * HIDDEN, 3);
  const dTable = declareWeight(bench.set, 'dTable', [ROWS, HIDDEN], 'f32', SMALL_BINDING);
  const expected = Float32Array.from(before);
  // Sums in f32 and in order, as the kernel makes them: equal bit for bit.
  ids.forEach((id, t) => {
    for (let i = 0; i < HIDDEN; i++) {
      expected[id * HIDDEN + i] = at(expected, id * HIDDEN + i) + at(dOut, t * HIDDEN + i);
    }
  });
  for (const part of dTable.parts) {
    const [tensor] = part.tensors;
    const start = part.firstRow * HIDDEN;
    if (tensor) bench.fill(tensor, before.slice(start, start + part.rows * HIDDEN));
  }
  embedGradient(bench.plan, {
    label: 'embedding',
    ids: bench.raw('ids', [ids.length], 'u32', ids),
    dOut: bench.input('dOut', [ids.length, HIDDEN], dOut),
    dTable,
    tokens: ids.length,
    hidden: HIDDEN,
  });
  await bench.run();
  for (const part of dTable.parts) {
    const [tensor] = part.tensors;
    const start = part.firstRow * HIDDEN;
    const actual = tensor && (await bench.read(tensor));
    expect(actual).toEqual(expected.slice(start, start + part.rows * HIDDEN));
  }
  bench.destroy();
});

/** Random contents for a part, and the values they stand for. */
function encode(
  format: WeightFormat,
  count: number,
  seed: number,
): { buffers: ArrayBufferView<ArrayBuffer>[]; values: Float64Array } {
  if (format === 'f32') {
    const values = randomFloats(count, seed);
    return { buffers: [values], values: Float64Array.from(values) };
  }
  // Multiples of 1/64 below 2 are exact in every format; Q8_0 gets them as codes with the scale 1/64.
  const codes = Int8Array.from(randomFloats(count, seed, 127), Math.trunc);
  const values = Float64Array.from(codes, (code) => code / 64);
  if (format === 'q8_0') {
    const scales = new Uint16Array(Math.ceil(count / 32)).fill(0x2400);
    return { buffers: [codes, scales], values };
  }
  const bits = new DataView(new ArrayBuffer(4));
  const words = Uint16Array.from(values, (value) => {
    bits.setFloat32(0, value);
    const single = bits.getUint32(0);
    if (format === 'bf16') return single >>> 16;
    if (value === 0) return 0;
    const exponent = ((single >>> 23) & 0xff) - 127 + 15;
    return ((single >>> 31) << 15) | (exponent << 10) | ((single >>> 13) & 0x3ff);
  });
  return { buffers: [words], values };
}
