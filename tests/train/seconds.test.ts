import { expect, test } from 'vitest';
import { TinyModel } from '../reference/tiny-model';
import { newRun, randomExamples, VOCABULARY } from './training-bench';

test("a step's seconds are those at which its own work was done, not the next step's", async () => {
  let milliseconds = 0;
  /** As on a GPU, readings of what came before are there while a micro-batch is at work; each takes a second. */
  class BusyModel extends TinyModel {
    override async accumulate(...work: Parameters<TinyModel['accumulate']>): Promise<void> {
      await new Promise((resolve) => setTimeout(resolve));
      milliseconds += 1000;
      return super.accumulate(...work);
    }
  }
  const { trainer, told } = newRun({
    config: { max_steps: 4, save_steps: 100, gradient_accumulation_steps: 1, packing: false },
    examples: randomExamples(4, 3),
    model: new BusyModel({ vocabulary: VOCABULARY, hidden: 3 }),
    parts: { now: () => milliseconds },
  });
  await trainer.run(told);
  expect(told.lines.map(({ seconds }) => seconds)).toEqual([1, 2, 3, 4]);
});
