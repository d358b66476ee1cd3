/** Generation and logits with a model whose weights lie on a GPU. */

import type { CompiledPlan } from '../engine/compiled-plan';
import { encodeSamplingSettings, type SamplingSettings } from '../engine/ops/sampling';
import { ReadbackRing } from '../engine/readback-ring';
import type { Runtime } from '../engine/runtime';
import { readFloats, writeTensor } from '../engine/transfer';
import { PREFILL_TOKENS, type GenerationGraph } from './generation-graph';
import { ropeFrequencies } from './rope-frequencies';

/** Tokens that are submitted before the first of them is read, so that the GPU never waits for JavaScript. */
const LOOKAHEAD = 2;

export interface GenerateOptions {
  /** Index into the graph's adapters. */
  readonly adapter: number;
  readonly prompt: readonly number[];
  readonly maxTokens: number;
  readonly settings: SamplingSettings;
  /** Tokens that end the text; they are not yielded. */
  readonly endTokens: readonly number[];
  readonly signal?: AbortSignal | undefined;
}

/** Why a text ended: at an end token, or at the most tokens asked for or fitting. */
export type FinishReason = 'stop' | 'length';

interface CompiledPlans {
  readonly prefill: CompiledPlan;
  readonly decode: CompiledPlan;
  readonly logits: CompiledPlan | undefined;
}

/** One text at a time: the key/value cache belongs to the text that is being written. */
export class LlamaGenerator {
  readonly #readback: ReadbackRing;

  private constructor(
    private readonly runtime: Runtime,
    private readonly graph: GenerationGraph,
    private readonly plans: readonly CompiledPlans[],
  ) {
    this.#readback = new ReadbackRing(runtime.gpu, graph.token.byteLength);
  }

  /** Allocates the graph's tensors and compiles its plans; weights and adapters must be materialised. */
  static async create(runtime: Runtime, graph: GenerationGraph): Promise<LlamaGenerator> {
    await graph.set.materialise(runtime.gpu);
    const plans = await Promise.all(
      graph.plans.map(async ({ prefill, decode, logits }) => ({
        prefill: await runtime.compile(prefill),
        decode: await runtime.compile(decode),
        logits: logits && (await runtime.compile(logits)),
      })),
    );
    writeTensor(runtime.gpu, graph.frequencies, ropeFrequencies(graph.config));
    return new LlamaGenerator(runtime, graph, plans);
  }

  /**
   * Yields the tokens of a continuation as they are chosen, and returns why it ended.
   * @throws RangeError where the prompt is empty or longer than the graph's capacity.
   */
  async *generate(options: GenerateOptions): AsyncGenerator<number, FinishReason, void> {
    const { prompt, settings, endTokens, signal } = options;
    const { decode } = this.#plansOf(options.adapter);
    const last = prompt.at(-1);
    if (last === undefined || prompt.length > this.graph.capacity) {
      throw new RangeError(`a prompt of ${prompt.length} tokens for ${this.graph.capacity}`);
    }
    await this.#prefill(options.adapter, prompt.slice(0, -1), signal);
    writeTensor(this.runtime.gpu, this.graph.token, Uint32Array.of(last));
    const start = prompt.length - 1;
    const most = Math.min(options.maxTokens, this.graph.capacity - start);
    const ahead: Promise<number>[] = [];
    for (let step = 0; step < most || ahead.length > 0; step++) {
      signal?.throwIfAborted();
      if (step < most) {
        this.#place(start + step, 1);
        const words = encodeSamplingSettings(settings, step);
        writeTensor(this.runtime.gpu, this.graph.sampling, words);
        await this.runtime.run(decode);
        const reading = this.#readToken();
        // Awaited later, or never where the text is broken off: until then a lost GPU must not count as an error that nobody handles.
        reading.catch(() => undefined);
        ahead.push(reading);
        if (ahead.length <= LOOKAHEAD) continue;
      }
      const token = await ahead.shift();
      if (token === undefined) break;
      if (endTokens.includes(token)) {
        await Promise.all(ahead);
        return 'stop';
      }
      yield token;
    }
    return 'length';
  }

  /** Logits [tokens, vocabulary] of every position, a piece of rows at a time; the graph must have been made with `withLogits`. */
  async *logits(adapter: number, tokens: readonly number[]): AsyncGenerator<Float32Array> {
    const { logits } = this.#plansOf(adapter);
    if (!logits) throw new Error('the graph has no plan for logits');
    for (let start = 0; start < tokens.length; start += PREFILL_TOKENS) {
      const piece = tokens.slice(start, start + PREFILL_TOKENS);
      this.#load(piece, start);
      await this.runtime.run(logits);
      const rows = await readFloats(this.runtime.gpu, this.graph.logits);
      yield rows.subarray(0, piece.length * this.graph.config.vocab_size);
    }
  }

  destroy(): void {
    for (const { prefill, decode, logits } of this.plans) {
      prefill.destroy();
      decode.destroy();
      logits?.destroy();
    }
    this.#readback.destroy();
    this.graph.set.destroy();
  }

  async #prefill(
    adapter: number,
    tokens: readonly number[],
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { prefill } = this.#plansOf(adapter);
    for (let start = 0; start < tokens.length; start += PREFILL_TOKENS) {
      signal?.throwIfAborted();
      this.#load(tokens.slice(start, start + PREFILL_TOKENS), start);
      await this.runtime.run(prefill);
    }
  }

  #load(piece: readonly number[], start: number): void {
    const ids = new Uint32Array(PREFILL_TOKENS);
    ids.set(piece);
    writeTensor(this.runtime.gpu, this.graph.ids, ids);
    this.#place(start, piece.length);
  }

  #place(start: number, count: number): void {
    const positions = Uint32Array.from({ length: count }, (_, i) => start + i);
    writeTensor(this.runtime.gpu, this.graph.positions, positions);
    writeTensor(this.runtime.gpu, this.graph.range, Uint32Array.of(start, count));
  }

  async #readToken(): Promise<number> {
    const [token = 0] = new Uint32Array(await this.#readback.read(this.graph.token));
    return token;
  }

  #plansOf(adapter: number): CompiledPlans {
    const plans = this.plans[adapter];
    if (!plans) throw new Error(`there is no adapter ${adapter}`);
    return plans;
  }
}
