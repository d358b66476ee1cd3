import { join } from 'node:path';
import type { PackedBatch } from '../../data/batches';
import type { LlamaTraining } from '../../model/llama-training';
import { describeFolder } from '../../model/llama-weights';
import { asPrediction } from '../../model/memory';
import { defineCommand } from '../command';
import { config, model, precision } from '../common-options';
import { readConfigFile } from '../config-file';
import { withTraining } from '../loaded-model';
import { openModel } from '../model-input';
import { withRuntime } from '../runtime';
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
          const taken = await timeStep(training, tokens, microBatches);
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

/** Seconds of one whole step, its reading included. */
async function timeStep(
  training: LlamaTraining,
  batch: PackedBatch,
  microBatches: number,
): Promise<number> {
  const start = performance.now();
  const lossScale = 1 / (microBatches * batch.trainedTokens);
  for (let seed = 0; seed < microBatches; seed++) {
    await training.accumulate(batch, { lossScale, seed });
  }
  await training.update({
    learningRate: 1e-4,
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-8,
    weightDecay: 0,
    biasCorrection1: 0.1,
    biasCorrection2: 0.001,
    maxGradNorm: 1,
  });
  await training.readStep();
  await training.idle();
  return (performance.now() - start) / 1000;
}

/** Full rows, one example each, every token of which is trained. */
function randomBatch(rows: number, rowLength: number, vocabulary: number): PackedBatch {
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
