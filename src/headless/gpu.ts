import { create, globals } from 'webgpu';

/** On NVIDIA Dawn offers 16-bit floats only to those who ask for them. */
const DAWN_FEATURES = 'enable-dawn-features=vulkan_enable_f16_on_nvidia';

/**
 * Node's WebGPU (Dawn), with the names that WebGPU code expects to find on the global object. The caller passes the `GPU` on and drops it:
 * one that stays reachable from a global keeps the process alive.
 *
 * @param adapterName part of the name of the adapter to use; without it TUNESMITH_ADAPTER, and without that the system's own choice
 */
export function createNodeGpu(adapterName = process.env.TUNESMITH_ADAPTER): GPU {
  Object.assign(globalThis, globals);
  const choice = adapterName === undefined || adapterName === '' ? [] : [`adapter=${adapterName}`];
  return create([DAWN_FEATURES, ...choice]);
}
