import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeFloats, encodeFloats, firstNonFinite } from '../../src/formats/float-codec';

const bytesOf = (...halves: number[]): Uint8Array => new Uint8Array(new Uint16Array(halves).buffer);
const halvesOf = (bytes: Uint8Array): number[] => [
  ...new Uint16Array(new Uint8Array(bytes).buffer),
];
const f32 = (...values: number[]): Float32Array => new Float32Array(values);

describe('decodeFloats and encodeFloats', () => {
  it('know the landmarks of IEEE binary16', () => {
    const landmarks: [number, number][] = [
      [0x0000, 0],
      [0x8000, -0],
      [0x3c00, 1],
      [0xc000, -2],
      [0x7bff, 65504],
      [0x0400, 2 ** -14],
      [0x0001, 2 ** -24],
      [0x03ff, 1023 * 2 ** -24],
      [0x7c00, Infinity],
      [0x3555, 0.333251953125],
    ];
    const halves = landmarks.map(([half]) => half);
    const values = landmarks.map(([, value]) => value);
    expect([...decodeFloats(bytesOf(...halves), 'F16')]).toEqual(values);
    expect(halvesOf(encodeFloats(f32(...values), 'F16'))).toEqual(halves);
  });

  it('know the landmarks of bfloat16', () => {
    expect([...decodeFloats(bytesOf(0x3f80, 0xc049, 0x7f80, 0x0001), 'BF16')]).toEqual([
      1,
      -3.140625,
      Infinity,
      2 ** -133,
    ]);
    expect(halvesOf(encodeFloats(f32(1, -3.140625, Infinity), 'BF16'))).toEqual([
      0x3f80, 0xc049, 0x7f80,
    ]);
  });

  it.each(['F16', 'BF16'] as const)('give every finite %s number back as it was', (dtype) => {
    const all = Uint16Array.from({ length: 65536 }, (_, half) => half);
    const decoded = decodeFloats(new Uint8Array(all.buffer), dtype);
    const again = new Uint16Array(encodeFloats(decoded, dtype).buffer);
    const changed = all.filter((half, i) => !Number.isNaN(decoded[i]) && again[i] !== half);
    expect([...changed]).toEqual([]);
    expect(decodeFloats(encodeFloats(f32(NaN), dtype), dtype)[0]).toBeNaN();
  });

  it.each(['F16', 'BF16'] as const)('round to the nearest %s, ties to even', (dtype) => {
    fc.assert(
      fc.property(fc.nat(0x7bfe), fc.double({ min: 0, max: 1, noNaN: true }), (half, part) => {
        const [low = 0, high = 0] = decodeFloats(bytesOf(half, half + 1), dtype);
        const value = Math.fround(low + (high - low) * part);
        const middle = (low + high) / 2;
        const even = half % 2 === 0 ? half : half + 1;
        const nearest = value === middle ? even : value < middle ? half : half + 1;
        expect(halvesOf(encodeFloats(f32(value, -value), dtype))).toEqual([
          nearest,
          nearest | 0x8000,
        ]);
      }),
      {
        numRuns: 2000,
        examples: [
          [0, 0.5],
          [1, 0.5],
          [0x03ff, 0.5],
          [0x0400, 0.5],
        ],
      },
    );
  });

  it('overflow to infinity as torch does', () => {
    expect(halvesOf(encodeFloats(f32(65519, 65520, -1e30), 'F16'))).toEqual([
      0x7bff, 0x7c00, 0xfc00,
    ]);
  });

  it('F32 is copied', () => {
    const values = f32(1.5, -2);
    expect(decodeFloats(encodeFloats(values, 'F32'), 'F32')).toEqual(values);
  });
});

it('firstNonFinite finds infinities and NaN', () => {
  expect(firstNonFinite(f32(1, 2, 3))).toBe(-1);
  expect(firstNonFinite(f32(1, -Infinity, NaN))).toBe(1);
  expect(firstNonFinite(f32(NaN))).toBe(0);
});
