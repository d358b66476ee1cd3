import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseTrainingConfig } from '../../src/config';
import { openGpu, unwrap } from '../../src/engine/gpu';
import { Runtime } from '../../src/engine/runtime';
import type { LlamaFolder } from '../../src/formats/llama-folder';
import { openGenerator, TUNED } from '../../src/model/open-generator';
import { openTraining } from '../../src/model/open-training';
import { createNodeGpu } from '../../src/headless/gpu';
import { openTestGpu } from '../gpu';
import { relativeError } from '../reference/numeric';
import { fixtureAdapter, fixtureFolder, packed, readResults } from './fixture';

// The whole job on the least that WebGPU guarantees: Dawn refuses whatever goes past the limits that a device was asked for. Without
// subgroups a software adapter also runs the kernels' forms for real GPUs, here in a whole model.

// Two blocks in f32, whose sums the two forms of a product round in another order.
const TOLERANCE = 2e-5;

/** https://www.w3.org/TR/webgpu/#limits, the defaults. */
const LEAST_LIMITS = {
  maxBufferSize: 2 ** 28,
  maxStorageBufferBindingSize: 2 ** 27,
  maxComputeWorkgroupStorageSize: 16_384,
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupSizeX: 256,
  maxComputeWorkgroupSizeY: 256,
  maxComputeWorkgroupSizeZ: 64,
  maxComputeWorkgroupsPerDimension: 65_535,
  maxStorageBuffersPerShaderStage: 8,
};

/** The machine's GPU, with no more to offer than every WebGPU has. */
function leastGpu(gpu: GPU): GPU {
  const requestAdapter = async (options?: GPURequestAdapterOptions) => {
    const adapter = await gpu.requestAdapter(options);
    return (
      adapter && {
        info: adapter.info,
        features: new Set(),
        limits: LEAST_LIMITS,
        requestDevice: (descriptor: GPUDeviceDescriptor) => adapter.requestDevice(descriptor),
      }
    );
  };
  return { requestAdapter } as unknown as GPU;
}

let least: Runtime;
let own: Runtime;
let folder: LlamaFolder;
beforeAll(async () => {
  least = new Runtime(unwrap(await openGpu(leastGpu(createNodeGpu()))));
  own = await openTestGpu({ without: ['f16'] });
  folder = await fixtureFolder();
});
afterAll(() => {
  least.gpu.destroy();
  own.gpu.destroy();
});

/** Loss, norm and gradients of a step; Adam's first moments are a tenth of the gradients after it. */
async function trained(runtime: Runtime, settings: Record<string, unknown>) {
  const config = parseTrainingConfig({ r: 4, lora_alpha: 6, ...settings });
  const rowLength = 20;
  const batch = packed(await readResults(), rowLength);
  // Its B is not zero, so that A has gradients.
  const adapter = config.method === 'full' ? undefined : await fixtureAdapter(folder);
  const shape = { rows: 1, rowLength };
  const opened = await openTraining(runtime, { folder, config, batch: shape, adapter });
  const { model } = opened;
  await model.accumulate(batch, { lossScale: 1 / batch.trainedTokens, seed: 3 });
  await model.update({
    learningRate: 1e-3,
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-8,
    weightDecay: 0,
    biasCorrection1: 0.1,
    biasCorrection2: 0.001,
    maxGradNorm: 1,
  });
  const reading = await model.readStep();
  const { firstMoments } = await model.exportState();
  const names = model.parameters.map(({ name }) => name);
  opened.destroy();
  return { reading, gradients: new Map(names.map((name, i) => [name, firstMoments[i] ?? []])) };
}

async function written(runtime: Runtime): Promise<number[]> {
  const opened = await openGenerator(runtime, {
    folder,
    settings: { quantization: 'nf4', head_quantization: 'q8_0' },
    adapter: await fixtureAdapter(folder),
    capacity: 64,
  });
  const tokens: number[] = [];
  const answer = opened.generator.generate({
    adapter: TUNED,
    prompt: Array.from({ length: 21 }, (_, i) => (5 * i + 2) % folder.config.vocab_size),
    maxTokens: 12,
    settings: { temperature: 0.8, topP: 0.9, topK: 5, seed: 4 },
    endTokens: [],
  });
  for await (const token of answer) tokens.push(token);
  opened.destroy();
  return tokens;
}

describe('a GPU with the least that WebGPU guarantees', () => {
  it('offers nothing more', () => {
    expect(least.gpu.features).toEqual({ f16: false, subgroups: false, timestamps: false });
    expect(least.gpu.limits).toMatchObject(LEAST_LIMITS);
  });

  it.each([
    { method: 'qlora', lora_dropout: 0.2, head_quantization: 'q8_0' },
    { method: 'lora', gradient_checkpointing: false },
    { method: 'full' },
  ])("has the loss and gradients of the machine's own GPU: %o", async (settings) => {
    const { reading, gradients } = await trained(least, settings);
    const expected = await trained(own, settings);
    expect(relativeError([reading.lossSum], [expected.reading.lossSum])).toBeLessThan(TOLERANCE);
    expect(relativeError([reading.gradNorm], [expected.reading.gradNorm])).toBeLessThan(TOLERANCE);
    for (const [name, gradient] of expected.gradients) {
      const error = relativeError(gradients.get(name) ?? [], gradient);
      expect(error, name).toBeLessThan(TOLERANCE);
    }
  });

  it("writes the tokens of the machine's own GPU", async () => {
    expect(await written(least)).toEqual(await written(own));
  });
});
