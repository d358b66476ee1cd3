/** A Llama that can be trained on a GPU: the plans of a {@link TrainingGraph}, compiled, with their data going in and their readings out. */

import type { PackedBatch } from '../data/batches';
import type { CompiledPlan } from '../engine/compiled-plan';
import { updateSettings, type UpdateSettings } from '../engine/ops/optimizer';
import { ReadbackRing } from '../engine/readback-ring';
import type { Runtime } from '../engine/runtime';
import type { Tensor } from '../engine/tensor';
import { writeTensor } from '../engine/transfer';
import type { ParameterSet } from './parameter-set';
import { ropeFrequencies } from './rope-frequencies';
import type { StepReading, TrainableModel, TrainableState, TrainedParameter } from './trainable';
import type { TrainingGraph } from './training-graph';

/** The largest reading is the four numbers of an update's outcome. */
const READBACK_BYTES = 16;

export class LlamaTraining implements TrainableModel {
  readonly #readback: ReadbackRing;

  private constructor(
    private readonly runtime: Runtime,
    private readonly graph: TrainingGraph,
    private readonly trained: ParameterSet,
    private readonly plans: Readonly<Record<'accumulate' | 'evaluate' | 'update', CompiledPlan>>,
  ) {
    this.#readback = new ReadbackRing(runtime.gpu, READBACK_BYTES);
  }

  /**
   * Allocates the graph's tensors and compiles its plans. The weights and parameters it was made with must be materialised.
   * @throws GpuError when the GPU has too little memory; nothing stays allocated then.
   */
  static async create(
    runtime: Runtime,
    graph: TrainingGraph,
    trained: ParameterSet,
  ): Promise<LlamaTraining> {
    await graph.set.materialise(runtime.gpu);
    const [accumulate, evaluate, update] = await Promise.all([
      runtime.compile(graph.accumulate),
      runtime.compile(graph.evaluate),
      runtime.compile(graph.update),
    ]);
    const plans = { accumulate, evaluate, update };
    const training = new LlamaTraining(runtime, graph, trained, plans);
    training.#write(graph.inputs.frequencies, ropeFrequencies(graph.config));
    return training;
  }

  get parameters(): readonly TrainedParameter[] {
    return this.trained.parameters;
  }

  async accumulate(batch: PackedBatch, step: { lossScale: number; seed: number }): Promise<void> {
    this.#load(batch);
    this.#write(this.graph.inputs.lossScale, Float32Array.of(step.lossScale));
    this.#write(this.graph.inputs.dropoutSeed, Uint32Array.of(step.seed));
    await this.runtime.run(this.plans.accumulate);
  }

  async discard(): Promise<void> {
    for (const { gradients } of this.trained.buffers) this.#clear(gradients);
    this.#clear(this.graph.lossSum);
    return Promise.resolve();
  }

  async update(settings: UpdateSettings): Promise<void> {
    this.#write(this.graph.inputs.updateSettings, updateSettings(settings));
    await this.runtime.run(this.plans.update);
  }

  async readStep(): Promise<StepReading> {
    const [lossSum = NaN, gradNorm = NaN, , taken = 0] = await this.#read(this.graph.outcome);
    return { lossSum, gradNorm, finite: taken === 1 };
  }

  async evaluate(batch: PackedBatch): Promise<void> {
    this.#load(batch);
    await this.runtime.run(this.plans.evaluate);
  }

  async readLoss(): Promise<number> {
    const reading = this.#read(this.graph.evaluationLossSum);
    this.#clear(this.graph.evaluationLossSum);
    const [lossSum = NaN] = await reading;
    return lossSum;
  }

  exportState(): Promise<TrainableState> {
    return this.trained.read(this.runtime.gpu);
  }

  async importState(state: TrainableState): Promise<void> {
    for (const [index, { name }] of this.parameters.entries()) {
      for (const role of ['parameters', 'firstMoments', 'secondMoments'] as const) {
        const values = state[role][index];
        if (!values) throw new Error(`the state has no ${role} of ${name}`);
        this.trained.write(this.runtime.gpu, name, role, values);
      }
    }
    await this.discard();
    this.#clear(this.graph.evaluationLossSum);
  }

  idle(): Promise<void> {
    return this.runtime.idle();
  }

  /** Frees the graph's tensors; the weights and parameters belong to whoever made them. */
  destroy(): void {
    for (const plan of Object.values(this.plans)) plan.destroy();
    this.#readback.destroy();
    this.graph.set.destroy();
  }

  #load(batch: PackedBatch): void {
    const { ids, targets, positions, sequenceStarts } = this.graph.inputs;
    if (batch.inputIds.length !== ids.elements) {
      throw new Error(`a batch of ${batch.inputIds.length} tokens for ${ids.elements}`);
    }
    this.#write(ids, batch.inputIds);
    this.#write(targets, batch.targets);
    this.#write(positions, batch.positions);
    this.#write(sequenceStarts, batch.sequenceStarts);
  }

  async #read(tensor: Tensor): Promise<Float32Array> {
    return new Float32Array(await this.#readback.read(tensor), 0, tensor.elements);
  }

  #write(tensor: Tensor, data: ArrayBufferView<ArrayBuffer>): void {
    writeTensor(this.runtime.gpu, tensor, data);
  }

  #clear(tensor: Tensor): void {
    const encoder = this.runtime.gpu.device.createCommandEncoder();
    encoder.clearBuffer(tensor.buffer, tensor.byteOffset, tensor.byteLength);
    this.runtime.gpu.device.queue.submit([encoder.finish()]);
  }
}
