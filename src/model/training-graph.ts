/**
 * The three plans of training a Llama: accumulate (forward, loss, backward), evaluate (forward, loss) and update; with every tensor that
 * they work in. Nothing here touches a GPU, so the same code that trains also predicts its memory.
 */

import type { TargetModule } from '../config';
import type { ActivationType } from '../engine/ops/activation';
import { embed, embedGradient } from '../engine/ops/embedding';
import { declarePartialSums, updateParameters } from '../engine/ops/optimizer';
import { Plan } from '../engine/plan';
import { TensorSet, type Tensor } from '../engine/tensor';
import type { LlamaConfig } from '../formats/llama-config';
import { recordBlockBackward, recordBlockForward } from './block';
import {
  declareBackwardScratch,
  declareKept,
  type BackwardScratch,
  type Block,
  type BlockGradients,
  type BlockInputs,
  type KeptActivations,
} from './block-tensors';
import { loraGradientsOf, makeBlocks, type AttachedLora } from './blocks';
import { declareHeadScratch, recordHead, type HeadScratch } from './head';
import { llamaShape, type LlamaShape } from './llama-shape';
import { trainedWeights, type LlamaWeights } from './llama-weights';
import type { ParameterSet } from './parameter-set';

/** What a graph is made of. */
export interface TrainingGraphOptions {
  readonly config: LlamaConfig;
  readonly weights: LlamaWeights;
  /** What is trained: an adapter's matrices, or the weights themselves. */
  readonly parameters: ParameterSet;
  /** The adapter; null in full fine-tuning. */
  readonly lora: AttachedLora | null;
  readonly loraDropout: number;
  /** Tokens of a micro-batch: rows · row length. */
  readonly tokens: number;
  readonly rowLength: number;
  /** Keep only the blocks' inputs and compute the rest again in backward (Chen et al. 2016). */
  readonly gradientCheckpointing: boolean;
  /** How what blocks keep for backward is stored. */
  readonly activationType: ActivationType;
  /** Bytes of the largest buffer that may be bound. */
  readonly maximumBinding: number;
}

/** Per-batch and per-step data, written before the plans run. */
export interface GraphInputs {
  readonly ids: Tensor;
  readonly targets: Tensor;
  readonly positions: Tensor;
  readonly sequenceStarts: Tensor;
  /** f32 [headDim / 2], written once. */
  readonly frequencies: Tensor;
  readonly lossScale: Tensor;
  readonly dropoutSeed: Tensor;
  readonly updateSettings: Tensor;
}

/** Plans and tensors of one model, configuration and micro-batch size. */
export class TrainingGraph {
  readonly set = new TensorSet();
  readonly inputs: GraphInputs;
  readonly lossSum: Tensor;
  readonly evaluationLossSum: Tensor;
  /** f32 [4]: loss sum, gradient norm, clipping factor, 1 where the update was made. */
  readonly outcome: Tensor;
  readonly accumulate = new Plan('accumulate');
  readonly evaluate = new Plan('evaluate');
  readonly update = new Plan('update');

  readonly #shape: LlamaShape;
  readonly #blockInputs: BlockInputs;
  /** Input of every block, and the output of the last. */
  readonly #stream: readonly Tensor[];
  readonly #kept: readonly KeptActivations[];
  readonly #scratch: BackwardScratch;
  readonly #head: HeadScratch;
  readonly #dStream: Tensor;

  constructor(private readonly options: TrainingGraphOptions) {
    const { config, tokens, rowLength, lora, gradientCheckpointing } = options;
    const shape = llamaShape(config);
    this.#shape = shape;
    const scalar = (name: string, size = 1): Tensor =>
      this.set.tensor(name, [size], 'f32', 'workspace');
    this.lossSum = scalar('loss sum');
    this.evaluationLossSum = scalar('evaluation loss sum');
    this.outcome = scalar('outcome', 4);
    this.inputs = declareInputs(this.set, shape, tokens);
    const epsilon = config.rms_norm_eps;
    this.#blockInputs = { shape, tokens, rowLength, epsilon, ...this.inputs };
    const streamTensor = (name: string): Tensor =>
      this.set.tensor(name, [tokens, shape.hidden], 'f32', 'activations');
    this.#stream = Array.from({ length: shape.layers + 1 }, (_, i) => streamTensor(`stream ${i}`));
    this.#dStream = streamTensor('d stream');
    this.#kept = this.#declareKept(gradientCheckpointing);
    this.#scratch = declareBackwardScratch(this.set, { shape, tokens }, lora?.rank ?? 0);
    const headShape = { tokens, hidden: shape.hidden, vocabulary: shape.vocabulary };
    this.#head = declareHeadScratch(this.set, headShape, options.maximumBinding, this.#scratch);

    const seed = this.inputs.dropoutSeed;
    const dropout = { probability: options.loraDropout, seed };
    const blocks = makeBlocks(options.weights, lora, dropout);
    this.#recordForward(this.accumulate, blocks);
    this.#recordBackward(this.accumulate, blocks);
    const still = makeBlocks(options.weights, lora, { probability: 0, seed });
    this.#recordForward(this.evaluate, still);
    this.#recordLoss(this.evaluate, this.evaluationLossSum);
    this.#recordUpdate();
  }

  get config(): LlamaConfig {
    return this.options.config;
  }

  #declareKept(shared: boolean): KeptActivations[] {
    const { lora, tokens, activationType } = this.options;
    const shape = this.#shape;
    const adapted = adaptedModules(lora);
    const declare = (name: string): KeptActivations =>
      declareKept(this.set, name, { shape, tokens }, activationType, adapted, lora?.rank ?? 0);
    if (!shared) return Array.from({ length: shape.layers }, (_, i) => declare(`layers.${i}`));
    const one = declare('layer');
    const ownDown = adapted.includes('down_proj');
    // The last linear is not computed again in backward, so its low-rank activation must be kept for every block.
    return Array.from({ length: shape.layers }, (_, i) =>
      ownDown && lora
        ? {
            ...one,
            lowRank: { ...one.lowRank, down_proj: this.#lowRank(`layers.${i}`, lora.rank) },
          }
        : one,
    );
  }

  #lowRank(name: string, rank: number): Tensor {
    const shape = [this.options.tokens, rank];
    return this.set.tensor(`${name} down_proj u`, shape, 'f32', 'activations');
  }

  #recordForward(plan: Plan, blocks: readonly Block[]): void {
    const { options, inputs } = this;
    embed(plan, {
      label: 'embedding',
      ids: inputs.ids,
      table: options.weights.embedding,
      out: this.#streamAt(0),
      tokens: options.tokens,
      hidden: this.#shape.hidden,
    });
    blocks.forEach((block, layer) => {
      recordBlockForward(
        plan,
        this.#blockInputs,
        block,
        this.#streamAt(layer),
        this.#keptAt(layer),
        this.#scratch,
        this.#streamAt(layer + 1),
      );
    });
  }

  #recordBackward(plan: Plan, blocks: readonly Block[]): void {
    const { options } = this;
    const gradients = options.lora
      ? null
      : trainedWeights(options.config, options.parameters, 'gradients');
    this.#recordLoss(plan, this.lossSum, gradients);
    for (const [layer, block] of [...blocks.entries()].reverse()) {
      const x = this.#streamAt(layer);
      const kept = this.#keptAt(layer);
      const forgotten = options.gradientCheckpointing && layer < blocks.length - 1;
      if (forgotten) {
        recordBlockForward(plan, this.#blockInputs, block, x, kept, this.#scratch, null);
      }
      const own: BlockGradients = {
        lora: options.lora ? loraGradientsOf(options.lora, layer) : {},
        ...(gradients && { weights: blockGradients(gradients, layer) }),
      };
      recordBlockBackward(
        plan,
        this.#blockInputs,
        block,
        x,
        kept,
        this.#scratch,
        own,
        this.#dStream,
      );
    }
    if (!gradients) return;
    embedGradient(plan, {
      label: 'embedding',
      ids: this.inputs.ids,
      dOut: this.#dStream,
      dTable: gradients.embedding,
      tokens: options.tokens,
      hidden: this.#shape.hidden,
    });
  }

  #recordLoss(plan: Plan, lossSum: Tensor, gradients?: LlamaWeights | null): void {
    const { options, inputs } = this;
    const { layers, hidden, vocabulary } = this.#shape;
    const head = {
      stream: this.#streamAt(layers),
      norm: options.weights.finalNorm,
      weight: options.weights.head,
      epsilon: options.config.rms_norm_eps,
      targets: inputs.targets,
      lossSum,
    };
    const way = {
      lossScale: inputs.lossScale,
      dStream: this.#dStream,
      ...(gradients && { weights: { norm: gradients.finalNorm, weight: gradients.head } }),
    };
    const shape = { tokens: options.tokens, hidden, vocabulary };
    recordHead(plan, shape, head, this.#head, gradients === undefined ? null : way);
  }

  #recordUpdate(): void {
    const { buffers } = this.options.parameters;
    updateParameters(this.update, buffers, {
      settings: this.inputs.updateSettings,
      lossSum: this.lossSum,
      outcome: this.outcome,
      partials: declarePartialSums(this.set, buffers),
    });
    this.update.clear(this.lossSum);
  }

  #streamAt(index: number): Tensor {
    const tensor = this.#stream[index];
    if (!tensor) throw new Error(`there is no block ${index}`);
    return tensor;
  }

  #keptAt(layer: number): KeptActivations {
    const kept = this.#kept[layer];
    if (!kept) throw new Error(`there is no block ${layer}`);
    return kept;
  }
}

function declareInputs(set: TensorSet, shape: LlamaShape, tokens: number): GraphInputs {
  const perToken = (name: string, dtype: 'u32' | 'i32'): Tensor =>
    set.tensor(name, [tokens], dtype, 'workspace');
  return {
    ids: perToken('ids', 'u32'),
    targets: perToken('targets', 'i32'),
    positions: perToken('positions', 'u32'),
    sequenceStarts: perToken('sequence starts', 'u32'),
    frequencies: set.tensor('rope frequencies', [shape.headDim / 2], 'f32', 'workspace'),
    lossScale: set.tensor('loss scale', [1], 'f32', 'workspace'),
    dropoutSeed: set.tensor('dropout seed', [1], 'u32', 'workspace'),
    updateSettings: set.tensor('update settings', [8], 'f32', 'workspace'),
  };
}

function adaptedModules(lora: AttachedLora | null): TargetModule[] {
  return [...new Set(lora?.sites.map((site) => site.module))];
}

function blockGradients(
  gradients: LlamaWeights,
  layer: number,
): NonNullable<BlockGradients['weights']> {
  const block = gradients.blocks[layer];
  if (!block) throw new Error(`there is no block ${layer}`);
  return block;
}
