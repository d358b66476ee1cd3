/** The values that {@link import('./api').TrainerWorker} takes and gives. All of them are structured-clonable. */
import type { Precision, TrainingConfig } from '../config';
import type { StepMetrics } from '../train/trainer';
import type { Progress } from './dataset-types';

export type { StepMetrics };

/** What the GPU and the storage of this machine offer. */
export interface Probe {
  gpu: GpuProbe;
  storage: {
    /** What the browser says the origin may store; a hint only. */
    quotaBytes: number;
    usedBytes: number;
    /** Whether the browser has promised not to evict it. */
    persisted: boolean;
  };
}

export type GpuProbe =
  /** The browser has no WebGPU here (also: the page is not served over https or localhost). */
  | { status: 'no-webgpu' }
  /** WebGPU is there, but no adapter: blocklisted driver, hardware acceleration off, or barred after losses. */
  | { status: 'no-adapter' }
  /** An adapter whose limits are below what the smallest model needs. */
  | ({ status: 'too-small'; reason: string } & GpuFacts)
  | ({ status: 'ready' } & GpuFacts);

export interface GpuFacts {
  /** As the browser tells it: 'nvidia ampere'; empty when it tells nothing. */
  name: string;
  /** A CPU that plays a GPU (SwiftShader, lavapipe, WARP): right results, slow. */
  software: boolean;
  f16: boolean;
  subgroups: boolean;
  maxBufferBytes: number;
  maxBindingBytes: number;
  /** What a run may take in all: a careful guess from the limits, since WebGPU does not tell the card's memory. */
  memoryBudgetBytes: number;
}

/** A model that can be chosen. */
export interface ModelSummary {
  /** 'starter', a hub id 'owner/name', or 'files:NAME#FINGERPRINT' for a dropped folder. */
  id: string;
  /** As a person calls it: 'Llama 3.2 1B Instruct'. */
  name: string;
  origin: 'starter' | 'hub' | 'files';
  /** 'absent', 'partial' (a download that can go on), or 'installed'; the starter is always installed. */
  state: 'absent' | 'partial' | 'installed';
  /** Bytes of the whole download, or of the files; 0 for the starter, which comes with the page. */
  downloadBytes: number;
  /** Bytes of it that are here. */
  storedBytes: number;
  /** Weights, embedding included. */
  parameters: number;
  /** SPDX id or the licence's usual name; empty when unknown. */
  licence: string;
  /** Whether a QLoRA run with default settings fits this GPU; null while no GPU is known. */
  fits: boolean | null;
  /** True for one model: the largest that fits, to be proposed. */
  proposed: boolean;
}

/** Bytes by purpose, as `headless memory` prints them. */
export interface MemoryParts {
  total_bytes: number;
  weights_bytes: number;
  adapter_bytes: number;
  optimizer_bytes: number;
  activations_bytes: number;
  workspace_bytes: number;
}

export type FitVerdict =
  'fits' | 'fits-with-checkpointing' | 'fits-with-shorter-sequence' | 'too-large';

/** What a run will take. */
export interface Forecast {
  memory: MemoryParts;
  /** What the adapter allows in all. */
  budgetBytes: number;
  verdict: FitVerdict;
  /** The settings that make it fit; empty for 'fits' and 'too-large'. */
  remedy: Partial<TrainingConfig>;
  /** Updates in all; null before there is data. */
  steps: number | null;
}

/** What a run writes besides its training. */
export interface Sampling {
  /** How many there are. */
  prompts: number;
  everySteps: number;
}

export interface Suggestion {
  config: TrainingConfig;
  /** One to three prompts that show what the data teach, taken from them where they hold prompts. */
  prompts: string[];
  sampleEverySteps: number;
}

export interface RunRequest {
  /** Empty: one is made from the data and the model. */
  name: string;
  modelId: string;
  datasetId: string;
  config: TrainingConfig;
  precision: Precision;
  /** Sampled at step 0 and then every so many steps, temperature 0; none when empty. */
  prompts: string[];
  sampleEverySteps: number;
}

/**
 * `preparing` model and data are being loaded; `training`; `paused` by the person, or because the storage is full; `recovering` the GPU was lost and the
 * run goes on by itself from its checkpoint; `elsewhere` another tab is at work on it; `interrupted` its tab ended, it goes on when asked; `stopped` by the person, adapter kept;
 * `finished`; `failed` it could not go on (`failure`), its last checkpoint stays.
 */
export type RunPhase =
  | 'preparing'
  | 'training'
  | 'paused'
  | 'recovering'
  | 'elsewhere'
  | 'interrupted'
  | 'stopped'
  | 'finished'
  | 'failed';

export interface RunSummary {
  id: string;
  name: string;
  /** Milliseconds since 1970. */
  createdAt: number;
  phase: RunPhase;
  /** Updates done. */
  step: number;
  /** 0 while it is not known yet. */
  totalSteps: number;
  /** Of the last step; null before the first. */
  loss: number | null;
  bestEvalLoss: number | null;
  modelId: string;
  modelName: string;
  /** What it was trained on, on one line: 'fables.txt, 412 examples'. */
  dataName: string;
  /** One sentence, in phase `failed` only. */
  failure: string | null;
  /** Whether there is an adapter to ask and to download. */
  hasAdapter: boolean;
}

export interface RunDetail extends RunSummary {
  datasetId: string;
  config: TrainingConfig;
  precision: Precision;
  prompts: string[];
  metrics: StepMetrics[];
  samples: Sample[];
  notices: Notice[];
}

/** What the model made of a prompt at a step. */
export interface Sample {
  step: number;
  prompt: string;
  text: string;
}

/** Something the person should know; the run goes on. */
export interface Notice {
  severity: 'information' | 'warning' | 'error';
  message: string;
}

/** What the page is told. `runId` is absent where the event is not of a run. */
export type TrainerEvent =
  /** The run's phase, name, step or adapter changed. */
  | { type: 'run'; run: RunSummary }
  /**
   * What the run is doing now besides its steps: loading while `preparing` and `recovering`; evaluating, writing samples (unit `tokens`) and
   * keeping a checkpoint while `training`. Null when that is over.
   */
  | { type: 'progress'; runId: string; progress: Progress | null }
  /** A step is done. Some may be told together, in order; none is left out. */
  | { type: 'steps'; runId: string; metrics: StepMetrics[] }
  /** Samples of one step; a sample of the same step and prompt replaces the one before (after a resume). */
  | { type: 'samples'; runId: string; samples: Sample[] }
  /** What is on the GPU now. */
  | { type: 'memory'; runId: string; memory: MemoryParts }
  | { type: 'notice'; runId: string | null; notice: Notice }
  /** After a resume from a checkpoint: the metrics of later steps no longer hold, they are being made again. */
  | { type: 'rewound'; runId: string; step: number }
  /** Who may train. `elsewhere`: another tab holds the GPU; changes by itself when that tab ends. */
  | { type: 'lock'; lock: 'free' | 'here' | 'elsewhere' };

export interface AskRequest {
  runId: string;
  /** Put as one user turn in the model's chat template; as plain text where it has none. */
  question: string;
  maximumTokens: number;
  /** 0: always the likeliest token. */
  temperature: number;
  seed: number;
}

/** A few more characters of an answer. */
export interface AnswerPiece {
  side: 'base' | 'tuned';
  text: string;
}

export interface Answer {
  text: string;
  tokens: number;
  finishReason: 'stop' | 'length';
}

export interface Answers {
  base: Answer;
  tuned: Answer;
}
