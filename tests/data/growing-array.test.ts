import { describe, expect, it } from 'vitest';
import { GrowingArray } from '../../src/data/growing-array';

describe('GrowingArray', () => {
  it('gives back what was added, one by one and many at once, across its chunks', () => {
    const expected: number[] = [];
    const array = new GrowingArray(Uint32Array);
    for (const count of [1, 70_000, 3, 65_536, 200_000, 0, 5]) {
      const values = Uint32Array.from({ length: count }, (_, i) => 7 * i + count);
      array.append(values);
      array.push(count);
      for (const value of values) expected.push(value);
      expected.push(count);
    }
    expect(array.length).toBe(expected.length);
    expect(array.take()).toEqual(Uint32Array.from(expected));
  });

  it('is empty once what was in it is taken', () => {
    const array = new GrowingArray(Uint8Array);
    expect(array.take()).toEqual(new Uint8Array());
    array.append(new Uint8Array(65_536).fill(1));
    array.take();
    array.push(9);
    expect(array.length).toBe(1);
    expect(array.take()).toEqual(Uint8Array.of(9));
  });
});
