/** Moving numbers between JavaScript and tensors. */

import type { Gpu } from './gpu';
import type { Tensor } from './tensor';

const MAP_READ = 0x01;
const COPY_DST = 0x08;
const MAP_MODE_READ = 0x01;

/**
 * Writes elements into a tensor, in queue order. The bytes are copied at once, so `data` may be reused.
 * @param byteOffset where in the tensor, a multiple of 4.
 */
export function writeTensor(
  gpu: Gpu,
  tensor: Tensor,
  data: ArrayBufferView<ArrayBuffer>,
  byteOffset = 0,
): void {
  if (data.byteLength % 4 === 0) {
    gpu.device.queue.writeBuffer(tensor.buffer, tensor.byteOffset + byteOffset, data);
    return;
  }
  // writeBuffer takes multiples of 4 only; buffers are padded, so the tail has room.
  const padded = new Uint8Array(Math.ceil(data.byteLength / 4) * 4);
  padded.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  gpu.device.queue.writeBuffer(tensor.buffer, tensor.byteOffset + byteOffset, padded);
}

/**
 * The bytes of a tensor after all work submitted so far. This waits for the GPU: for results, checkpoints and tests, not for loops
 * (those use {@link ReadbackRing}).
 */
export async function readBytes(gpu: Gpu, tensor: Tensor): Promise<ArrayBuffer> {
  const size = tensor.byteLength;
  const staging = gpu.device.createBuffer({
    label: `read ${tensor.name}`,
    size,
    usage: MAP_READ | COPY_DST,
  });
  const encoder = gpu.device.createCommandEncoder();
  encoder.copyBufferToBuffer(tensor.buffer, tensor.byteOffset, staging, 0, size);
  gpu.device.queue.submit([encoder.finish()]);
  try {
    await gpu.settled(staging.mapAsync(MAP_MODE_READ));
    return staging.getMappedRange().slice(0);
  } finally {
    staging.destroy();
  }
}

/** The elements of an f32 tensor, without padding. */
export async function readFloats(gpu: Gpu, tensor: Tensor): Promise<Float32Array<ArrayBuffer>> {
  return new Float32Array(await readBytes(gpu, tensor), 0, tensor.elements);
}

/** The elements of a u32 tensor, without padding. */
export async function readWords(gpu: Gpu, tensor: Tensor): Promise<Uint32Array<ArrayBuffer>> {
  return new Uint32Array(await readBytes(gpu, tensor), 0, tensor.elements);
}
