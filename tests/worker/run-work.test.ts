import { describe, expect, it } from 'vitest';
import { parseTrainingConfig, type TrainingConfig } from '../../src/config';
import { describeFolder } from '../../src/model/llama-weights';
import { countsBetween, countsOfRun, runWork, workOfCounts } from '../../src/worker/run-work';
import { fixtureFolder } from '../model/fixture';
import { exampleSource } from '../train/training-bench';

const description = describeFolder(await fixtureFolder());

/** Sixteen examples that fill a row each. */
const DATA = exampleSource(
  Array.from({ length: 16 }, () => {
    const ids = Array.from({ length: 64 }, (_, id) => id);
    return { input_ids: ids, labels: ids };
  }),
);

function config(settings: Partial<TrainingConfig> = {}): TrainingConfig {
  return parseTrainingConfig({ max_seq_length: 64, eval_steps: 10, max_steps: 30, ...settings });
}

function workOf(settings: Partial<TrainingConfig> = {}, prompts = 2, software = false) {
  return runWork(description, config(settings), DATA, prompts, software);
}

const metrics = (step: number, evaluated = false) => ({
  step,
  epoch: 0,
  loss: 1,
  learning_rate: 1,
  grad_norm: 1,
  trained_tokens: 1,
  seconds: step,
  ...(evaluated && { eval_loss: 1 }),
});

describe('the work of a run', () => {
  it('computes blocks twice with gradient checkpointing, but for the last', () => {
    const without = workOf({ gradient_checkpointing: false }).microBatch.multiplyAdds;
    const { multiplyAdds } = workOf({ gradient_checkpointing: true }).microBatch;
    expect(multiplyAdds).toBeGreaterThan(1.1 * without);
    expect(multiplyAdds).toBeLessThan(1.5 * without);
  });

  it('grows with rows in proportion, attention included: examples of different rows do not meet', () => {
    const one = workOf({ micro_batch_size: 1 }).microBatch.multiplyAdds;
    const four = workOf({ micro_batch_size: 4 }).microBatch.multiplyAdds;
    expect(four / one).toBeCloseTo(4, 5);
  });

  it('of a step has the accumulated micro-batches, no more than the data have', () => {
    const step = (count: number) =>
      workOf({ gradient_accumulation_steps: count }).step.multiplyAdds;
    expect(step(4) / step(2)).toBeCloseTo(2, 1);
    expect(step(64)).toBe(step(16));
  });

  it('of full fine-tuning is more than that of an adapter', () => {
    const full = workOf({ method: 'full', quantization: 'none' }).microBatch.multiplyAdds;
    // Checkpointed both; a third product a linear beside two and the recomputed one.
    expect(full).toBeGreaterThan(1.1 * workOf({ r: 1 }).microBatch.multiplyAdds);
  });

  it('has evaluations only of what is held out, and samples only of prompts, shorter on a CPU', () => {
    expect(workOf().evaluation.multiplyAdds).toBe(0);
    const tenth = workOf({ eval_fraction: 0.125 }).evaluation.multiplyAdds;
    expect(workOf({ eval_fraction: 0.25 }).evaluation.multiplyAdds).toBe(2 * tenth);
    expect(tenth).toBeLessThan(workOf({ micro_batch_size: 2 }).microBatch.multiplyAdds);
    expect(workOf({}, 0).samples.multiplyAdds).toBe(0);
    expect(workOf({}, 2).samples.multiplyAdds).toBe(2 * workOf({}, 1).samples.multiplyAdds);
    expect(workOf({}, 1, true).samples.launches).toBeLessThan(workOf({}, 1).samples.launches / 2);
  });

  it('is counted from the first step to the last, with what is done at the ends', () => {
    const settings = config({ max_steps: 25 });
    const { totalSteps } = workOf({ max_steps: 25 });
    expect(countsOfRun(totalSteps, settings, { prompts: 1, everySteps: 10 })).toEqual({
      steps: 25,
      evaluations: 3,
      samples: 4,
    });
    const work = workOf({ eval_fraction: 0.125 });
    expect(workOfCounts(work, { steps: 2, evaluations: 1, samples: 0 }).multiplyAdds).toBe(
      2 * work.step.multiplyAdds + work.evaluation.multiplyAdds,
    );
  });

  it('that was done is what lies between the times of the first step and the last', () => {
    // Steps 1 to 10; evaluated after 5 and 10, samples after 4 and 8: what follows step 10 is not in its time.
    const lines = Array.from({ length: 10 }, (_, i) => metrics(i + 1, (i + 1) % 5 === 0));
    expect(countsBetween(lines, 4)).toEqual({ steps: 9, evaluations: 1, samples: 2 });
    expect(countsBetween(lines.slice(3), 4)).toEqual({ steps: 6, evaluations: 1, samples: 2 });
    expect(countsBetween(lines.slice(4, 8), 4)).toEqual({ steps: 3, evaluations: 1, samples: 0 });
  });
});
