/**
 * Prints what WebGPU adapter Node gets on this machine, as one line of JSON: `{ "description", "software", "f16" }` or `null`. A process
 * of its own, because a broken driver may take its process with it.
 */
import { create } from 'webgpu';

const name = process.env.TUNESMITH_ADAPTER;
const gpu = create([
  'enable-dawn-features=vulkan_enable_f16_on_nvidia',
  ...(name === undefined || name === '' ? [] : [`adapter=${name}`]),
]);
const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
const found = adapter && {
  description: adapter.info.description || adapter.info.device,
  software: adapter.info.isFallbackAdapter,
  f16: adapter.features.has('shader-f16'),
};
process.stdout.write(`${JSON.stringify(found)}\n`, () => process.exit(0));
