/** Training steps over random tokens, for benches. */

import type { PackedBatch } from '../data/batches';
import type { UpdateSettings } from '../engine/ops/optimizer';
import type { LlamaTraining } from '../model/llama-training';

/** A first update without clipping. */
export const UPDATE: UpdateSettings = {
  learningRate: 1e-4,
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  weightDecay: 0,
  biasCorrection1: 0.1,
  biasCorrection2: 0.001,
  maxGradNorm: 0,
};

/** Mean loss and seconds of one whole step, its reading included. */
export async function timeStep(
  training: LlamaTraining,
  batch: PackedBatch,
  microBatches: number,
): Promise<{ loss: number; seconds: number }> {
  const start = performance.now();
  const lossScale = 1 / (microBatches * batch.trainedTokens);
  for (let seed = 0; seed < microBatches; seed++) {
    await training.accumulate(batch, { lossScale, seed });
  }
  await training.update(UPDATE);
  const { lossSum } = await training.readStep();
  await training.idle();
  return { loss: lossSum * lossScale, seconds: (performance.now() - start) / 1000 };
}

/** Full rows, one example each, every token of which is trained. */
export function randomBatch(rows: number, rowLength: number, vocabulary: number): PackedBatch {
  const tokens = rows * rowLength;
  // Any numbers spread over the vocabulary: the work does not depend on them.
  const inputIds = Uint32Array.from({ length: tokens }, (_, t) => (t * 7919) % vocabulary);
  const isLast = (t: number) => (t + 1) % rowLength === 0;
  return {
    rows,
    rowLength,
    inputIds,
    targets: Int32Array.from(inputIds, (_, t) => (isLast(t) ? -100 : (inputIds[t + 1] ?? -100))),
    positions: Uint32Array.from(inputIds, (_, t) => t % rowLength),
    sequenceStarts: Uint32Array.from(inputIds, (_, t) => t - (t % rowLength)),
    trainedTokens: rows * (rowLength - 1),
    examples: rows,
  };
}
