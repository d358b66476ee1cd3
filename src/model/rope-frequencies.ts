/** Inverse frequencies of the rotary embedding, with the model's scaling. */

import type { LlamaConfig } from '../formats/llama-config';

/** What of a model's configuration the rotary embedding depends on. */
export type RopeConfig = Pick<LlamaConfig, 'head_dim' | 'rope_theta' | 'rope_scaling'>;

/**
 * [head_dim / 2] angles, in radians a position, by which the pairs of a head turn: theta^(−2i / head_dim), scaled. Computed in f32 in
 * the order of transformers' `modeling_rope_utils`, so that they differ from its own by the rounding of its `pow` only.
 */
export function ropeFrequencies(config: RopeConfig): Float32Array<ArrayBuffer> {
  const { head_dim: headDim, rope_scaling: scaling } = config;
  const theta = Math.fround(config.rope_theta);
  const plain = Float32Array.from(
    { length: headDim / 2 },
    (_, i) => 1 / Math.fround(theta ** Math.fround((2 * i) / headDim)),
  );
  if (scaling === null) return plain;
  const factor = Math.fround(scaling.factor);
  if (scaling.rope_type === 'linear') return plain.map((frequency) => frequency / factor);

  // Llama 3: long waves are stretched by the factor, short ones stay, those between are mixed.
  const context = scaling.original_max_position_embeddings;
  const { low_freq_factor: low, high_freq_factor: high } = scaling;
  const [longest, shortest] = [Math.fround(context / low), Math.fround(context / high)];
  return plain.map((frequency) => {
    const wavelength = dividedBy(2 * Math.PI, frequency);
    if (wavelength > longest) return frequency / factor;
    if (wavelength < shortest) return frequency;
    const aboveLow = Math.fround(dividedBy(context, wavelength) - Math.fround(low));
    const smooth = Math.fround(aboveLow / Math.fround(high - low));
    const stretched = Math.fround(Math.fround(Math.fround(1 - smooth) * frequency) / factor);
    return stretched + Math.fround(smooth * frequency);
  });
}

/** A plain number divided by an f32 of a tensor, which PyTorch does in two roundings. */
function dividedBy(value: number, divisor: number): number {
  return Math.fround(Math.fround(value) * Math.fround(1 / divisor));
}
