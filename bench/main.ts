/** `npm run bench`: what runs by which name. */

import { InputError } from '../src/errors';
import { openGpu, unwrap } from '../src/engine/gpu';
import { KernelCache } from '../src/engine/kernels';
import { Runtime } from '../src/engine/runtime';
import { createNodeGpu } from '../src/headless/gpu';
import { readOptions } from '../src/headless/options';
import { compare } from './compare';
import { offerGpuToLibraries } from './contenders';
import { GENERATE_OPTIONS, timeGeneration } from './generate';
import { KERNEL_CASES } from './kernels';
import { timeCase, type BenchContext } from './measure';
import { knownPeak } from './peaks';
import { STEP_OPTIONS, timeTrainingStep } from './step';

const USAGE = `usage: npm run bench -- [compare [products | steps] | step [options] | generate [options] | kernels [words...]]
  compare   our matrix products and training steps beside those of other libraries (the default)
  step      our training step: --shape starter|smollm2-135m|llama-3.2-1b, --layers, --rows, --sequence,
            --method qlora|lora, --precision auto|f32, --steps, --peak GFLOPS, --profile
  generate  time to the first token of prompts, and what follows: --shape, --layers, --prompt N, --profile
  kernels   each kernel on its own; words choose the rows that contain all of them`;

const SUITES = ['compare', 'step', 'generate', 'kernels'];

/** Runs the bench that the arguments name and prints its table. The value is the exit status. */
export async function main(args: readonly string[]): Promise<number> {
  if (args.includes('--help')) {
    console.log(USAGE);
    return 0;
  }
  try {
    return await run(args);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    console.error(error.message);
    return 2;
  }
}

async function run(args: readonly string[]): Promise<number> {
  const [suite = 'compare', ...words] = args;
  if (!SUITES.includes(suite)) {
    console.error(USAGE);
    return 2;
  }
  const step = suite === 'step' ? readOptions(STEP_OPTIONS, words) : undefined;
  // The other libraries keep everything in f32, and their losses are compared with ours.
  const plain = suite === 'compare' || step?.precision === 'f32';
  const gpu = unwrap(await openGpu(createNodeGpu(), { without: plain ? ['f16'] : [] }));
  const peak = knownPeak(gpu.name);
  console.log(`adapter: ${gpu.name}${peak === undefined ? '' : `, f32 peak ${peak} GFLOPS`}`);
  const context = { gpu, kernels: new KernelCache(gpu) };
  if (suite === 'compare') await comparison(context, words);
  else if (step) await timeTrainingStep(context, step);
  else if (suite === 'generate') {
    await timeGeneration(context, readOptions(GENERATE_OPTIONS, words));
  } else await kernels(context, words);
  gpu.destroy();
  return 0;
}

async function comparison(context: BenchContext, words: readonly string[]): Promise<void> {
  offerGpuToLibraries();
  if (words[0] !== 'steps') await compare(context);
  // Loaded only now, because it loads jax-js, which looks for WebGPU at once.
  const { compareSteps } = await import('./compare-steps');
  if (words[0] !== 'products') await compareSteps(new Runtime(context.gpu));
}

async function kernels(context: BenchContext, words: readonly string[]): Promise<void> {
  for (const bench of KERNEL_CASES) {
    if (!words.every((word) => bench.name.includes(word))) continue;
    const seconds = await timeCase(context, bench, 0.5);
    const time = (seconds * 1e3).toFixed(2).padStart(9);
    const rate = (bench.flops / seconds / 1e9).toFixed(2).padStart(8);
    console.log(`${bench.name.padEnd(52)} ${time} ms ${rate} GFLOPS`);
  }
}
