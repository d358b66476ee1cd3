import type { Precision } from '../config';
import { openGpu, unwrap, type GpuResult, type Gpu } from '../engine/gpu';
import { Runtime } from '../engine/runtime';
import { InputError, messageOf } from '../errors';

/**
 * Opens this machine's GPU for the length of some work.
 *
 * @param precision f32 leaves the adapter's 16-bit floats unused
 * @throws InputError where f16 was asked for and the adapter has none
 */
export async function withRuntime<Result>(
  precision: Precision | undefined,
  work: (runtime: Runtime) => Promise<Result>,
): Promise<Result> {
  const gpu = unwrap(await openNodeGpu(precision));
  try {
    if (precision === 'f16' && !gpu.features.f16) {
      throw new InputError(`--precision f16 needs 16-bit floats, which ${gpu.name} does not have`);
    }
    return await work(new Runtime(gpu));
  } finally {
    gpu.destroy();
  }
}

async function openNodeGpu(precision: Precision | undefined): Promise<GpuResult<Gpu>> {
  const { createNodeGpu } = await import('./gpu');
  try {
    return await openGpu(createNodeGpu(), { without: precision === 'f32' ? ['f16'] : [] });
  } catch (error) {
    // Dawn in Node throws where a browser answers that there is no adapter.
    throw new Error(`this machine offers no WebGPU adapter (${messageOf(error)})`, {
      cause: error,
    });
  }
}
