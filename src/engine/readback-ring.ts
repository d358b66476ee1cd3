/** Reading small results back while the GPU works on. */

import type { Gpu } from './gpu';
import type { Tensor } from './tensor';

const MAP_READ = 0x01;
const COPY_DST = 0x08;
const MAP_MODE_READ = 0x01;

/** Staging buffers that take turns; there are as many as there were ever reads under way at once. */
export class ReadbackRing {
  readonly #free: GPUBuffer[] = [];

  /** @param bytes of the largest tensor to be read. */
  constructor(
    private readonly gpu: Gpu,
    private readonly bytes: number,
  ) {}

  /** The tensor's bytes as they are after the work submitted before this call, whatever is submitted after it. */
  async read(tensor: Tensor): Promise<ArrayBuffer> {
    const size = tensor.byteLength;
    const staging = this.#free.pop() ?? this.#create();
    const encoder = this.gpu.device.createCommandEncoder();
    encoder.copyBufferToBuffer(tensor.buffer, tensor.byteOffset, staging, 0, size);
    this.gpu.device.queue.submit([encoder.finish()]);
    await this.gpu.settled(staging.mapAsync(MAP_MODE_READ, 0, size));
    const bytes = staging.getMappedRange(0, size).slice(0);
    staging.unmap();
    this.#free.push(staging);
    return bytes;
  }

  destroy(): void {
    for (const buffer of this.#free) buffer.destroy();
  }

  #create(): GPUBuffer {
    return this.gpu.device.createBuffer({
      label: 'readback',
      size: this.bytes,
      usage: MAP_READ | COPY_DST,
    });
  }
}
