/** What the tests of the trainer share: small data, a small model, and a run that remembers what it was told. */

import { memoryFolder } from '../../src/formats/byte-source';
import type { ExampleSource } from '../../src/data/dataset';
import { BatchStream } from '../../src/data/batches';
import { DEFAULT_CONFIG, type TrainingConfig } from '../../src/config';
import type { Checkpoint } from '../../src/train/checkpoint';
import { decodeCheckpoint, encodeCheckpoint } from '../../src/train/checkpoint-files';
import {
  Trainer,
  type CheckpointReason,
  type RunListeners,
  type StepMetrics,
  type TrainerParts,
} from '../../src/train/trainer';
import { randomSource } from '../reference/numeric';
import { TinyModel } from '../reference/tiny-model';

export const VOCABULARY = 7;

export interface SmallExample {
  input_ids: number[];
  labels: number[];
}

/** Examples of 2 to 6 tokens, the last one of each always trained. */
export function randomExamples(count: number, seed: number): SmallExample[] {
  const random = randomSource(seed);
  return Array.from({ length: count }, () => {
    const length = 2 + Math.floor(5 * random());
    const ids = Array.from({ length }, () => Math.floor(VOCABULARY * random()));
    const labels = ids.map((id, t) => (t === length - 1 || random() < 0.7 ? id : -100));
    return { input_ids: ids, labels };
  });
}

export function exampleSource(examples: readonly SmallExample[]): ExampleSource {
  return {
    examples: examples.length,
    lengths: Uint32Array.from(examples, ({ input_ids }) => input_ids.length),
    read: (index) => {
      const example = examples[index];
      if (!example) return Promise.reject(new RangeError(`no example ${index}`));
      return Promise.resolve({
        inputIds: Uint32Array.from(example.input_ids),
        labels: Int32Array.from(example.labels),
        source: `examples.jsonl:${index + 1}`,
      });
    },
  };
}

export function batchStream(
  examples: readonly SmallExample[],
  config: TrainingConfig,
  { shuffle = config.shuffle } = {},
): BatchStream {
  const source = exampleSource(examples);
  return new BatchStream(source, {
    indices: Uint32Array.from(examples.keys()),
    rows: config.micro_batch_size,
    rowLength: Math.max(...source.lengths),
    packing: config.packing,
    shuffle,
    seed: config.seed,
  });
}

export function smallConfig(settings: Partial<TrainingConfig> = {}): TrainingConfig {
  return {
    ...DEFAULT_CONFIG,
    method: 'lora',
    quantization: 'none',
    learning_rate: 0.05,
    gradient_accumulation_steps: 2,
    max_steps: 6,
    ...settings,
  };
}

export interface RunOptions {
  config?: Partial<TrainingConfig>;
  examples?: SmallExample[];
  held?: SmallExample[];
  model?: TinyModel;
  dropout?: number;
  parts?: Partial<TrainerParts>;
}

/** A trainer over a model and data of its own. Another of the same options is the same run on another day. */
export function newRun(options: RunOptions = {}) {
  const config = smallConfig(options.config);
  const examples = options.examples ?? randomExamples(7, 1);
  const held = options.held ?? [];
  const model =
    options.model ?? new TinyModel({ vocabulary: VOCABULARY, hidden: 3, dropout: options.dropout });
  const trainer = new Trainer({
    model,
    config,
    train: batchStream(examples, config),
    evaluation: held.length === 0 ? null : batchStream(held, config, { shuffle: false }),
    ...options.parts,
  });
  return { trainer, model, config, told: new Told() };
}

export interface KeptCheckpoint {
  checkpoint: Checkpoint;
  reason: CheckpointReason;
  best: boolean;
}

/** Remembers what a run tells. */
export class Told implements RunListeners {
  readonly lines: StepMetrics[] = [];
  readonly checkpoints: KeptCheckpoint[] = [];
  /** Everything in order, in short. */
  readonly events: string[] = [];

  readonly onStep = (metrics: StepMetrics): void => {
    this.lines.push(metrics);
    this.events.push(`step ${metrics.step}`);
  };

  readonly onCheckpoint = async (
    checkpoint: Checkpoint,
    kept: { reason: CheckpointReason; best: boolean },
  ): Promise<void> => {
    this.checkpoints.push({ checkpoint: await copyThroughFiles(checkpoint), ...kept });
    this.events.push(`${kept.reason} ${checkpoint.progress.step}${kept.best ? ' best' : ''}`);
  };

  get losses(): number[] {
    return this.lines.map(({ loss }) => loss);
  }

  get last(): Checkpoint {
    const kept = this.checkpoints.at(-1);
    if (!kept) throw new Error('there is no checkpoint');
    return kept.checkpoint;
  }
}

/** A checkpoint after it was written and read back. */
export async function copyThroughFiles(checkpoint: Checkpoint): Promise<Checkpoint> {
  const files = await encodeCheckpoint(checkpoint);
  const entries = files.map(({ name, bytes }): [string, Uint8Array] => [name, bytes]);
  return decodeCheckpoint(memoryFolder('checkpoint', Object.fromEntries(entries)));
}

/** The metrics of a run by step, without what the clock says; a step told twice counts as told last. */
export function withoutSeconds(lines: readonly StepMetrics[]): Omit<StepMetrics, 'seconds'>[] {
  const byStep = new Map(lines.map((line) => [line.step, { ...line, seconds: 0 }]));
  return [...byStep.values()].sort((a, b) => a.step - b.step);
}

/** All bits of parameters and moments, as numbers that compare exactly. */
export function bitsOf({ state }: Pick<Checkpoint, 'state'>): number[][] {
  return [...state.parameters, ...state.firstMoments, ...state.secondMoments].map((values) =>
    Array.from(new Uint32Array(values.buffer)),
  );
}

/** Calls `act` right before the given submission, counted from 1. */
export function atSubmission(model: TinyModel, number: number, act: () => void): void {
  let count = 0;
  model.onSubmission = () => {
    if (++count === number) act();
  };
}
