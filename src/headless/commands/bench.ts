import { join } from 'node:path';
import { describeFolder } from '../../model/llama-weights';
import { asPrediction } from '../../model/memory';
import { defineCommand } from '../command';
import { config, model, precision } from '../common-options';
import { readConfigFile } from '../config-file';
import { withTraining } from '../loaded-model';
import { openModel } from '../model-input';
import { withRuntime } from '../runtime';
import { randomBatch, timeStep } from '../step-timing';
import { report } from '../terminal';

const STARTER = join('public', 'starter');
const WARM_UP_STEPS = 1;
const MEASURED_STEPS = 5;

/** Measures training steps of a model on this machine's adapter. */
export const benchCommand = defineCommand({
  name: 'bench',
  summary: 'measures training steps of a model, by default the starter, over random tokens',
  options: {
    model: { ...model, required: false, read: ([word]: readonly string[]) => word },
    config,
    precision,
  },
  async work(values) {
    const settings = await readConfigFile(values.config);
    const folder = await openModel(values.model ?? join(process.cwd(), STARTER));
    const batch = { rows: settings.micro_batch_size, rowLength: settings.max_seq_length };
    const source = { folder, config: settings, batch };
    return withRuntime(values.precision, (runtime) =>
      withTraining(runtime, source, async (training) => {
        const tokens = randomBatch(batch.rows, batch.rowLength, folder.config.vocab_size);
        const microBatches = settings.gradient_accumulation_steps;
        const seconds: number[] = [];
        for (let step = 0; step < WARM_UP_STEPS + MEASURED_STEPS; step++) {
          const { seconds: taken } = await timeStep(training, tokens, microBatches);
          report(`step ${step + 1} of ${WARM_UP_STEPS + MEASURED_STEPS}: ${taken.toFixed(3)} s`);
          if (step >= WARM_UP_STEPS) seconds.push(taken);
        }
        const median = seconds.sort((a, b) => a - b)[MEASURED_STEPS >> 1] ?? NaN;
        const stepTokens = microBatches * batch.rows * batch.rowLength;
        return {
          adapter: runtime.gpu.name,
          model: folder.name,
          layers: describeFolder(folder).config.num_hidden_layers,
          method: settings.method,
          tokens_per_step: stepTokens,
          seconds_per_step: median,
          tokens_per_second: stepTokens / median,
          ...asPrediction(runtime.gpu.memory.byPurpose),
          peak_bytes: runtime.gpu.memory.peak,
        };
      }),
    );
  },
});
