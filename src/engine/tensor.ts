/**
 * Tensors are declared first and get their buffers later, all at once. Between the two the whole plan of a model can be recorded and
 * its memory summed without a GPU: that sum is the prediction a person sees before pressing Train.
 */

import { GpuError, unwrap, type Gpu } from './gpu';
import { noMemory, type MemoryByPurpose, type Purpose } from './memory-ledger';

/** Element types of tensors in GPU memory. `bf16` and `u8` are packed into 32-bit words, lowest bits first, and decoded by shaders. */
export type DType = 'f32' | 'f16' | 'bf16' | 'u32' | 'i32' | 'u8';

const BYTES: Readonly<Record<DType, number>> = { f32: 4, f16: 2, bf16: 2, u32: 4, i32: 4, u8: 1 };

/** Buffers are whole vec4s, so that the last vec4 load of a shader stays inside. */
const ALIGNMENT = 16;

/** Number of elements of a shape. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1);
}

/** Bytes that a buffer of this shape and type occupies. */
export function bufferBytes(shape: readonly number[], dtype: DType): number {
  return Math.max(1, Math.ceil((elementCount(shape) * BYTES[dtype]) / ALIGNMENT)) * ALIGNMENT;
}

/** Views begin at multiples of this, the strictest storage-buffer offset alignment of WebGPU. */
export const VIEW_ALIGNMENT = 256;

/** The memory behind one or more tensors. */
class Storage {
  buffer: GPUBuffer | undefined;
  constructor(
    readonly name: string,
    readonly bytes: number,
    readonly purpose: Purpose,
  ) {}
}

/** A named array in GPU memory, row-major, possibly not allocated yet. */
export class Tensor {
  constructor(
    readonly name: string,
    readonly shape: readonly number[],
    readonly dtype: DType,
    private readonly storage: Storage,
    /** Where it begins in its buffer, in bytes. */
    readonly byteOffset = 0,
  ) {}

  get elements(): number {
    return elementCount(this.shape);
  }

  /** Bytes from {@link byteOffset}, whole vec4s. */
  get byteLength(): number {
    return bufferBytes(this.shape, this.dtype);
  }

  /** The buffer it lies in; throws before {@link TensorSet.materialise}. */
  get buffer(): GPUBuffer {
    if (!this.storage.buffer) throw new Error(`tensor ${this.name} has no buffer yet`);
    return this.storage.buffer;
  }

  get materialised(): boolean {
    return this.storage.buffer !== undefined;
  }

  /** The same memory under another shape that is not larger; for scratch space that serves several operations in turn. */
  as(name: string, shape: readonly number[], dtype: DType = this.dtype): Tensor {
    return this.view(name, shape, 0, dtype);
  }

  /** Rows `first` to `first + count` of a matrix; they must begin at a multiple of {@link VIEW_ALIGNMENT} bytes. */
  rows(first: number, count: number): Tensor {
    const [, ...rest] = this.shape;
    const offset = first * elementCount(rest) * BYTES[this.dtype];
    return this.view(`${this.name}[${first}+${count}]`, [count, ...rest], offset);
  }

  /** A part of this tensor's memory, `byteOffset` bytes in. */
  view(
    name: string,
    shape: readonly number[],
    byteOffset: number,
    dtype: DType = this.dtype,
  ): Tensor {
    const start = this.byteOffset + byteOffset;
    const bytes = bufferBytes(shape, dtype);
    if (start % VIEW_ALIGNMENT !== 0) throw new Error(`${name} begins at byte ${start}`);
    if (start + bytes > this.storage.bytes) {
      throw new Error(
        `${name} ends at byte ${start + bytes} of ${this.storage.bytes} of ${this.name}`,
      );
    }
    return new Tensor(name, shape, dtype, this.storage, start);
  }

  /** True where two tensors lie in one buffer, which a dispatch may then not both read and write. */
  aliases(other: Tensor): boolean {
    return this.storage === other.storage;
  }
}

/** The tensor of most bytes. @throws Error where there is none */
export function largestOf(tensors: readonly Tensor[]): Tensor {
  return tensors.reduce((largest, tensor) =>
    tensor.byteLength > largest.byteLength ? tensor : largest,
  );
}

/**
 * @param limit bytes that the GPU binds at once
 * @param remedy what a person can do
 * @throws GpuError where the tensor is larger
 */
export function checkBinding(
  { name, shape, byteLength }: Tensor,
  limit: number,
  remedy: string,
): void {
  if (byteLength <= limit) return;
  const message = `"${name}" [${shape.join(', ')}] takes ${mebibytes(byteLength)}, more than the ${mebibytes(limit)} that this GPU works on at once; ${remedy}`;
  throw new GpuError({ kind: 'invalid', message });
}

function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)} MiB`;
}

/** A group of tensors that is declared, allocated and freed together. */
export class TensorSet {
  readonly #storages: Storage[] = [];
  #gpu: Gpu | undefined;

  /** Declares a tensor; zero-filled once it is allocated. */
  tensor(name: string, shape: readonly number[], dtype: DType, purpose: Purpose): Tensor {
    const storage = new Storage(name, bufferBytes(shape, dtype), purpose);
    this.#storages.push(storage);
    return new Tensor(name, shape, dtype, storage);
  }

  /** Bytes that this set takes or will take. */
  get memory(): MemoryByPurpose {
    const sum = noMemory();
    for (const { purpose, bytes } of this.#storages) sum[purpose] += bytes;
    return sum;
  }

  /**
   * Allocates what has no buffer yet.
   * @throws GpuError naming the largest tensor, with nothing left allocated, where memory or a limit does not suffice.
   */
  async materialise(gpu: Gpu): Promise<void> {
    this.#gpu = gpu;
    const missing = this.#storages.filter((storage) => !storage.buffer);
    const largest = missing.reduce((a, b) => (b.bytes > a.bytes ? b : a), missing[0] ?? NOTHING);
    const result = await gpu.guard(`Allocating ${missing.length} tensors (${largest.name})`, () => {
      for (const storage of missing) {
        storage.buffer = gpu.device.createBuffer({
          label: storage.name,
          size: storage.bytes,
          usage: GPU_BUFFER_USAGE,
        });
        gpu.memory.add(storage.purpose, storage.bytes);
      }
    });
    if (!result.ok) for (const storage of missing) release(gpu, storage);
    unwrap(result);
  }

  /** Frees every buffer; the tensors may be materialised again, zeroed. */
  destroy(): void {
    if (!this.#gpu) return;
    for (const storage of this.#storages) release(this.#gpu, storage);
  }
}

const NOTHING = new Storage('nothing', 0, 'workspace');

/** STORAGE | COPY_SRC | COPY_DST: numbers, because `GPUBufferUsage` is a global that Node does not have. */
const GPU_BUFFER_USAGE = 0x80 | 0x04 | 0x08;

function release(gpu: Gpu, storage: Storage): void {
  if (!storage.buffer) return;
  storage.buffer.destroy();
  storage.buffer = undefined;
  gpu.memory.remove(storage.purpose, storage.bytes);
}
