/** Our matrix products beside those of other libraries, in one run on one adapter, taking turns. */

import type { WeightFormat } from '../src/engine/weight';
import { forwardCase, inputGradientCase, type LinearShape } from './cases/linear';
import { jax, tfjs, type Product } from './contenders';
import { prepareCase, type BenchContext } from './measure';

const SHAPES: readonly LinearShape[] = [
  { tokens: 256, inputs: 256, outputs: 640 },
  { tokens: 512, inputs: 576, outputs: 1536 },
];
/** A layer of Llama 3.2 1B, which would take a software adapter minutes. */
const LARGE_SHAPES: readonly LinearShape[] = [{ tokens: 1024, inputs: 2048, outputs: 8192 }];
const FORMATS: readonly WeightFormat[] = ['f32', 'f16', 'bf16', 'nf4'];
const ROUNDS = 7;

/** Prints GFLOPS of everyone, and ours as a multiple of the fastest other library's. */
export async function compare(context: BenchContext): Promise<void> {
  const large = context.gpu.info.isFallbackAdapter ? [] : LARGE_SHAPES;
  for (const shape of [...SHAPES, ...large]) {
    const { tokens, inputs, outputs } = shape;
    await compareProduct(
      context,
      `forward, ${tokens} x ${inputs} -> ${outputs}`,
      FORMATS.map((format) => ({ label: `ours, ${format}`, bench: forwardCase(shape, format) })),
      { rows: tokens, depth: inputs, columns: outputs, transposed: true },
    );
    await compareProduct(
      context,
      `input gradient, ${tokens} x ${outputs} -> ${inputs}`,
      FORMATS.map((format) => ({
        label: `ours, ${format}`,
        bench: inputGradientCase(shape, format),
      })),
      { rows: tokens, depth: outputs, columns: inputs, transposed: false },
    );
  }
}

async function compareProduct(
  context: BenchContext,
  title: string,
  ours: readonly { label: string; bench: ReturnType<typeof forwardCase> }[],
  product: Product,
): Promise<void> {
  const others = [await jax(product), await tfjs(product)];
  const prepared = await Promise.all(
    ours.map(async ({ label, bench }) => ({ label, ...(await prepareCase(context, bench)) })),
  );
  const entries = [
    ...others.map(({ library, run }) => ({ label: library, run })),
    ...prepared.map(({ label, run }) => ({ label, run })),
  ].map((entry) => ({ ...entry, seconds: Infinity }));
  // The first round only warms up.
  for (let round = 0; round <= ROUNDS; round++) {
    for (const entry of entries) {
      const start = performance.now();
      await entry.run();
      const seconds = (performance.now() - start) / 1000;
      if (round > 0) entry.seconds = Math.min(entry.seconds, seconds);
    }
  }
  for (const { destroy } of prepared) destroy();
  const flops = 2 * product.rows * product.depth * product.columns;
  const best = Math.max(...entries.slice(0, others.length).map((other) => flops / other.seconds));
  console.log(title);
  for (const { label, seconds } of entries) {
    const rate = flops / seconds;
    const gflops = (rate / 1e9).toFixed(2).padStart(9);
    console.log(`  ${label.padEnd(12)} ${gflops} GFLOPS ${(rate / best).toFixed(2).padStart(7)} x`);
  }
}
