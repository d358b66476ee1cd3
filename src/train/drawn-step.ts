import type { BatchStream, DataCursor, PackedBatch } from '../data/batches';

/** What training asks of the stream of micro-batches. */
export type MicroBatches = Pick<
  BatchStream,
  'microBatchesPerEpoch' | 'examplesPerEpoch' | 'next' | 'cursor' | 'restore'
>;

/** The micro-batches of one step. */
export interface DrawnStep {
  batches: PackedBatch[];
  /** Of all micro-batches together, by which the gradients are normalised. */
  trainedTokens: number;
  examples: number;
  /** Where the next step begins. */
  cursorAfter: DataCursor;
}

/** Draws the micro-batches of the next step: `accumulation` of them, or what is left of the epoch. */
export async function drawStep(stream: MicroBatches, accumulation: number): Promise<DrawnStep> {
  const batches: PackedBatch[] = [];
  let trainedTokens = 0;
  let examples = 0;
  let endOfEpoch = false;
  while (batches.length < accumulation && !endOfEpoch) {
    const batch = await stream.next();
    batches.push(batch);
    trainedTokens += batch.trainedTokens;
    examples += batch.examples;
    endOfEpoch = batch.endOfEpoch;
  }
  return { batches, trainedTokens, examples, cursorAfter: stream.cursor };
}
