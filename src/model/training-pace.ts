/**
 * How fast a GPU trains a model, found out in a second or two and without its weights: by timing slices of it, which run the very kernels
 * that training will run, over zeros.
 */

import { paceOf, secondsFor, type Pace, type TimedWork } from '../engine/work';
import type { TrainingConfig } from '../config';
import type { CompiledPlan } from '../engine/compiled-plan';
import type { Gpu } from '../engine/gpu';
import type { Runtime } from '../engine/runtime';
import { readBytes, writeTensor } from '../engine/transfer';
import type { LlamaConfig } from '../formats/llama-config';
import type { ModelDescription } from './llama-weights';
import { PlannedTraining, type BatchShape, type PlanDevice } from './planned-training';

/** A slice whose passes would take longer in all is not timed: what smaller ones took has to do. */
const LONGEST_SECONDS = 1;
/** A slice is timed so often, and the shortest time counts: whatever else the machine does at the moment only adds to it. */
const TRIALS = 3;
/** Each time it is gone through again and again for so long at least, against what a clock and a submission cost. */
const SHORTEST_SECONDS = 0.02;
/** A matrix product by tiles takes at least so many tokens at a time. */
const SHORT_ROW = 64;
/** About the narrowest layers that keep every kind of tile whole. */
const NARROW = 256;

/** A run as far as its speed goes. */
export interface PacedTraining {
  readonly description: ModelDescription;
  readonly config: TrainingConfig;
  readonly batch: BatchShape;
}

/**
 * Times ever larger slices, as far as the GPU is fast enough for them, and draws a line through the last two.
 * @throws GpuError where memory does not suffice; whatever `signal` was aborted with. Nothing stays allocated.
 */
export async function measureTrainingPace(
  runtime: Runtime,
  training: PacedTraining,
  signal: AbortSignal,
): Promise<Pace> {
  let smaller: TimedWork | undefined;
  let larger: TimedWork | undefined;
  for (const slice of slices(training, runtime.gpu)) {
    const { work } = slice.planned.graph.accumulate;
    if (larger) {
      if (work.multiplyAdds <= larger.work.multiplyAdds) continue;
      if ((1 + TRIALS) * secondsFor(paceOf(larger, smaller), work) > LONGEST_SECONDS) break;
    }
    smaller = larger;
    larger = { work, seconds: await timeSlice(runtime, slice, signal) };
  }
  if (!larger) throw new Error('there is nothing to time');
  return paceOf(larger, smaller);
}

/** A part of a model, planned, and the rows that go through it. */
interface Slice {
  readonly planned: PlannedTraining;
  readonly batch: BatchShape;
}

/** From a narrow block that any GPU gets through in a moment to a block of the model itself over a whole micro-batch. */
function* slices({ description, config, batch }: PacedTraining, device: PlanDevice) {
  const short = { rows: 1, rowLength: Math.min(batch.rowLength, SHORT_ROW) };
  const block = oneBlock(description.config);
  for (const [model, rows] of [
    [narrowed(block), short],
    [block, short],
    [block, batch],
  ] as const) {
    const planned = new PlannedTraining({ ...description, config: model }, config, rows, device);
    yield { planned, batch: rows };
  }
}

/** One block of a model with as large a share of its vocabulary, so that blocks and head keep their proportion. */
function oneBlock(model: LlamaConfig): LlamaConfig {
  const vocab_size = atMost(model.vocab_size / model.num_hidden_layers, model.vocab_size);
  return { ...model, num_hidden_layers: 1, vocab_size };
}

/** The same model with layers no wider than {@link NARROW}, or as wide as one group of its heads. */
function narrowed(model: LlamaConfig): LlamaConfig {
  const { hidden_size, intermediate_size, num_key_value_heads, head_dim, vocab_size } = model;
  const group = model.num_attention_heads / num_key_value_heads;
  const kvHeads = Math.max(
    1,
    Math.min(num_key_value_heads, Math.floor(NARROW / (group * head_dim))),
  );
  const share = Math.min(1, NARROW / hidden_size);
  return {
    ...model,
    hidden_size: atMost(share * hidden_size, hidden_size),
    intermediate_size: atMost(share * intermediate_size, intermediate_size),
    num_attention_heads: group * kvHeads,
    num_key_value_heads: kvHeads,
    vocab_size: atMost(share * vocab_size, vocab_size),
  };
}

/** The largest width up to `most` that divides by four as `width` does: what does not runs other kernels. */
function atMost(most: number, width: number): number {
  if (width <= 4) return width;
  return Math.max(4, 4 * Math.floor((most - (width % 4)) / 4)) + (width % 4);
}

/** Seconds of forward and backward through a slice. */
async function timeSlice(runtime: Runtime, slice: Slice, signal: AbortSignal): Promise<number> {
  const { planned } = slice;
  const { gpu } = runtime;
  const { accumulate, lossSum, set } = planned.graph;
  const sets = [planned.frozen, planned.trained, set];
  // First, because that takes the longest and no memory.
  await runtime.kernels.pipelines(accumulate);
  signal.throwIfAborted();
  try {
    for (const tensors of sets) await tensors.materialise(gpu);
    writeRows(gpu, slice);
    const plan = await runtime.compile(accumulate);
    try {
      // Drivers finish compiling when a kernel first runs, and the submissions find their length.
      await secondsOfPass(runtime, plan, 0, signal);
      let seconds = Infinity;
      for (let trial = 0; trial < TRIALS; trial++) {
        const once = await secondsOfPass(runtime, plan, SHORTEST_SECONDS, signal);
        seconds = Math.min(seconds, once);
      }
      // What a lost GPU leaves undone takes no time, but it cannot be read either.
      await readBytes(gpu, lossSum);
      return seconds;
    } finally {
      plan.destroy();
    }
  } finally {
    for (const tensors of sets) tensors.destroy();
  }
}

/** Full rows of one example each, whose tokens differ: the gradient of an embedding gathers equal ones. */
function writeRows(gpu: Gpu, { planned, batch }: Slice): void {
  const { ids, sequenceStarts } = planned.graph.inputs;
  const { vocab_size } = planned.description.config;
  const tokens = Array.from({ length: batch.rows * batch.rowLength }, (_, token) => token);
  writeTensor(
    gpu,
    ids,
    Uint32Array.from(tokens, (token) => token % vocab_size),
  );
  const starts = tokens.map((token) => token - (token % batch.rowLength));
  writeTensor(gpu, sequenceStarts, Uint32Array.from(starts));
}

/** Mean seconds of running a plan again and again for so long. */
async function secondsOfPass(
  runtime: Runtime,
  plan: CompiledPlan,
  atLeast: number,
  signal: AbortSignal,
): Promise<number> {
  const start = performance.now();
  const seconds = (): number => (performance.now() - start) / 1000;
  let passes = 0;
  do {
    await runtime.run(plan, signal);
    passes += 1;
  } while (seconds() < atLeast);
  await runtime.idle();
  return seconds() / passes;
}
