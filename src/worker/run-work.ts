import type { TrainingConfig } from '../config';
import type { ExampleSource } from '../data/dataset';
import { totalWork, type Work } from '../engine/work';
import type { ModelDescription } from '../model/llama-weights';
import { plainDevice } from '../model/memory';
import { PlannedTraining, type BatchShape } from '../model/planned-training';
import { totalSteps } from '../train/schedule';
import type { StepMetrics } from '../train/trainer';
import type { Sampling } from './api';
import { foreseenBatches } from './foreseen-batches';
import { generationGraph, sampleTokens } from './loaded-run';

/** What each part of a run asks of a GPU. */
export interface RunWork {
  readonly batch: BatchShape;
  /** Updates from the first to the last. */
  readonly totalSteps: number;
  /** Forward and backward over one micro-batch. */
  readonly microBatch: Work;
  readonly step: Work;
  /** Of everything that is held out; none where nothing is. */
  readonly evaluation: Work;
  /** Of writing a sample for every prompt. */
  readonly samples: Work;
}

/** How often each part of a run is done. */
export interface RunCounts {
  readonly steps: number;
  readonly evaluations: number;
  readonly samples: number;
}

/** @param software whether a CPU plays the GPU: samples are shorter there */
export function runWork(
  description: ModelDescription,
  config: TrainingConfig,
  dataset: ExampleSource,
  prompts: number,
  software: boolean,
): RunWork {
  const { shape, train, evaluation } = foreseenBatches(dataset, config);
  // The work is the same however activations are stored.
  const planned = new PlannedTraining(description, config, shape, plainDevice(false));
  const { accumulate, evaluate, update } = planned.graph;
  const microBatches = Math.min(config.gradient_accumulation_steps, train.microBatchesPerEpoch);
  const [tuned] = generationGraph(planned, description).plans.slice(-1);
  return {
    batch: shape,
    totalSteps: totalSteps(config, train.microBatchesPerEpoch),
    microBatch: accumulate.work,
    step: totalWork([
      [microBatches, accumulate.work],
      [1, update.work],
    ]),
    evaluation: totalWork([[evaluation?.microBatchesPerEpoch ?? 0, evaluate.work]]),
    // A prompt is one piece of prefill, as most are.
    samples: totalWork(
      tuned
        ? [
            [prompts, tuned.prefill.work],
            [prompts * sampleTokens(software), tuned.decode.work],
          ]
        : [],
    ),
  };
}

/** What a run does from its first step to its last. */
export function countsOfRun(
  steps: number,
  { eval_steps: evalSteps }: Pick<TrainingConfig, 'eval_steps'>,
  { everySteps }: Sampling,
): RunCounts {
  return {
    steps,
    evaluations: Math.ceil(steps / evalSteps),
    samples: 1 + Math.ceil(steps / everySteps),
  };
}

/** What a run did from the end of its first known step, which also made the shaders, to that of its last. */
export function countsBetween(metrics: readonly StepMetrics[], everySteps: number): RunCounts {
  const first = metrics[0]?.step ?? 0;
  const last = metrics.at(-1)?.step ?? 0;
  return {
    steps: last - first,
    evaluations: metrics.slice(0, -1).filter((step) => step.eval_loss !== undefined).length,
    samples: Math.floor((last - 1) / everySteps) - Math.floor((first - 1) / everySteps),
  };
}

/** Everything that so much of a run asks of a GPU. */
export function workOfCounts(work: RunWork, counts: RunCounts): Work {
  return totalWork([
    [counts.steps, work.step],
    [counts.evaluations, work.evaluation],
    [counts.samples, work.samples],
  ]);
}
