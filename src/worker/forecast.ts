import type { TrainingConfig } from '../config';
import type { ExampleSource } from '../data/dataset';
import { addMemory } from '../engine/memory-ledger';
import type { LlamaConfig } from '../formats/llama-config';
import type { ModelDescription } from '../model/llama-weights';
import { asPrediction, plainDevice, type MemoryPrediction } from '../model/memory';
import { PlannedTraining, type BatchShape } from '../model/planned-training';
import { totalSteps } from '../train/schedule';
import type { FitVerdict, Forecast } from './api';
import { foreseenBatches } from './foreseen-batches';
import { generationGraph } from './loaded-run';

/** A sequence shorter than this is hardly worth training on. */
const SHORTEST_SEQUENCE = 128;

/** A model before its files are here: dense bf16, or with its linears in NF4. */
export function describeConfig(config: LlamaConfig, prequantised: boolean): ModelDescription {
  const isLinear = (name: string): boolean => name.includes('_proj.weight');
  return { config, stored: (name) => (prequantised && isLinear(name) ? 'nf4' : 'bf16') };
}

/** What a run on the page takes: training, and writing samples meanwhile. `f16` where the GPU has 16-bit floats, which runs then use. */
export function runMemory(
  description: ModelDescription,
  config: TrainingConfig,
  batch: BatchShape,
  f16: boolean,
): MemoryPrediction {
  return memoryOf(new PlannedTraining(description, config, batch, plainDevice(f16)));
}

function memoryOf(planned: PlannedTraining): MemoryPrediction {
  const generation = generationGraph(planned, planned.description);
  return asPrediction(addMemory(planned.memory, generation.set.memory));
}

/** What a forecast must know of the GPU. */
export interface Machine {
  readonly budgetBytes: number;
  /** Bytes that a kernel may work on at once. */
  readonly maxBindingBytes: number;
  readonly f16: boolean;
}

/**
 * Memory, verdict and steps of a run.
 * @param dataset null before there is any: then the longest sequence that the configuration allows is assumed
 */
export function forecast(
  description: ModelDescription,
  config: TrainingConfig,
  dataset: ExampleSource | null,
  { budgetBytes, maxBindingBytes, f16 }: Machine,
): Forecast {
  const batches = dataset && foreseenBatches(dataset, config);
  const longest = batches?.shape.rowLength ?? Infinity;
  const shapeOf = (changed: TrainingConfig): BatchShape => ({
    rows: changed.micro_batch_size,
    rowLength: Math.min(changed.max_seq_length, longest),
  });
  const planOf = (changed: TrainingConfig): PlannedTraining =>
    new PlannedTraining(description, changed, shapeOf(changed), plainDevice(f16));
  const holds = (planned: PlannedTraining, { total_bytes: total } = memoryOf(planned)): boolean =>
    total <= budgetBytes && planned.largestBinding.byteLength <= maxBindingBytes;
  const planned = planOf(config);
  const memory = memoryOf(planned);
  const fits = (change: Partial<TrainingConfig>): boolean =>
    holds(planOf({ ...config, ...change }));
  const steps = batches && totalSteps(config, batches.train.microBatchesPerEpoch);
  return { memory, budgetBytes, steps, ...verdictOf(config, holds(planned, memory), fits) };
}

function verdictOf(
  config: TrainingConfig,
  fitsAsIs: boolean,
  fits: (change: Partial<TrainingConfig>) => boolean,
): { verdict: FitVerdict; remedy: Partial<TrainingConfig> } {
  if (fitsAsIs) return { verdict: 'fits', remedy: {} };
  const gradient_checkpointing = true;
  if (!config.gradient_checkpointing && fits({ gradient_checkpointing })) {
    return { verdict: 'fits-with-checkpointing', remedy: { gradient_checkpointing } };
  }
  for (let length = config.max_seq_length; length >= 2 * SHORTEST_SEQUENCE;) {
    length = Math.floor(length / 2);
    const remedy = { gradient_checkpointing, micro_batch_size: 1, max_seq_length: length };
    if (fits(remedy)) return { verdict: 'fits-with-shorter-sequence', remedy };
  }
  return { verdict: 'too-large', remedy: {} };
}
