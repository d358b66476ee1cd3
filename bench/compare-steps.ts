/** Our training step beside those of jax-js and tfjs, in one run on one adapter, taking turns. */

import { parseTrainingConfig } from '../src/config';
import type { Runtime } from '../src/engine/runtime';
import type { LlamaFolder } from '../src/formats/llama-folder';
import { randomBatch, timeStep, UPDATE } from '../src/headless/step-timing';
import { llamaShape } from '../src/model/llama-shape';
import { initialLora, loraScale, loraSites } from '../src/model/lora';
import { openTraining } from '../src/model/open-training';
import type { BatchShape } from '../src/model/planned-training';
import { openJax } from './contenders';
import { jaxLlama } from './jax-llama';
import type { LlamaRun } from './llama-run';
import { withModel, type ModelName } from './models';
import { stepFlops } from './step-flops';
import { tfjsLlama } from './tfjs-llama';

interface Case extends BatchShape {
  readonly model: ModelName;
  readonly layers?: number;
}

const CASES: readonly Case[] = [
  { model: 'starter', layers: 2, rows: 4, rowLength: 64 },
  { model: 'smollm2-135m', layers: 2, rows: 1, rowLength: 64 },
];
/** Nothing is computed twice on either side; `qlora` differs by its 4-bit weights. */
const CONFIGS = (['lora', 'qlora'] as const).map((method) =>
  parseTrainingConfig({ method, gradient_checkpointing: false }),
);
/** Steps whose losses are compared: the first compares forward, the others gradients and updates too. */
const COMPARED_STEPS = 3;
/**
 * All compute in f32, which rounds a loss to about 1e-7 of itself; AdamW's first updates turn gradients that are all rounding into whole
 * steps, which moves the later losses by a little more.
 */
const TOLERANCE = 1e-5;
const ROUNDS = 3;

/** Anything that can take a step and tell its loss. */
interface Contender {
  readonly label: string;
  readonly step: () => Promise<number>;
}

/** Prints tokens per second and GFLOPS of everyone, and ours as a multiple of the fastest other library's. */
export async function compareSteps(runtime: Runtime): Promise<void> {
  await openJax();
  for (const one of CASES) {
    await withModel(one.model, one.layers, (folder) => compareCase(runtime, folder, one));
  }
}

async function compareCase(runtime: Runtime, folder: LlamaFolder, batch: Case): Promise<void> {
  const tokens = randomBatch(batch.rows, batch.rowLength, folder.config.vocab_size);
  const opened = [];
  for (const config of CONFIGS) {
    const open = await openTraining(runtime, { folder, config, batch });
    const step = async (): Promise<number> => (await timeStep(open.model, tokens, 1)).loss;
    opened.push({ label: `ours, ${config.method}`, step, open });
  }
  const [config] = CONFIGS;
  if (!config) throw new Error('there is no configuration');
  const start = initialLora(loraSites(llamaShape(folder.config), config), config.r, config.seed);
  const run: LlamaRun = { folder, start, scale: loraScale(config), batch: tokens, update: UPDATE };
  const others: Contender[] = [
    { label: 'jax-js', ...(await jaxLlama(run)) },
    { label: 'tfjs', ...(await tfjsLlama(run)) },
  ];
  const contenders = [...others, ...opened];

  console.log(
    `LoRA step, rank ${config.r}, ${folder.config.num_hidden_layers} layers of ${batch.model}, ` +
      `${batch.rows} x ${batch.rowLength} tokens`,
  );
  await checkLosses(contenders);
  const seconds = await shortestOf(contenders);
  const flops = stepFlops(folder.config, batch, config.r);
  const best = Math.min(...seconds.slice(0, others.length));
  contenders.forEach(({ label }, i) => {
    const time = seconds[i] ?? NaN;
    const rate = ((batch.rows * batch.rowLength) / time).toFixed(1).padStart(9);
    const gflops = (flops / time / 1e9).toFixed(2).padStart(9);
    console.log(
      `  ${label.padEnd(12)} ${rate} tokens/s ${gflops} GFLOPS ${(best / time).toFixed(2).padStart(7)} x`,
    );
  });
  for (const { open } of opened) open.destroy();
}

/** @throws Error where steps over dense weights do not compute the same. */
async function checkLosses(contenders: readonly Contender[]): Promise<void> {
  const losses = new Map<string, number[]>();
  for (const { label, step } of contenders) {
    const own: number[] = [];
    for (let i = 0; i < COMPARED_STEPS; i++) own.push(await step());
    losses.set(label, own);
    console.log(`  ${label.padEnd(12)} losses ${own.map((loss) => loss.toFixed(6)).join(', ')}`);
  }
  const ours = losses.get('ours, lora') ?? [];
  for (const label of ['jax-js', 'tfjs']) {
    const theirs = losses.get(label) ?? [];
    const equal = ours.every((loss, i) => Math.abs(loss - (theirs[i] ?? NaN)) <= TOLERANCE * loss);
    if (!equal) throw new Error(`the losses of ${label} differ from ours: times would say nothing`);
  }
}

/** The shortest time of a step of each, who take turns. */
async function shortestOf(contenders: readonly Contender[]): Promise<number[]> {
  const seconds = contenders.map(() => Infinity);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, { step }] of contenders.entries()) {
      const start = performance.now();
      await step();
      seconds[i] = Math.min(seconds[i] ?? Infinity, (performance.now() - start) / 1000);
    }
  }
  return seconds;
}
