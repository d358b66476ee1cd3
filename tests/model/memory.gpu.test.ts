import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { parseTrainingConfig } from '../../src/config';
import type { LlamaFolder } from '../../src/formats/llama-folder';
import { describeFolder } from '../../src/model/llama-weights';
import { predictMemory } from '../../src/model/memory';
import { openTraining } from '../../src/model/open-training';
import { openTestGpu, type TestGpu } from '../gpu';
import { fixtureFolder } from './fixture';

let folder: LlamaFolder;
beforeAll(async () => {
  folder = await fixtureFolder();
});

/** Counts the bytes of the device's own buffers that are alive, whatever any ledger of ours says of them. */
function countBuffers(runtime: TestGpu) {
  const { device } = runtime.gpu;
  const createBuffer = device.createBuffer.bind(device);
  const living = { bytes: 0 };
  const spy = vi.spyOn(device, 'createBuffer').mockImplementation((descriptor) => {
    const buffer = createBuffer(descriptor);
    const destroy = buffer.destroy.bind(buffer);
    living.bytes += buffer.size;
    buffer.destroy = () => {
      living.bytes -= buffer.size;
      destroy();
    };
    return buffer;
  });
  return { living, restore: () => spy.mockRestore() };
}

describe.each([
  { type: 'f16', without: [] },
  { type: 'f32', without: ['f16'] as const },
])('the memory of a run, activations kept as $type', ({ type, without }) => {
  let runtime: TestGpu;
  beforeAll(async () => {
    runtime = await openTestGpu({ without });
  });
  afterAll(() => runtime.gpu.destroy());

  it.each([
    ['QLoRA', { method: 'qlora' }],
    ['QLoRA with its head in 8 bits', { method: 'qlora', head_quantization: 'q8_0' }],
    ['LoRA that keeps all activations', { method: 'lora', gradient_checkpointing: false }],
    ['full fine-tuning', { method: 'full' }],
  ])('is predicted for %s as its buffers are made', async (_, settings) => {
    const config = parseTrainingConfig(settings);
    const batch = { rows: 2, rowLength: 192 };
    const predicted = predictMemory(describeFolder(folder), config, batch, runtime.gpu).total_bytes;
    const { living, restore } = countBuffers(runtime);
    try {
      const open = await openTraining(runtime, { folder, config, batch });
      expect(open.planned.activationType).toBe(type);
      // Within the 2 % that the page promises; what is not predicted are a few readings of some bytes.
      expect(Math.abs(living.bytes / predicted - 1)).toBeLessThan(0.02);
      open.destroy();
      // All of it comes back but the buffers for readings, which are kept.
      expect(living.bytes).toBeLessThan(0.02 * predicted);
    } finally {
      restore();
    }
  });
});
