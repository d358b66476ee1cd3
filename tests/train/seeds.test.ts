import { expect, test } from 'vitest';
import { dropoutSeed } from '../../src/train/seeds';

test('is the same number again for the same micro-batch', () => {
  expect(dropoutSeed(42, 17, 3)).toBe(dropoutSeed(42, 17, 3));
});

test('differs for every micro-batch of a run, and between runs', () => {
  const seeds = new Set<number>();
  for (const seed of [0, 1, 42, 4294967295]) {
    for (let step = 0; step < 500; step++) {
      for (let microBatch = 0; microBatch < 8; microBatch++) {
        seeds.add(dropoutSeed(seed, step, microBatch));
      }
    }
  }
  // 16,000 draws from 2^32 hold 0.03 equal pairs on average; these hold none.
  expect(seeds.size).toBe(4 * 500 * 8);
});

test('is 32 bits, each set in about half of the seeds', () => {
  const seeds = Array.from({ length: 1000 }, (_, step) => dropoutSeed(42, step, 0));
  for (let bit = 0; bit < 32; bit++) {
    const set = seeds.filter((seed) => (seed >>> bit) & 1).length;
    // Five standard deviations of a fair coin.
    expect(Math.abs(set - 500)).toBeLessThan(80);
  }
  expect(seeds.every((seed) => seed >= 0 && seed < 2 ** 32 && Number.isInteger(seed))).toBe(true);
});
