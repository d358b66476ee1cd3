/** Choosing the next token from its logits, on the GPU, so that generation reads back token ids and nothing else. */

import { u32, type Plan } from '../plan';
import type { Tensor } from '../tensor';

const WORKGROUP_SIZE = 256;

/** How a token is chosen. The steps come in the order of transformers: temperature, then top-k, then top-p. */
export interface SamplingSettings {
  /** Logits are divided by it; 0 takes the largest, the lowest index where several are. */
  readonly temperature: number;
  /** Keeps the smallest set of most likely tokens whose probabilities reach it; 1 keeps all. */
  readonly topP: number;
  /** Keeps the k largest logits; 0 keeps all. */
  readonly topK: number;
  readonly seed: number;
}

/** Words of {@link encodeSamplingSettings}. */
export const SAMPLING_WORDS = 5;

/** Contents of the settings tensor of {@link sample}. `step` numbers the tokens of a text: seed and step give the random number. */
export function encodeSamplingSettings(
  settings: SamplingSettings,
  step: number,
): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(SAMPLING_WORDS);
  const floats = new Float32Array(words.buffer);
  floats[0] = settings.temperature;
  floats[1] = settings.topP;
  words[2] = settings.topK;
  words[3] = settings.seed;
  words[4] = step;
  return words;
}

/**
 * out [1] = a token drawn from softmax(logits / temperature), after top-k and top-p. Tokens with equal logits are kept or left out
 * together: all that equal the k-th largest stay, and so do all that equal the last one that top-p needs.
 *
 * The same logits, settings and step give the same token on the same machine.
 */
export function sample(
  plan: Plan,
  sampling: {
    readonly label: string;
    /** [1, vocabulary] */
    readonly logits: Tensor;
    /** u32 [SAMPLING_WORDS], see {@link encodeSamplingSettings}. */
    readonly settings: Tensor;
    /** u32 [1] */
    readonly out: Tensor;
    readonly vocab: number;
  },
): void {
  const { label, logits, settings, out, vocab } = sampling;
  plan.dispatch({
    label,
    kernel: { module: 'sample', constants: { workgroup_size: WORKGROUP_SIZE } },
    params: [u32(vocab)],
    tensors: [logits, settings, out],
    workgroups: [1, 1, 1],
    // About 30 passes over the logits where top-k and top-p are both on, by one workgroup that keeps a device from its other work.
    cost: 30 * vocab,
  });
}
