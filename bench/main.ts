/** `npm run bench`: what runs by which name. */

import { openGpu, unwrap } from '../src/engine/gpu';
import { KernelCache } from '../src/engine/kernels';
import { createNodeGpu } from '../src/headless/gpu';
import { compare } from './compare';
import { KERNEL_CASES } from './kernels';
import { timeCase, type BenchContext } from './measure';

const USAGE = `usage: npm run bench -- [compare | kernels [words...]]
  compare   our matrix products beside those of jax-js and tfjs (the default)
  kernels   each kernel on its own; words choose the rows that contain all of them`;

/** Runs the bench that the arguments name and prints its table. The value is the exit status. */
export async function main(args: readonly string[]): Promise<number> {
  const [suite = 'compare', ...words] = args;
  if (suite !== 'compare' && suite !== 'kernels') {
    console.error(USAGE);
    return 2;
  }
  const gpu = unwrap(await openGpu(createNodeGpu()));
  console.log(`adapter: ${gpu.name}`);
  const context = { gpu, kernels: new KernelCache(gpu) };
  if (suite === 'compare') await compare(context);
  else await kernels(context, words);
  gpu.destroy();
  return 0;
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
