/** `npm run bench`: what runs by which name. */

import { unwrap, openGpu } from '../src/engine/gpu';
import { KernelCache } from '../src/engine/kernels';
import { createNodeGpu } from '../src/headless/gpu';
import { KERNEL_CASES } from './kernels';
import { timeCase } from './measure';

const USAGE = `usage: npm run bench -- [kernels] [words...]
  kernels   each kernel on its own; words choose the rows that contain all of them`;

/** Runs the benches that the arguments name, and prints a table; the exit status. */
export async function main(args: readonly string[]): Promise<number> {
  const [suite = 'kernels', ...words] = args;
  if (suite !== 'kernels') {
    console.error(USAGE);
    return 2;
  }
  const gpu = unwrap(await openGpu(createNodeGpu()));
  console.log(`adapter: ${gpu.name}`);
  const context = { gpu, kernels: new KernelCache(gpu) };
  for (const bench of KERNEL_CASES) {
    if (!words.every((word) => bench.name.includes(word))) continue;
    const seconds = await timeCase(context, bench, 0.5);
    const rate = (bench.flops / seconds / 1e9).toFixed(2);
    console.log(
      `${bench.name.padEnd(52)} ${(seconds * 1e3).toFixed(2).padStart(9)} ms ${rate.padStart(8)} GFLOPS`,
    );
  }
  gpu.destroy();
  return 0;
}
