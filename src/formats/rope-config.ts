import type { JsonFields } from './json-fields';

/** How the rotary embedding's frequencies are stretched for contexts longer than the pretrained one. */
export type RopeScaling =
  | { readonly rope_type: 'linear'; readonly factor: number }
  | {
      readonly rope_type: 'llama3';
      readonly factor: number;
      readonly low_freq_factor: number;
      readonly high_freq_factor: number;
      readonly original_max_position_embeddings: number;
    };

const DEFAULT_THETA = 10_000;
const THETA = { minimum: 1, maximum: 1e12 };
const FACTOR = { minimum: 1e-3, maximum: 1e6 };
const POSITIONS = { minimum: 1, maximum: 2 ** 27 };

/**
 * The rotary embedding's base and scaling out of `config.json`, in either style. As in transformers 5, `rope_scaling` wins over
 * `rope_parameters` where both are there, and a `rope_theta` inside the one that counts wins over the one outside.
 */
export function parseRope(
  config: JsonFields,
  maxPositions: number,
): { rope_theta: number; rope_scaling: RopeScaling | null } {
  const outerTheta = config.number('rope_theta', THETA, DEFAULT_THETA);
  const rope = nonEmpty(config.child('rope_scaling')) ?? nonEmpty(config.child('rope_parameters'));
  if (rope === undefined) return { rope_theta: outerTheta, rope_scaling: null };
  if (rope.number('partial_rotary_factor', { minimum: 0, maximum: 1 }, 1) !== 1) {
    rope.fail('partial_rotary_factor', 'must be 1');
  }
  return {
    rope_theta: rope.number('rope_theta', THETA, outerTheta),
    rope_scaling: parseScaling(rope, maxPositions),
  };
}

function parseScaling(rope: JsonFields, maxPositions: number): RopeScaling | null {
  // `type` is the name that configurations before 2024 use.
  const key = rope.has('rope_type') ? 'rope_type' : 'type';
  const type = rope.string(key, 'default');
  switch (type) {
    case 'default':
      return null;
    case 'linear':
      return { rope_type: type, factor: rope.number('factor', FACTOR) };
    case 'llama3': {
      const low = rope.number('low_freq_factor', FACTOR);
      const high = rope.number('high_freq_factor', FACTOR);
      if (low >= high) rope.fail('low_freq_factor', `must be below high_freq_factor (${high})`);
      return {
        rope_type: type,
        factor: rope.number('factor', FACTOR),
        low_freq_factor: low,
        high_freq_factor: high,
        original_max_position_embeddings: rope.integer(
          'original_max_position_embeddings',
          POSITIONS,
          maxPositions,
        ),
      };
    }
    default:
      return rope.fail(key, 'must be "default", "linear" or "llama3"');
  }
}

function nonEmpty(fields: JsonFields | undefined): JsonFields | undefined {
  return fields !== undefined && fields.keys.length > 0 ? fields : undefined;
}
