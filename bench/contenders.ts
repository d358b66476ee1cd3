/** Other libraries' matrix products on the same adapter. Each finds WebGPU where a page would have it: on `navigator`. */

import type * as Jax from '@jax-js/jax';
import type * as TensorFlow from '@tensorflow/tfjs';
import { createNodeGpu } from '../src/headless/gpu';

/** A matrix product of f32 matrices that has been set up. */
export interface Contender {
  readonly library: string;
  /** Runs one product and resolves when the GPU is done with it. */
  readonly run: () => Promise<void>;
}

/** left [rows, depth] times right [depth, columns], or right [columns, depth] transposed. */
export interface Product {
  readonly rows: number;
  readonly depth: number;
  readonly columns: number;
  readonly transposed: boolean;
}

/** Puts Node's WebGPU where libraries for pages look for it. Lasts until the process ends. */
export function offerGpuToLibraries(): void {
  Object.defineProperty(globalThis, 'navigator', {
    value: { gpu: createNodeGpu(), userAgent: 'node' },
    configurable: true,
  });
}

export type Tfjs = typeof TensorFlow;

/** TensorFlow.js with its WebGPU backend. */
export async function openTfjs(): Promise<Tfjs> {
  const tf = await import('@tensorflow/tfjs');
  await import('@tensorflow/tfjs-backend-webgpu');
  await tf.setBackend('webgpu');
  await tf.ready();
  return tf;
}

/** jax-js with its WebGPU backend. */
export async function openJax(): Promise<typeof Jax> {
  const library = await import('@jax-js/jax');
  await library.init('webgpu');
  library.defaultDevice('webgpu');
  return library;
}

/** A product in TensorFlow.js. */
export async function tfjs({ rows, depth, columns, transposed }: Product): Promise<Contender> {
  const tf = await openTfjs();
  const left = tf.randomUniform([rows, depth]);
  const right = tf.randomUniform(transposed ? [columns, depth] : [depth, columns]);
  return {
    library: 'tfjs',
    async run() {
      // Reading one element is how tfjs waits; reading all of them would add a copy to its time.
      const one = tf.tidy(() => tf.matMul(left, right, false, transposed).slice([0, 0], [1, 1]));
      await one.data();
      one.dispose();
    },
  };
}

/** A product in jax-js. */
export async function jax({ rows, depth, columns, transposed }: Product): Promise<Contender> {
  const { numpy, random, blockUntilReady } = await openJax();
  const left = random.uniform(random.key(1), [rows, depth]);
  const right = random.uniform(random.key(2), transposed ? [columns, depth] : [depth, columns]);
  await blockUntilReady([left, right]);
  return {
    library: 'jax-js',
    async run() {
      const factor = transposed ? numpy.transpose(right.ref) : right.ref;
      const result = numpy.matmul(left.ref, factor);
      await result.blockUntilReady();
      result.dispose();
    },
  };
}
