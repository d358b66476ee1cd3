/** Reading small results back while the GPU works on. */

import type { Gpu } from './gpu';
import type { Tensor } from './tensor';

const MAP_READ = 0x01;
const COPY_DST = 0x08;
const MAP_MODE_READ = 0x01;

/** Staging buffers that take turns; a read waits only when all of them are still on their way. */
export class ReadbackRing {
  readonly #free: GPUBuffer[] = [];
  readonly #waiting: ((buffer: GPUBuffer) => void)[] = [];

  /**
   * @param bytes the largest tensor to be read.
   * @param slots how many reads may be on their way at once.
   */
  constructor(
    private readonly gpu: Gpu,
    bytes: number,
    slots = 4,
  ) {
    for (let slot = 0; slot < slots; slot++) {
      this.#free.push(
        gpu.device.createBuffer({
          label: `readback ${slot}`,
          size: bytes,
          usage: MAP_READ | COPY_DST,
        }),
      );
    }
  }

  /** The tensor's bytes as they are after the work submitted before this call. */
  async read(tensor: Tensor): Promise<ArrayBuffer> {
    const size = tensor.byteLength;
    const staging = await this.#take();
    const encoder = this.gpu.device.createCommandEncoder();
    encoder.copyBufferToBuffer(tensor.buffer, tensor.byteOffset, staging, 0, size);
    this.gpu.device.queue.submit([encoder.finish()]);
    try {
      await staging.mapAsync(MAP_MODE_READ, 0, size);
      return staging.getMappedRange(0, size).slice(0);
    } finally {
      staging.unmap();
      this.#give(staging);
    }
  }

  destroy(): void {
    for (const buffer of this.#free) buffer.destroy();
  }

  #take(): GPUBuffer | Promise<GPUBuffer> {
    return this.#free.pop() ?? new Promise((resolve) => this.#waiting.push(resolve));
  }

  #give(buffer: GPUBuffer): void {
    const next = this.#waiting.shift();
    if (next) next(buffer);
    else this.#free.push(buffer);
  }
}
