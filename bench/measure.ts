/** Timing of kernels: how long the GPU takes for a plan, launches included. */

import { CompiledPlan } from '../src/engine/compiled-plan';
import type { Gpu } from '../src/engine/gpu';
import type { KernelCache } from '../src/engine/kernels';
import { Plan } from '../src/engine/plan';
import { SubmissionPacer } from '../src/engine/submission-pacer';
import { TensorSet, type DType, type Tensor } from '../src/engine/tensor';
import { writeTensor } from '../src/engine/transfer';

/** An open device with its kernels. */
export interface BenchContext {
  readonly gpu: Gpu;
  readonly kernels: KernelCache;
}

/** Declares tensors and records the plan to be timed. */
export interface Recorder {
  readonly set: TensorSet;
  readonly plan: Plan;
  /** A tensor of small random f32 values, or of random bits of any other type that are small as a number. */
  random(name: string, shape: readonly number[], dtype?: DType): Tensor;
  /** Fills a tensor of `set` in the same way. */
  fill(tensor: Tensor): void;
}

export interface BenchCase {
  /** Operation, variant and shape, as printed. */
  readonly name: string;
  /** Multiply-adds count as two. */
  readonly flops: number;
  record(recorder: Recorder): void;
}

/** Shortest time of one repetition in seconds: repeats for about `seconds`, at least three times. */
export async function shortest(run: () => Promise<void>, seconds: number): Promise<number> {
  await run();
  const times: number[] = [];
  for (let total = 0; total < seconds || times.length < 3;) {
    const start = performance.now();
    await run();
    const time = (performance.now() - start) / 1000;
    times.push(time);
    total += time;
  }
  return Math.min(...times);
}

/** A case that is compiled and has its tensors. */
export interface PreparedCase {
  /** Runs it once and resolves when the GPU is done. */
  readonly run: () => Promise<void>;
  readonly destroy: () => void;
}

/** Allocates, fills and compiles a case. */
export async function prepareCase(
  { gpu, kernels }: BenchContext,
  bench: BenchCase,
): Promise<PreparedCase> {
  const set = new TensorSet();
  const plan = new Plan(bench.name);
  const filled: Tensor[] = [];
  const fill = (tensor: Tensor): void => void filled.push(tensor);
  const random = (label: string, shape: readonly number[], dtype: DType = 'f32'): Tensor => {
    const tensor = set.tensor(label, shape, dtype, 'workspace');
    fill(tensor);
    return tensor;
  };
  bench.record({ set, plan, random, fill });
  await set.materialise(gpu);
  for (const tensor of filled) writeTensor(gpu, tensor, noise(tensor));
  const compiled = await CompiledPlan.compile(gpu, kernels, plan);
  const pacer = new SubmissionPacer(gpu);
  return {
    async run() {
      await compiled.run(pacer);
      await pacer.idle();
    },
    destroy() {
      compiled.destroy();
      set.destroy();
    },
  };
}

/** Seconds that a case takes once everything is compiled and warm. */
export async function timeCase(
  context: BenchContext,
  bench: BenchCase,
  seconds: number,
): Promise<number> {
  const { run, destroy } = await prepareCase(context, bench);
  const time = await shortest(run, seconds);
  destroy();
  return time;
}

/** Deterministic contents: values in (-0.5, 0.5), or bytes of which every 16-bit float is below 1 too. */
function noise(tensor: Tensor): Float32Array<ArrayBuffer> | Uint8Array<ArrayBuffer> {
  if (tensor.dtype === 'f32') {
    return new Float32Array(tensor.elements).map((_, i) => ((i * 7919) % 1013) / 1013 - 0.5);
  }
  return new Uint8Array(tensor.byteLength).map((_, i) => (i * 7919) % 0x37);
}
