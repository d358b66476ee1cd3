import type { TrainableModel } from '../model/trainable';
import type { MicroBatches } from './drawn-step';

export interface Evaluation {
  /** Mean of `-log p` over all trained tokens, dropout off. */
  loss: number;
  trainedTokens: number;
  examples: number;
}

/**
 * One pass over `batches`, which must stand at the start of an epoch.
 *
 * @param mayGoOn asked before each micro-batch; may wait.
 * @returns undefined when it was told not to go on; the model's loss sum is zero again then too.
 */
export async function evaluateEpoch(
  model: Pick<TrainableModel, 'evaluate' | 'readLoss'>,
  batches: Pick<MicroBatches, 'next'>,
  mayGoOn: () => Promise<boolean> = () => Promise.resolve(true),
): Promise<Evaluation | undefined> {
  let trainedTokens = 0;
  let examples = 0;
  let endOfEpoch = false;
  while (!endOfEpoch) {
    if (!(await mayGoOn())) {
      await model.readLoss();
      return undefined;
    }
    const batch = await batches.next();
    await model.evaluate(batch);
    trainedTokens += batch.trainedTokens;
    examples += batch.examples;
    endOfEpoch = batch.endOfEpoch;
  }
  return { loss: (await model.readLoss()) / trainedTokens, trainedTokens, examples };
}
