import { describe, expect, it } from 'vitest';
import { memorySource } from '../../src/formats/byte-source';
import { fingerprint } from '../../src/formats/fingerprint';

const SMALL = new TextEncoder().encode('{"model_type": "llama"}');
const LARGE = Uint8Array.from({ length: 6 * 2 ** 20 }, (_, i) => (i * 31) >>> 5);

const of = (weights: Uint8Array<ArrayBuffer>, config = SMALL, name = 'model.safetensors') =>
  fingerprint([memorySource(name, weights), memorySource('config.json', config)]);

function changed(
  bytes: Uint8Array<ArrayBuffer>,
  from: number,
  to: number,
): Uint8Array<ArrayBuffer> {
  return bytes.map((byte, i) => (i >= from && i < to ? byte ^ 1 : byte));
}

describe('fingerprint', () => {
  it('is the same for the same files in any order', async () => {
    const [config, weights] = [
      memorySource('config.json', SMALL),
      memorySource('model.safetensors', LARGE),
    ];
    expect(await fingerprint([config, weights])).toBe(await fingerprint([weights, config]));
    expect(await of(LARGE)).toMatch(/^[0-9a-f]{64}$/);
  });

  it.each([
    ['one byte of a small file', of(LARGE, changed(SMALL, 3, 4))],
    ['a name', of(LARGE, SMALL, 'other.safetensors')],
    ['the last byte', of(changed(LARGE, LARGE.length - 1, LARGE.length))],
    ['the first byte', of(changed(LARGE, 0, 1))],
    ['a twentieth of the weights in the middle', of(changed(LARGE, 3e6, 3.3e6))],
    ['the length', of(LARGE.slice(0, -1))],
  ])('is another where %s differs', async (_, other) => {
    expect(await other).not.toBe(await of(LARGE));
  });
});
