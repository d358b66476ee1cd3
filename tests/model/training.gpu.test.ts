import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseTrainingConfig, TARGET_MODULES } from '../../src/config';
import { readFloats } from '../../src/engine/transfer';
import type { LlamaFolder } from '../../src/formats/llama-folder';
import { LlamaTraining } from '../../src/model/llama-training';
import { describeFolder } from '../../src/model/llama-weights';
import { loadWeights } from '../../src/model/load-weights';
import { PlannedTraining } from '../../src/model/planned-training';
import { openTestGpu, type TestGpu } from '../gpu';
import { relativeError } from '../reference/numeric';
import { fixtureAdapter, fixtureFolder, packed, readResults, readTensors } from './fixture';

// Two blocks of f32 matmuls, norms and softmax against PyTorch's f32, which rounds in another order.
const LOSS_TOLERANCE = 2e-6;
const GRADIENT_TOLERANCE = 2e-5;

let runtime: TestGpu;
let folder: LlamaFolder;
beforeAll(async () => {
  runtime = await openTestGpu();
  folder = await fixtureFolder();
});
afterAll(() => runtime.gpu.destroy());

async function prepare(settings: Record<string, unknown>, rowLength: number) {
  const config = parseTrainingConfig({
    r: 4,
    lora_alpha: 6,
    target_modules: [...TARGET_MODULES],
    ...settings,
  });
  const planned = new PlannedTraining(
    describeFolder(folder),
    config,
    { rows: 1, rowLength },
    runtime.gpu.limits,
  );
  const before = runtime.gpu.memory.total;
  await planned.frozen.materialise(runtime.gpu);
  await planned.trained.materialise(runtime.gpu);
  await loadWeights(runtime, folder, planned.weights);
  if (planned.lora) {
    const { weights } = await fixtureAdapter(folder);
    for (const [name, { A, B }] of weights) {
      planned.parameters.write(runtime.gpu, `${name}.lora_A`, 'parameters', A);
      planned.parameters.write(runtime.gpu, `${name}.lora_B`, 'parameters', B);
    }
  }
  const training = await LlamaTraining.create(runtime, planned.graph, planned.parameters);
  const allocated = runtime.gpu.memory.total - before;
  const destroy = (): void => {
    training.destroy();
    planned.trained.destroy();
    planned.frozen.destroy();
  };
  return { planned, training, allocated, destroy };
}

async function lossAndGradients(settings: Record<string, unknown>, rowLength: number) {
  const results = await readResults();
  const { planned, training, destroy } = await prepare(settings, rowLength);
  const batch = packed(results, rowLength);
  expect(batch.trainedTokens).toBe(results.trained_tokens);
  await training.accumulate(batch, { lossScale: 1 / batch.trainedTokens, seed: 1 });
  const [lossSum = NaN] = await readFloats(runtime.gpu, planned.graph.lossSum);
  const gradients = new Map<string, Float32Array>();
  for (const { name, shape } of planned.parameters.parameters) {
    const tensor =
      shape.length === 1
        ? planned.parameters.gradient(name)
        : planned.parameters.weightGradient(name).parts[0]?.tensors[0];
    if (tensor) gradients.set(name, await readFloats(runtime.gpu, tensor));
  }
  destroy();
  return { loss: lossSum / batch.trainedTokens, gradients, results };
}

describe.each([
  ['lora', 'none', 'dense'],
  ['qlora', 'nf4', 'nf4'],
] as const)('%s over %s weights', (method, quantization, kind) => {
  it.each([
    [true, 20],
    [false, 27],
  ])(
    'has the loss and gradients of PyTorch and PEFT, packed (checkpointing %s, %i tokens)',
    async (gradient_checkpointing, rowLength) => {
      const { loss, gradients, results } = await lossAndGradients(
        { method, quantization, gradient_checkpointing },
        rowLength,
      );
      expect(relativeError([loss], [results[`${kind}_loss`]])).toBeLessThan(LOSS_TOLERANCE);
      const expected = await readTensors(`${kind}-lora-gradients.safetensors`);
      expect(expected.size).toBe(gradients.size);
      for (const [name, gradient] of expected) {
        const error = relativeError(gradients.get(name.replace(/^model\./, '')) ?? [], gradient);
        expect(error, name).toBeLessThan(GRADIENT_TOLERANCE);
      }
    },
  );
});

describe('full fine-tuning', () => {
  it.each([true, false])('has the loss and gradients of PyTorch (checkpointing %s)', async (on) => {
    const settings = { method: 'full', gradient_checkpointing: on };
    const { loss, gradients, results } = await lossAndGradients(settings, 21);
    expect(relativeError([loss], [results.full_loss])).toBeLessThan(LOSS_TOLERANCE);
    const expected = await readTensors('full-gradients.safetensors');
    for (const [name, gradient] of expected) {
      const error = relativeError(gradients.get(name) ?? [], gradient);
      expect(error, name).toBeLessThan(GRADIENT_TOLERANCE);
    }
  });
});

describe('memory', () => {
  it.each([
    [{ method: 'qlora' }, 20],
    [{ method: 'qlora', gradient_checkpointing: false }, 64],
    [{ method: 'lora', head_quantization: 'q8_0' }, 33],
    [{ method: 'full' }, 20],
  ])('of %o is what was predicted, to the byte', async (settings, rowLength) => {
    const { planned, allocated, destroy } = await prepare(settings, rowLength);
    const predicted = Object.values(planned.memory).reduce((sum, bytes) => sum + bytes, 0);
    expect(allocated).toBe(predicted);
    destroy();
    expect(runtime.gpu.memory.total).toBe(0);
  });
});
