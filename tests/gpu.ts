/** A GPU for tests: the machine's own adapter through Dawn. Where there is none, tests fail. */

import type { ActivationType } from '../src/engine/ops/activation';
import { openGpu, unwrap, type GpuFeatures, type GpuOptions } from '../src/engine/gpu';
import { Plan } from '../src/engine/plan';
import { Runtime } from '../src/engine/runtime';
import { TensorSet, type DType, type Tensor } from '../src/engine/tensor';
import { readBytes, readFloats, writeTensor } from '../src/engine/transfer';
import { decodeFloats, encodeFloats } from '../src/formats/float-codec';
import { createNodeGpu } from '../src/headless/gpu';

/** An open device with what plans need to run on it. */
export type TestGpu = Runtime;

/** Every form of kernels that an adapter may run: the one that it would choose, and the one without subgroups. */
export const FORMS: readonly { form: string; without: readonly (keyof GpuFeatures)[] }[] = [
  { form: "the adapter's own form", without: [] },
  { form: 'without subgroups', without: ['subgroups'] },
];

/** Opens a device; close it with `gpu.destroy()` in `afterAll`. */
export async function openTestGpu(options?: GpuOptions): Promise<TestGpu> {
  return new Runtime(unwrap(await openGpu(createNodeGpu(), options)));
}

/** Declares tensors, records a plan with them and runs it: the shape of every kernel test. */
export class Bench {
  readonly set = new TensorSet();
  readonly plan = new Plan('test');
  readonly #contents: { tensor: Tensor; data: ArrayBufferView<ArrayBuffer> }[] = [];

  constructor(private readonly context: TestGpu) {}

  /** A tensor with contents; as f16 they are rounded to the nearest. */
  input(
    name: string,
    shape: readonly number[],
    data: Float32Array<ArrayBuffer>,
    dtype: ActivationType = 'f32',
  ): Tensor {
    return this.raw(name, shape, dtype, dtype === 'f32' ? data : encodeFloats(data, 'F16'));
  }

  /** A tensor of any type with its bytes. */
  raw(
    name: string,
    shape: readonly number[],
    dtype: DType,
    data: ArrayBufferView<ArrayBuffer>,
  ): Tensor {
    const tensor = this.set.tensor(name, shape, dtype, 'workspace');
    this.fill(tensor, data);
    return tensor;
  }

  /** Contents for a tensor declared elsewhere in this set. */
  fill(tensor: Tensor, data: ArrayBufferView<ArrayBuffer>): void {
    this.#contents.push({ tensor, data });
  }

  /** A tensor poisoned with a value that no kernel should leave behind. */
  output(
    name: string,
    shape: readonly number[],
    poison = NaN,
    dtype: ActivationType = 'f32',
  ): Tensor {
    const length = shape.reduce((product, extent) => product * extent, 1);
    return this.input(name, shape, new Float32Array(length).fill(poison), dtype);
  }

  /** Allocates, uploads, compiles and runs the plan once; results are read with {@link Bench.read}. */
  async run(): Promise<void> {
    const { gpu } = this.context;
    await this.set.materialise(gpu);
    for (const { tensor, data } of this.#contents) writeTensor(gpu, tensor, data);
    const result = await gpu.guard('test plan', async () => {
      const compiled = await this.context.compile(this.plan);
      await this.context.run(compiled);
      await this.context.idle();
      compiled.destroy();
    });
    unwrap(result);
  }

  /** The numbers of an f32 or f16 tensor. */
  async read(tensor: Tensor): Promise<Float32Array<ArrayBuffer>> {
    if (tensor.dtype !== 'f16') return readFloats(this.context.gpu, tensor);
    const bytes = await this.readBytes(tensor);
    return decodeFloats(new Uint8Array(bytes, 0, 2 * tensor.elements), 'F16');
  }

  readBytes(tensor: Tensor): Promise<ArrayBuffer> {
    return readBytes(this.context.gpu, tensor);
  }

  destroy(): void {
    this.set.destroy();
  }
}
