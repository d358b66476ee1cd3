/** Our training step on its own: tokens per second and GFLOPS of one shape, and where its time goes. */

import { parseTrainingConfig } from '../src/config';
import { Runtime } from '../src/engine/runtime';
import {
  choice,
  flag,
  integerBetween,
  numberBetween,
  optional,
  type OptionValues,
} from '../src/headless/options';
import { randomBatch, timeStep } from '../src/headless/step-timing';
import { openTraining } from '../src/model/open-training';
import type { BenchContext } from './measure';
import { MODEL_OPTIONS, withModel } from './models';
import { knownPeak } from './peaks';
import { printProfile } from './profile-table';
import { stepFlops } from './step-flops';

/** What `npm run bench -- step` takes. */
export const STEP_OPTIONS = {
  ...MODEL_OPTIONS,
  rows: optional(
    { placeholder: 'N', help: 'rows of the batch, 1 unless said' },
    integerBetween(1, 1024),
  ),
  sequence: optional(
    { placeholder: 'N', help: 'tokens of a row, 512 unless said' },
    integerBetween(2, 131_072),
  ),
  method: optional(
    { placeholder: 'qlora|lora', help: 'over NF4 (the default) or over bf16 weights' },
    choice(['qlora', 'lora']),
  ),
  precision: optional(
    { placeholder: 'auto|f32', help: 'how kept activations are stored; auto unless said' },
    choice(['auto', 'f32']),
  ),
  steps: optional(
    { placeholder: 'N', help: 'steps to time, the shortest counts; 5 unless said' },
    integerBetween(1, 1000),
  ),
  peak: optional(
    { placeholder: 'GFLOPS', help: "the adapter's f32 peak, where it is not known" },
    numberBetween(1, 1e9),
  ),
  profile: flag('lists where the time goes, by kernel; needs timestamps'),
};

/** Prints tokens per second and GFLOPS of the shortest of some steps. */
export async function timeTrainingStep(
  { gpu }: BenchContext,
  values: OptionValues<typeof STEP_OPTIONS>,
): Promise<void> {
  const {
    shape = 'starter',
    layers,
    rows = 1,
    sequence = 512,
    method = 'qlora',
    steps = 5,
  } = values;
  const batch = { rows, rowLength: sequence };
  const config = parseTrainingConfig({ method });
  await withModel(shape, layers, async (folder) => {
    const runtime = new Runtime(gpu);
    const open = await openTraining(runtime, { folder, config, batch });
    const tokens = randomBatch(rows, sequence, folder.config.vocab_size);
    await timeStep(open.model, tokens, 1);
    let seconds = Infinity;
    for (let step = 0; step < steps; step++) {
      seconds = Math.min(seconds, (await timeStep(open.model, tokens, 1)).seconds);
    }
    const gflops = stepFlops(folder.config, batch, config.r) / seconds / 1e9;
    const peak = values.peak ?? knownPeak(gpu.name);
    const share = peak === undefined ? '' : `, ${((100 * gflops) / peak).toFixed(1)} % of ${peak}`;
    const { num_hidden_layers: count } = folder.config;
    console.log(
      `${shape}, ${count} layers, ${method} rank ${config.r}, ${rows} x ${sequence} tokens: ` +
        `${((rows * sequence) / seconds).toFixed(1)} tokens/s, ${gflops.toFixed(2)} GFLOPS${share}`,
    );
    if (values.profile) {
      const plan = await runtime.compile(open.planned.graph.accumulate);
      await printProfile(runtime, plan);
      plan.destroy();
    }
    open.destroy();
  });
}
