import { expect, it } from 'vitest';
import { ropeFrequencies } from '../../src/model/rope-frequencies';

// The one frequency of a head of 2 is scaled from 1, so no power's rounding hides that of the scaling. An ulp of it turns position 100,000 by
// 0.006 radians too much. All expected values are `LlamaRotaryEmbedding.inv_freq` of transformers 5.

it('divides by factors that are no f32 as transformers does', () => {
  const linear = { rope_type: 'linear', factor: 1.7 } as const;
  expect(frequencies({ rope_scaling: linear })).toEqual([0.5882352590560913]);
});

it.each([
  [7.77, 0.3, 3.7, 10, 0.459678590297699],
  [7.77, 0.3, 2.1, 7, 0.5227622389793396],
  [7.77, 1.3, 3.7, 11, 0.2923245429992676],
  [7.77, 0.3, 3.7, 2, 0.13339228928089142],
  [1.7, 0.3, 3.7, 10, 0.7446513175964355],
  [1.7, 1.3, 3.7, 11, 0.6655619740486145],
  [3.3, 0.3, 2.1, 7, 0.6182482242584229],
  [3.3, 0.3, 3.7, 2, 0.30678364634513855],
])('mixes waves as transformers does: factor %f, %f to %f of %i', (...numbers) => {
  const [factor, low, high, context, expected] = numbers;
  const scaling = {
    rope_type: 'llama3',
    factor,
    low_freq_factor: low,
    high_freq_factor: high,
    original_max_position_embeddings: context,
  } as const;
  expect(frequencies({ rope_scaling: scaling })).toEqual([expected]);
});

it('takes powers of the base as an f32', () => {
  expect(frequencies({ head_dim: 4, rope_theta: 99.7 })).toEqual([1, 0.10015034675598145]);
});

function frequencies(config: Partial<Parameters<typeof ropeFrequencies>[0]>): number[] {
  return [...ropeFrequencies({ head_dim: 2, rope_theta: 10_000, rope_scaling: null, ...config })];
}
