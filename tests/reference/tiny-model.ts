import type { PackedBatch } from '../../src/data/batches';
import type { UpdateSettings } from '../../src/engine/ops/optimizer';
import type {
  StepReading,
  TrainableModel,
  TrainableState,
  TrainedParameter,
} from '../../src/model/trainable';
import { adamwReference, clipFactor } from './adamw';
import { at, randomFloats, randomSource } from './numeric';

/** How much of the token before goes into a token's hidden state. */
const CONTEXT = 0.5;

export interface TinyModelOptions {
  vocabulary: number;
  hidden: number;
  /** Share of the hidden values left out in training. */
  dropout?: number;
  /** In what parameters and moments are kept between updates: f32 as on the GPU, f64 to be compared with torch. */
  storage?: 'f32' | 'f64';
  seed?: number;
}

interface Tensor {
  values: Float64Array;
  gradients: Float64Array;
  firstMoments: Float64Array;
  secondMoments: Float64Array;
}

/**
 * A language model on the CPU, with gradients by hand, for tests of the training loop:
 * `hidden[t] = embedding[token t] + 0.5 embedding[token t - 1 of the same example]`, `logits = hidden · headᵀ + bias`. Readings come in a
 * turn of the event loop later, as a GPU's do.
 */
export class TinyModel implements TrainableModel {
  readonly parameters: readonly TrainedParameter[];
  /** Submissions in order, for tests of the order. */
  readonly calls: string[] = [];
  readonly seeds: number[] = [];
  /** Called before each submission; may throw, as a lost GPU does. */
  onSubmission: (call: string) => void = () => undefined;
  readonly #tensors: Tensor[];
  readonly #round: (values: Float64Array) => Float64Array;
  #lossSum = 0;
  #evaluationLossSum = 0;
  #gradNorm = 0;
  #updated = false;

  constructor(private readonly options: TinyModelOptions) {
    const { vocabulary, hidden, seed = 1, storage = 'f32' } = options;
    this.parameters = [
      { name: 'embedding', shape: [vocabulary, hidden], decay: true },
      { name: 'head.weight', shape: [vocabulary, hidden], decay: true },
      { name: 'head.bias', shape: [vocabulary], decay: false },
    ];
    this.#round =
      storage === 'f64'
        ? (values) => values
        : (values) => Float64Array.from(new Float32Array(values));
    this.#tensors = this.parameters.map(({ shape }, index) => {
      const values = Float64Array.from(randomFloats(sizeOf(shape), seed * 10 + index, 0.5));
      const zeros = () => new Float64Array(values.length);
      return { values, gradients: zeros(), firstMoments: zeros(), secondMoments: zeros() };
    });
  }

  /** Parameters as they are now, in f64. */
  get values(): Float64Array[] {
    return this.#tensors.map(({ values }) => values.slice());
  }

  accumulate(batch: PackedBatch, step: { lossScale: number; seed: number }): Promise<void> {
    this.#submit('accumulate');
    this.seeds.push(step.seed);
    this.#lossSum += this.#pass(batch, step);
    return Promise.resolve();
  }

  discard(): Promise<void> {
    this.#submit('discard');
    this.#lossSum = 0;
    for (const { gradients } of this.#tensors) gradients.fill(0);
    return Promise.resolve();
  }

  update(settings: UpdateSettings): Promise<void> {
    this.#submit('update');
    const squares = this.#tensors.flatMap(({ gradients }) => [...gradients].map((g) => g * g));
    this.#gradNorm = Math.sqrt(squares.reduce((sum, square) => sum + square, 0));
    this.#updated = Number.isFinite(this.#gradNorm) && Number.isFinite(this.#lossSum);
    const factor = clipFactor(this.#gradNorm, settings.maxGradNorm);
    this.#tensors.forEach((tensor, index) => {
      const decays = this.parameters[index]?.decay ?? false;
      const state = { ...tensor, parameters: tensor.values };
      const updated = adamwReference(state, tensor.gradients, settings, factor, decays);
      if (this.#updated) {
        tensor.values = this.#round(updated.parameters);
        tensor.firstMoments = this.#round(updated.firstMoments);
        tensor.secondMoments = this.#round(updated.secondMoments);
      }
      tensor.gradients.fill(0);
    });
    return Promise.resolve();
  }

  readStep(): Promise<StepReading> {
    const reading = { lossSum: this.#lossSum, gradNorm: this.#gradNorm, finite: this.#updated };
    this.#lossSum = 0;
    this.calls.push('readStep');
    return this.#later(reading, 'step read');
  }

  evaluate(batch: PackedBatch): Promise<void> {
    this.#submit('evaluate');
    this.#evaluationLossSum += this.#pass(batch, null);
    return Promise.resolve();
  }

  readLoss(): Promise<number> {
    const sum = this.#evaluationLossSum;
    this.#evaluationLossSum = 0;
    return this.#later(sum, 'loss read');
  }

  exportState(): Promise<TrainableState> {
    const all = (key: 'values' | 'firstMoments' | 'secondMoments') =>
      this.#tensors.map((tensor) => new Float32Array(tensor[key]));
    const state = {
      parameters: all('values'),
      firstMoments: all('firstMoments'),
      secondMoments: all('secondMoments'),
    };
    return this.#later(state, 'state read');
  }

  importState(state: TrainableState): Promise<void> {
    this.#tensors.forEach((tensor, index) => {
      tensor.values = Float64Array.from(state.parameters[index] ?? []);
      tensor.firstMoments = Float64Array.from(state.firstMoments[index] ?? []);
      tensor.secondMoments = Float64Array.from(state.secondMoments[index] ?? []);
      tensor.gradients.fill(0);
    });
    this.#lossSum = 0;
    this.#evaluationLossSum = 0;
    return Promise.resolve();
  }

  idle(): Promise<void> {
    return Promise.resolve();
  }

  destroy(): void {
    this.#tensors.length = 0;
  }

  #submit(call: string): void {
    this.onSubmission(call);
    this.calls.push(call);
  }

  #later<Value>(value: Value, what: string): Promise<Value> {
    return new Promise((resolve) => {
      setTimeout(() => {
        this.calls.push(what);
        resolve(value);
      });
    });
  }

  /** Sum of `-log p` over the trained tokens; with `step`, gradients += its scale times the sum's gradients. */
  #pass(batch: PackedBatch, step: { lossScale: number; seed: number } | null): number {
    const { dropout = 0 } = this.options;
    const random = randomSource(step?.seed ?? 0);
    let lossSum = 0;
    batch.targets.forEach((target, t) => {
      const mask = Array.from({ length: this.options.hidden }, () =>
        step === null ? 1 : random() < dropout ? 0 : 1 / (1 - dropout),
      );
      if (target >= 0) lossSum += this.#token(batch, t, target, mask, step?.lossScale ?? 0);
    });
    return lossSum;
  }

  #token(batch: PackedBatch, t: number, target: number, mask: number[], scale: number): number {
    const { vocabulary, hidden } = this.options;
    const [embedding, head, bias] = this.#tensors;
    if (!embedding || !head || !bias) throw new Error('the model is destroyed');
    const sources = [{ row: at(batch.inputIds, t), weight: 1 }];
    if (t > at(batch.sequenceStarts, t)) {
      sources.push({ row: at(batch.inputIds, t - 1), weight: CONTEXT });
    }
    const state = mask.map(
      (kept, k) =>
        sources.reduce(
          (sum, { row, weight }) => sum + weight * at(embedding.values, row * hidden + k),
          0,
        ) * kept,
    );
    const logits = Array.from({ length: vocabulary }, (_, v) =>
      state.reduce((sum, h, k) => sum + h * at(head.values, v * hidden + k), at(bias.values, v)),
    );
    const largest = Math.max(...logits);
    const exponentials = logits.map((logit) => Math.exp(logit - largest));
    const total = exponentials.reduce((sum, value) => sum + value, 0);
    exponentials.forEach((value, v) => {
      const gradient = scale * (value / total - (v === target ? 1 : 0));
      add(bias.gradients, v, gradient);
      state.forEach((h, k) => {
        add(head.gradients, v * hidden + k, gradient * h);
        for (const { row, weight } of sources) {
          const through = gradient * at(head.values, v * hidden + k) * at(mask, k) * weight;
          add(embedding.gradients, row * hidden + k, through);
        }
      });
    });
    return Math.log(total) + largest - at(logits, target);
  }
}

function add(values: Float64Array, index: number, value: number): void {
  values[index] = at(values, index) + value;
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
