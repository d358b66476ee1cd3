/** How much arithmetic a training step cannot do without, by which steps of any program can be compared. */

import { TARGET_MODULES } from '../src/config';
import type { LlamaConfig } from '../src/formats/llama-config';
import { linearShape, llamaShape } from '../src/model/llama-shape';
import type { BatchShape } from '../src/model/planned-training';

/**
 * Floating-point operations of forward, loss and backward with a frozen base and an adapter of rank `rank` on all seven linears. What a
 * program computes twice to save memory, or computes and masks, does not count; a multiply-add is two.
 */
export function stepFlops(config: LlamaConfig, batch: BatchShape, rank: number): number {
  const shape = llamaShape(config);
  const { layers, hidden, vocabulary, query } = shape;
  const linears = TARGET_MODULES.map((module) => linearShape(shape, module));
  // Forward and the gradient of the input.
  const frozen = 4 * sum(linears.map(([out, input]) => out * input));
  // Beside the same two for A and B, their own gradients.
  const adapter = 6 * rank * sum(linears.map(([out, input]) => out + input));
  // Two products of each query with the keys up to its own in forward, five in backward.
  const attention = 7 * query * (batch.rowLength + 1);
  const perToken = layers * (frozen + adapter + attention) + 4 * hidden * vocabulary;
  return batch.rows * batch.rowLength * perToken;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
