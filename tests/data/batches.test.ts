import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  BatchStream,
  rowLengthFor,
  splitDataset,
  type BatchOptions,
  type DataCursor,
} from '../../src/data/batches';
import type { ExampleSource } from '../../src/data/dataset';
import { packInOrder, packTightly, type RowPlan } from '../../src/data/packing';
import { SeededRandom } from '../../src/data/random';

/** Example n has the ids 100 n + 1, 100 n + 2 and so on; every third label is not trained. */
function source(lengths: number[]): ExampleSource {
  const labelOf = (id: number, at: number): number => (at % 3 === 2 ? -100 : id);
  return {
    examples: lengths.length,
    lengths: Uint32Array.from(lengths),
    read: (index) => {
      const ids = Array.from({ length: lengths[index] ?? 0 }, (_, at) => 100 * index + at + 1);
      const inputIds = Uint32Array.from(ids);
      return Promise.resolve({
        inputIds,
        labels: Int32Array.from(ids, labelOf),
        source: `s:${index}`,
      });
    },
  };
}

const OPTIONS: BatchOptions = {
  indices: Uint32Array.of(0, 1, 2, 3, 4),
  rows: 2,
  rowLength: 6,
  packing: true,
  shuffle: false,
  seed: 7,
};
const LENGTHS = [3, 2, 4, 6, 1];

function rowsOf({ examples, starts }: RowPlan): number[][] {
  return Array.from({ length: starts.length - 1 }, (_, row) => [
    ...examples.subarray(starts[row], starts[row + 1]),
  ]);
}

describe('packing', () => {
  test('in order fills a row until the next example does not fit', () => {
    const plan = packInOrder(OPTIONS.indices, Uint32Array.from(LENGTHS), 6);
    expect(rowsOf(plan)).toEqual([[0, 1], [2], [3], [4]]);
  });

  test('tightly puts each example into the fullest row with room', () => {
    const plan = packTightly(OPTIONS.indices, Uint32Array.from(LENGTHS), 6);
    expect(rowsOf(plan)).toEqual([[3], [2, 1], [0, 4]]);
  });

  test('tightly leaves out nothing, overfills nothing, and wastes less than half', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }).chain((rowLength) =>
          fc.record({
            rowLength: fc.constant(rowLength),
            lengths: fc.array(fc.integer({ min: 1, max: rowLength }), { minLength: 1 }),
          }),
        ),
        ({ rowLength, lengths }) => {
          const order = Uint32Array.from(lengths, (_, index) => index);
          const rows = rowsOf(packTightly(order, Uint32Array.from(lengths), rowLength));
          expect(rows.flat().sort((a, b) => a - b)).toEqual([...order]);
          const fills = rows.map((row) =>
            row.reduce((sum, index) => sum + (lengths[index] ?? 0), 0),
          );
          for (const fill of fills) expect(fill).toBeLessThanOrEqual(rowLength);
          // Two rows that are half empty would have become one.
          expect(fills.filter((fill) => 2 * fill <= rowLength).length).toBeLessThanOrEqual(1);
        },
      ),
    );
  });
});

describe('BatchStream', () => {
  test('lays out ids, shifted targets, positions and starts', async () => {
    const stream = new BatchStream(source(LENGTHS), OPTIONS);
    const batch = await stream.next();
    expect([...batch.inputIds]).toEqual([1, 2, 3, 101, 102, 0, 201, 202, 203, 204, 0, 0]);
    expect([...batch.targets]).toEqual([
      2, -100, -100, 102, -100, -100, 202, -100, 204, -100, -100, -100,
    ]);
    expect([...batch.positions]).toEqual([0, 1, 2, 0, 1, 0, 0, 1, 2, 3, 0, 0]);
    expect([...batch.sequenceStarts]).toEqual([0, 0, 0, 3, 3, 5, 6, 6, 6, 6, 10, 11]);
    expect(batch).toMatchObject({ rows: 2, rowLength: 6, trainedTokens: 4, examples: 3 });
  });

  test('pads the last micro-batch of an epoch with rows and says that it is the last', async () => {
    const stream = new BatchStream(source(LENGTHS), { ...OPTIONS, rows: 3 });
    expect(stream.microBatchesPerEpoch).toBe(2);
    expect((await stream.next()).endOfEpoch).toBe(false);
    const last = await stream.next();
    expect(last.endOfEpoch).toBe(true);
    expect(last.examples).toBe(1);
    expect([...last.inputIds].filter((id) => id > 0)).toEqual([401]);
    expect(last.inputIds).toHaveLength(18);
    expect(stream.cursor).toEqual({ epoch: 1, microBatch: 0 });
  });

  test.each([
    [true, true],
    [true, false],
    [false, true],
    [false, false],
  ])('gives each example once an epoch (packing %s, shuffle %s)', async (packing, shuffle) => {
    const lengths = Array.from({ length: 60 }, (_, index) => 1 + ((index * 7) % 10));
    const indices = Uint32Array.from({ length: 50 }, (_, index) => index + 5);
    const options = { indices, rows: 3, rowLength: 10, packing, shuffle, seed: 1 };
    const stream = new BatchStream(source(lengths), options);
    const orders = [];
    for (let epoch = 0; epoch < 2; epoch++) {
      const order: number[] = [];
      for (let count = 0; count < stream.microBatchesPerEpoch; count++) {
        const { inputIds } = await stream.next();
        order.push(...[...inputIds].filter((id) => id % 100 === 1).map((id) => (id - 1) / 100));
      }
      expect([...order].sort((a, b) => a - b)).toEqual([...indices]);
      orders.push(order);
    }
    if (shuffle) expect(orders[1]).not.toEqual(orders[0]);
    else expect(orders).toEqual([[...indices], [...indices]]);
  });

  test('goes on from any cursor with the same bits, the cursor having been JSON', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 20 }),
        fc.integer({ min: 0, max: 30 }),
        fc.boolean(),
        fc.integer(),
        async (lengths, before, packing, seed) => {
          const indices = Uint32Array.from(lengths, (_, index) => index);
          const options = { ...OPTIONS, indices, packing, shuffle: true, seed };
          const first = new BatchStream(source(lengths), options);
          for (let count = 0; count < before; count++) await first.next();
          const second = new BatchStream(source(lengths), options);
          second.restore(JSON.parse(JSON.stringify(first.cursor)) as DataCursor);
          for (let count = 0; count < 5; count++) {
            expect(await second.next()).toEqual(await first.next());
          }
        },
      ),
      { numRuns: 30 },
    );
  });

  test('refuses a cursor of other data, rows too short, and nothing to train on', () => {
    const stream = new BatchStream(source(LENGTHS), OPTIONS);
    expect(() => stream.restore({ epoch: 0, microBatch: 2 })).toThrow('does not fit');
    expect(() => stream.restore({ epoch: -1, microBatch: 0 })).toThrow('does not fit');
    expect(() => new BatchStream(source(LENGTHS), { ...OPTIONS, rowLength: 5 })).toThrow(
      "example 3 has 6 tokens, more than a row's 5",
    );
    expect(
      () => new BatchStream(source(LENGTHS), { ...OPTIONS, rowLength: 5, packing: false }),
    ).toThrow('example 3 has 6 tokens');
    expect(() => new BatchStream(source([]), { ...OPTIONS, indices: new Uint32Array(0) })).toThrow(
      'no examples',
    );
  });
});

describe('splitDataset', () => {
  test('holds out round(fraction x count), at least 1, drawn by the seed', () => {
    const { train, evaluation } = splitDataset(10, 0.26, 3);
    expect(evaluation).toHaveLength(3);
    expect([...train, ...evaluation].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(splitDataset(10, 0.01, 3).evaluation).toHaveLength(1);
    expect(splitDataset(10, 0, 3).evaluation).toHaveLength(0);
    expect(splitDataset(1000, 0.1, 3)).toEqual(splitDataset(1000, 0.1, 3));
    expect(splitDataset(1000, 0.1, 3)).not.toEqual(splitDataset(1000, 0.1, 4));
    expect(() => splitDataset(1, 0.5, 3)).toThrow('leaves none to train on');
  });
});

test('a row is as long as the data need', () => {
  const dataset = { lengths: Uint32Array.of(5, 9, 3) };
  expect(rowLengthFor(dataset, { max_seq_length: 512, packing: false })).toBe(9);
  expect(rowLengthFor(dataset, { max_seq_length: 512, packing: true })).toBe(17);
  expect(rowLengthFor(dataset, { max_seq_length: 10, packing: true })).toBe(10);
});

test('SeededRandom draws each number equally often', () => {
  const random = new SeededRandom(42);
  const counts = new Array<number>(10).fill(0);
  for (let draw = 0; draw < 10_000; draw++) {
    const value = random.below(10);
    counts[value] = (counts[value] ?? 0) + 1;
  }
  // Five standard deviations of a binomial with n 10,000 and p 0.1, which is 30 each.
  for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(150);
});
