import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseTrainingConfig, type TrainingConfig } from '../../src/config';
import type { LlamaFolder } from '../../src/formats/llama-folder';
import { openTraining } from '../../src/model/open-training';
import type { TrainableModel } from '../../src/model/trainable';
import { runBatches } from '../../src/train/run-batches';
import { Trainer } from '../../src/train/trainer';
import { openTestGpu, type TestGpu } from '../gpu';
import { fixtureFolder, readResults } from '../model/fixture';
import { bitsOf, exampleSource, Told, withoutSeconds, type SmallExample } from './training-bench';

let folder: LlamaFolder;
let examples: SmallExample[];
beforeAll(async () => {
  folder = await fixtureFolder();
  const fixture = await readResults();
  const wanted = Array.from({ length: 3 }, () => fixture.examples).flat();
  examples = wanted.map((ids) => ({ input_ids: ids, labels: ids }));
});

/** One session with a model of its own, loaded from the files; `prepare` may interrupt it. */
async function session(
  runtime: TestGpu,
  config: TrainingConfig,
  told: Told,
  prepare: (trainer: Trainer, model: TrainableModel) => Promise<void> | void = () => undefined,
) {
  const batches = runBatches(exampleSource(examples), config);
  const open = await openTraining(runtime, { folder, config, batch: batches.shape });
  try {
    const trainer = new Trainer({ model: open.model, config, ...batches });
    await prepare(trainer, open.model);
    return await trainer.run(told);
  } finally {
    open.destroy();
  }
}

/** Has the trainer stopped right after the given micro-batch of the session is submitted. */
function stopAfter(trainer: Trainer, model: TrainableModel, microBatches: number): void {
  const accumulate = model.accumulate.bind(model);
  let submitted = 0;
  model.accumulate = async (batch, step) => {
    await accumulate(batch, step);
    if (++submitted === microBatches) trainer.stop();
  };
}

// The first session of each method compiles its shaders, which takes a software GPU a minute or two when it shares its cores.
const COMPILING = 400_000;

describe.each([
  {
    type: 'f16',
    without: [],
    settings: {
      method: 'qlora',
      lora_dropout: 0.2,
      target_modules: ['q_proj', 'v_proj', 'down_proj'],
    },
  },
  {
    type: 'f32',
    without: ['f16'] as const,
    settings: { method: 'full', max_grad_norm: 0.5, weight_decay: 0.1 },
  },
])('a Llama on the GPU, $settings.method, activations kept as $type', ({ without, settings }) => {
  let runtime: TestGpu;
  beforeAll(async () => {
    runtime = await openTestGpu({ without });
  });
  afterAll(() => runtime.gpu.destroy());
  const config = parseTrainingConfig({
    ...settings,
    r: 4,
    learning_rate: 0.01,
    packing: false,
    micro_batch_size: 2,
    gradient_accumulation_steps: 2,
    max_steps: 6,
    eval_fraction: 0.2,
    eval_steps: 2,
    save_steps: 2,
  });

  it(
    'stopped in the middle of a step and resumed in another model, ends with the same bits',
    async () => {
      const whole = new Told();
      expect(await session(runtime, config, whole)).toEqual({ end: 'finished' });

      const told = new Told();
      const first = await session(runtime, config, told, (trainer, model) =>
        stopAfter(trainer, model, 5),
      );
      expect(first).toEqual({ end: 'stopped' });
      expect(told.last.progress.step).toBeLessThan(4);
      const second = await session(runtime, config, told, (trainer) => trainer.restore(told.last));
      expect(second).toEqual({ end: 'finished' });

      expect(withoutSeconds(told.lines)).toEqual(withoutSeconds(whole.lines));
      expect(bitsOf(told.last)).toEqual(bitsOf(whole.last));
    },
    COMPILING,
  );

  it('learns: the loss on the examples it sees falls', async () => {
    const told = new Told();
    await session(runtime, { ...config, max_steps: 12, lr_scheduler_type: 'constant' }, told);
    const [first = NaN, last = NaN] = [told.losses[0], told.losses.at(-1)];
    expect(last).toBeLessThan(first);
    expect(told.lines.every(({ skipped }) => skipped === undefined)).toBe(true);
  });

  it('with a rate that throws the weights off, ends as diverged and keeps its sound checkpoint', async () => {
    const told = new Told();
    // Divided by the first bias correction it is beyond f32, so the first update leaves no finite weight.
    const wild = { ...config, learning_rate: 1e38, lr_scheduler_type: 'constant' as const };
    const outcome = await session(runtime, { ...wild, save_steps: 100, eval_fraction: 0 }, told);
    expect(outcome).toMatchObject({ end: 'diverged' });
    expect(told.events.filter((event) => !event.startsWith('step'))).toEqual(['start 0']);
  });
});
