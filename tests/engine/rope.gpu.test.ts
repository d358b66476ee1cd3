import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ActivationType } from '../../src/engine/ops/activation';
import { rope } from '../../src/engine/ops/rope';
import type { RopeScaling } from '../../src/formats/llama-config';
import { ropeFrequencies } from '../../src/model/rope-frequencies';
import fixture from '../fixtures/kernels/attention.json';
import { Bench, openTestGpu, type TestGpu } from '../gpu';
import { HALF_ROUNDING, nearestHalves, randomFloats, relativeError } from '../reference/numeric';
import { ropeReference } from '../reference/rope';

// Sine and cosine are right within 2e-7, and a rotation adds two products of 2^-24 each.
const TOLERANCE = 4e-7;

let context: TestGpu;
beforeAll(async () => {
  context = await openTestGpu();
});
afterAll(() => context.gpu.destroy());

describe.each(fixture.rotary)('RoPE with $scaling.rope_type scaling', (rotary) => {
  const { headDim, positions, theta, x, rotated } = rotary;
  const frequencies = ropeFrequencies({
    head_dim: headDim,
    rope_theta: theta,
    rope_scaling: rotary.scaling as RopeScaling | null,
  });

  it('has the frequencies of transformers', () => {
    // Torch's powers may be an ulp of f32 off, 1.2e-7, and scaling rounds a few times more.
    frequencies.forEach((frequency, i) => {
      expect(Math.abs(frequency / (rotary.frequencies[i] ?? NaN) - 1)).toBeLessThan(4e-7);
    });
    expect(frequencies.length).toBe(rotary.frequencies.length);
  });

  it('rotates like transformers', async () => {
    const actual = await rotate(
      Float32Array.from(x),
      positions,
      Float32Array.from(rotary.frequencies),
    );
    expect(relativeError(actual, rotated)).toBeLessThan(TOLERANCE);
  });
});

it('rotates any number of heads at any position, and back', async () => {
  const [heads, half] = [7, 20];
  const positions = [0, 1, 100, 4095, 8191, 65_535, 100_003, 131_071];
  const frequencies = Float32Array.from({ length: half }, (_, i) => 0.9 ** i);
  const x = randomFloats(positions.length * heads * 2 * half, 1);
  const expected = ropeReference(x, positions, frequencies, heads);
  expect(relativeError(await rotate(x, positions, frequencies), expected)).toBeLessThan(TOLERANCE);
  const back = await rotate(Float32Array.from(expected), positions, frequencies, true);
  expect(relativeError(back, x)).toBeLessThan(2 * TOLERANCE);
});

it('rotates what is kept in 16 bits', async () => {
  const [heads, half] = [3, 5];
  const positions = [0, 7, 4095];
  const frequencies = Float32Array.from({ length: half }, (_, i) => 0.9 ** i);
  const x = nearestHalves(randomFloats(positions.length * heads * 2 * half, 2));
  const expected = ropeReference(x, positions, frequencies, heads);
  const actual = await rotate(x, positions, frequencies, false, 'f16');
  expect(relativeError(actual, expected)).toBeLessThan(HALF_ROUNDING);
});

async function rotate(
  x: Float32Array<ArrayBuffer>,
  positions: readonly number[],
  frequencies: Float32Array<ArrayBuffer>,
  inverse = false,
  type: ActivationType = 'f32',
): Promise<Float32Array> {
  const tokens = positions.length;
  const headDim = 2 * frequencies.length;
  const heads = x.length / tokens / headDim;
  const bench = new Bench(context);
  const tensor = bench.input('x', [tokens, heads * headDim], x, type);
  rope(bench.plan, {
    label: 'rope',
    x: tensor,
    positions: bench.raw('positions', [tokens], 'u32', Uint32Array.from(positions)),
    frequencies: bench.input('frequencies', [frequencies.length], frequencies),
    tokens,
    heads,
    headDim,
    inverse,
  });
  await bench.run();
  const result = await bench.read(tensor);
  bench.destroy();
  return result;
}
