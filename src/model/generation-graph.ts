/**
 * The plans of generation: prefill takes a prompt in pieces and fills the key/value cache, decode takes one token and chooses the next. One
 * set of tensors serves the bare model and the model with its adapter: each has plans of its own over the same weights.
 */

import type { TargetModule } from '../config';
import type { ActivationType } from '../engine/ops/activation';
import { cachedAttention, writeCache } from '../engine/ops/cached-attention';
import { embed } from '../engine/ops/embedding';
import { linearForward } from '../engine/ops/linear';
import { rmsNorm } from '../engine/ops/rms-norm';
import { rope } from '../engine/ops/rope';
import { sample, SAMPLING_WORDS } from '../engine/ops/sampling';
import { swiglu } from '../engine/ops/swiglu';
import { Plan } from '../engine/plan';
import { largestOf, TensorSet, type Tensor } from '../engine/tensor';
import type { LlamaConfig } from '../formats/llama-config';
import type { Block } from './block-tensors';
import { makeBlocks, type AttachedLora } from './blocks';
import { llamaShape, type LlamaShape } from './llama-shape';
import type { LlamaWeights } from './llama-weights';

/** Tokens that prefill takes at a time. */
export const PREFILL_TOKENS = 64;

export interface GenerationGraphOptions {
  readonly config: LlamaConfig;
  readonly weights: LlamaWeights;
  /** One pair of plans each; null is the bare model. */
  readonly adapters: readonly (AttachedLora | null)[];
  /** Tokens that prompt and answer have together, at most. */
  readonly capacity: number;
  /** How cached keys and values are stored. */
  readonly cacheType: ActivationType;
  /** Also records {@link GenerationPlans.logits}. */
  readonly withLogits?: boolean;
}

/** The plans of one adapter. */
export interface GenerationPlans {
  /** Takes `ids` [PREFILL_TOKENS] of which `range` counts; fills the cache. */
  readonly prefill: Plan;
  /** Takes `token` and overwrites it with the next. */
  readonly decode: Plan;
  /** As prefill, and overwrites `logits` [PREFILL_TOKENS, vocabulary]. */
  readonly logits?: Plan;
}

/** What a pass works in; views of the same memory for one token and for a piece. */
interface Pass {
  readonly tokens: number;
  readonly ids: Tensor;
  readonly stream: Tensor;
  readonly norm: Tensor;
  readonly inverseRms: Tensor;
  readonly q: Tensor;
  readonly k: Tensor;
  readonly v: Tensor;
  readonly attention: Tensor;
  readonly gate: Tensor;
  readonly up: Tensor;
  readonly product: Tensor;
  readonly u: Tensor | null;
}

interface Cache {
  readonly keys: Tensor;
  readonly values: Tensor;
}

/** Plans and tensors of generation with one model. */
export class GenerationGraph {
  readonly set = new TensorSet();
  /** u32 [PREFILL_TOKENS] */
  readonly ids: Tensor;
  /** u32 [1]: the token that decode takes, then the one it chose. */
  readonly token: Tensor;
  /** u32 [PREFILL_TOKENS] */
  readonly positions: Tensor;
  /** u32 [2]: position of the first token, number of tokens. */
  readonly range: Tensor;
  /** u32 [SAMPLING_WORDS] */
  readonly sampling: Tensor;
  readonly frequencies: Tensor;
  /** f32 [rows, vocabulary] */
  readonly logits: Tensor;
  /** In the order of the adapters. */
  readonly plans: readonly GenerationPlans[];

  readonly #shape: LlamaShape;
  readonly #caches: readonly Cache[];
  readonly #piece: Pass;
  readonly #one: Pass;

  constructor(private readonly options: GenerationGraphOptions) {
    const { config, adapters, capacity, cacheType, withLogits = false } = options;
    const shape = llamaShape(config);
    this.#shape = shape;
    const words = (name: string, count: number): Tensor =>
      this.set.tensor(name, [count], 'u32', 'workspace');
    this.ids = words('prompt ids', PREFILL_TOKENS);
    this.token = words('token', 1);
    this.positions = words('positions', PREFILL_TOKENS);
    this.range = words('range', 2);
    this.sampling = words('sampling settings', SAMPLING_WORDS);
    this.frequencies = this.set.tensor('frequencies', [shape.headDim / 2], 'f32', 'workspace');
    const logitRows = withLogits ? PREFILL_TOKENS : 1;
    const logitShape = [logitRows, shape.vocabulary];
    this.logits = this.set.tensor('logits', logitShape, 'f32', 'workspace');
    const cache = (name: string): Tensor =>
      this.set.tensor(name, [capacity, shape.keyValue], cacheType, 'workspace');
    this.#caches = Array.from({ length: shape.layers }, (_, layer) => ({
      keys: cache(`cached keys ${layer}`),
      values: cache(`cached values ${layer}`),
    }));
    const rank = Math.max(0, ...adapters.map((adapter) => adapter?.rank ?? 0));
    this.#piece = this.#declarePass(rank);
    this.#one = onePass(this.#piece, this.token);
    const seed = words('dropout seed', 1);
    this.plans = adapters.map((adapter) => {
      const blocks = makeBlocks(options.weights, adapter, { probability: 0, seed });
      return {
        prefill: this.#recordPrefill(blocks),
        decode: this.#recordDecode(blocks),
        ...(withLogits && { logits: this.#recordLogits(blocks) }),
      };
    });
  }

  get config(): LlamaConfig {
    return this.options.config;
  }

  get capacity(): number {
    return this.options.capacity;
  }

  /** The largest tensor that a kernel binds. */
  get largestBinding(): Tensor {
    const all = this.plans.flatMap(({ prefill, decode, logits }) => [
      prefill,
      decode,
      ...(logits ? [logits] : []),
    ]);
    return largestOf(all.map((plan) => plan.largestBinding));
  }

  #recordPrefill(blocks: readonly Block[]): Plan {
    const plan = new Plan('prefill');
    this.#recordBlocks(plan, this.#piece, blocks);
    return plan;
  }

  #recordLogits(blocks: readonly Block[]): Plan {
    const plan = new Plan('logits');
    this.#recordBlocks(plan, this.#piece, blocks);
    this.#recordHead(plan, this.#piece);
    return plan;
  }

  #recordDecode(blocks: readonly Block[]): Plan {
    const plan = new Plan('decode');
    this.#recordBlocks(plan, this.#one, blocks);
    this.#recordHead(plan, this.#one);
    const { vocabulary } = this.#shape;
    sample(plan, {
      label: 'sample',
      logits: this.logits.as('logits of one', [1, vocabulary]),
      settings: this.sampling,
      out: this.token,
      vocab: vocabulary,
    });
    return plan;
  }

  #recordBlocks(plan: Plan, pass: Pass, blocks: readonly Block[]): void {
    embed(plan, {
      label: 'embedding',
      ids: pass.ids,
      table: this.options.weights.embedding,
      out: pass.stream,
      tokens: pass.tokens,
      hidden: this.#shape.hidden,
    });
    blocks.forEach((block, layer) => {
      const cache = this.#caches[layer];
      if (!cache) throw new Error(`there is no cache ${layer}`);
      this.#recordAttention(plan, pass, block, cache);
      this.#recordFeedForward(plan, pass, block);
    });
  }

  #recordAttention(plan: Plan, pass: Pass, block: Block, { keys, values }: Cache): void {
    const { tokens, norm, q, k, v, attention } = pass;
    const { heads, kvHeads, headDim, keyValue: width } = this.#shape;
    const { range } = this;
    const { label } = block;
    const { capacity } = this.options;
    this.#recordNorm(plan, pass, `${label} input norm`, block.inputNorm);
    recordLinear(plan, pass, block, 'q_proj', norm, q);
    recordLinear(plan, pass, block, 'k_proj', norm, k);
    recordLinear(plan, pass, block, 'v_proj', norm, v);
    const { positions, frequencies } = this;
    rope(plan, { label: `${label} q`, x: q, positions, frequencies, tokens, heads, headDim });
    rope(plan, {
      label: `${label} k`,
      x: k,
      positions,
      frequencies,
      tokens,
      heads: kvHeads,
      headDim,
    });
    writeCache(plan, { label, source: k, cache: keys, range, tokens, width, capacity });
    writeCache(plan, { label, source: v, cache: values, range, tokens, width, capacity });
    cachedAttention(plan, {
      label,
      q,
      kCache: keys,
      vCache: values,
      out: attention,
      range,
      tokens,
      heads,
      kvHeads,
      headDim,
      capacity,
    });
    recordLinear(plan, pass, block, 'o_proj', attention, pass.stream, true);
  }

  #recordFeedForward(plan: Plan, pass: Pass, block: Block): void {
    const { tokens, norm, gate, up, product } = pass;
    this.#recordNorm(plan, pass, `${block.label} post-attention norm`, block.postAttentionNorm);
    recordLinear(plan, pass, block, 'gate_proj', norm, gate);
    recordLinear(plan, pass, block, 'up_proj', norm, up);
    const count = tokens * this.#shape.feedForward;
    swiglu(plan, { label: block.label, gate, up, out: product, count });
    recordLinear(plan, pass, block, 'down_proj', product, pass.stream, true);
  }

  #recordHead(plan: Plan, pass: Pass): void {
    const { weights } = this.options;
    const { tokens } = pass;
    this.#recordNorm(plan, pass, 'final norm', weights.finalNorm);
    const linear = { label: 'head', weight: weights.head };
    const out = this.logits.as('logits', [tokens, this.#shape.vocabulary]);
    linearForward(plan, linear, { x: pass.norm, out, tokens });
  }

  #recordNorm(plan: Plan, pass: Pass, label: string, weight: Tensor): void {
    rmsNorm(plan, {
      label,
      x: pass.stream,
      weight,
      out: pass.norm,
      inverseRms: pass.inverseRms,
      tokens: pass.tokens,
      hidden: this.#shape.hidden,
      epsilon: this.options.config.rms_norm_eps,
    });
  }

  #declarePass(rank: number): Pass {
    const { hidden, query, keyValue, feedForward } = this.#shape;
    const tensor = (name: string, width: number): Tensor =>
      this.set.tensor(name, [PREFILL_TOKENS, width], 'f32', 'workspace');
    return {
      tokens: PREFILL_TOKENS,
      ids: this.ids,
      stream: tensor('stream', hidden),
      norm: tensor('norm', hidden),
      inverseRms: tensor('inverse rms', 1),
      q: tensor('q', query),
      k: tensor('k', keyValue),
      v: tensor('v', keyValue),
      attention: tensor('attention', query),
      gate: tensor('gate', feedForward),
      up: tensor('up', feedForward),
      product: tensor('product', feedForward),
      u: rank > 0 ? tensor('u', rank) : null,
    };
  }
}

function recordLinear(
  plan: Plan,
  pass: Pass,
  block: Block,
  module: TargetModule,
  x: Tensor,
  out: Tensor,
  accumulate = false,
): void {
  const linear = block.linears[module];
  const u = linear.lora && pass.u?.as('u', [pass.tokens, linear.lora.rank]);
  linearForward(plan, linear, { x, out, tokens: pass.tokens, accumulate, ...(u && { u }) });
}

/** The same memory for a single token. */
function onePass(piece: Pass, token: Tensor): Pass {
  const one = (tensor: Tensor): Tensor => tensor.as(tensor.name, [1, tensor.shape[1] ?? 1]);
  return {
    tokens: 1,
    ids: token,
    stream: one(piece.stream),
    norm: one(piece.norm),
    inverseRms: one(piece.inverseRms),
    q: one(piece.q),
    k: one(piece.k),
    v: one(piece.v),
    attention: one(piece.attention),
    gate: one(piece.gate),
    up: one(piece.up),
    product: one(piece.product),
    u: piece.u,
  };
}
