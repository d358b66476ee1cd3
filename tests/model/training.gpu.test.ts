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

// Storing a number in 11 bits changes it by 2^-12.4 of itself on the average, by up to 2^-10 where an adapter cuts off. The seven roundings of a
// block (q and k have two) are independent: sqrt(2 * 7) * 2^-12.4 = 7e-4 of what two blocks pass on, and more of the gradients behind the
// softmax, which are differences. On lavapipe 2.3e-3 is seen of gradients and 2.2e-4 of losses.
const HALF_LOSS_TOLERANCE = 7e-4;
const HALF_GRADIENT_TOLERANCE = 5e-3;

let plain: TestGpu;
let half: TestGpu;
let folder: LlamaFolder;
beforeAll(async () => {
  plain = await openTestGpu({ without: ['f16'] });
  half = await openTestGpu();
  folder = await fixtureFolder();
});
afterAll(() => {
  plain.gpu.destroy();
  half.gpu.destroy();
});

async function prepare(runtime: TestGpu, settings: Record<string, unknown>, rowLength: number) {
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
    runtime.gpu,
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

async function lossAndGradients(
  runtime: TestGpu,
  settings: Record<string, unknown>,
  rowLength: number,
) {
  const results = await readResults();
  const { planned, training, destroy } = await prepare(runtime, settings, rowLength);
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
        plain,
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
    const { loss, gradients, results } = await lossAndGradients(plain, settings, 21);
    expect(relativeError([loss], [results.full_loss])).toBeLessThan(LOSS_TOLERANCE);
    const expected = await readTensors('full-gradients.safetensors');
    for (const [name, gradient] of expected) {
      const error = relativeError(gradients.get(name) ?? [], gradient);
      expect(error, name).toBeLessThan(GRADIENT_TOLERANCE);
    }
  });
});

describe('with activations kept in 16 bits', () => {
  it.each([
    [{ method: 'qlora', quantization: 'nf4' }, 'nf4', 'nf4-lora'],
    [
      { method: 'lora', quantization: 'none', gradient_checkpointing: false },
      'dense',
      'dense-lora',
    ],
    [{ method: 'full' }, 'full', 'full'],
  ] as const)('%o has the loss and gradients of PyTorch', async (settings, kind, file) => {
    const { loss, gradients, results } = await lossAndGradients(half, settings, 27);
    expect(relativeError([loss], [results[`${kind}_loss`]])).toBeLessThan(HALF_LOSS_TOLERANCE);
    const expected = await readTensors(`${file}-gradients.safetensors`);
    for (const [name, gradient] of expected) {
      const own = gradients.get(name) ?? gradients.get(name.replace(/^model\./, ''));
      const error = relativeError(own ?? [], gradient);
      expect(error, name).toBeLessThan(HALF_GRADIENT_TOLERANCE);
    }
  });
});

describe.each(['f32', 'f16'])('memory, activations kept as %s', (type) => {
  it.each([
    [{ method: 'qlora' }, 20],
    [{ method: 'qlora', gradient_checkpointing: false }, 64],
    [{ method: 'lora', head_quantization: 'q8_0' }, 33],
    [{ method: 'full' }, 20],
  ])('of %o is what was predicted, to the byte', async (settings, rowLength) => {
    const runtime = type === 'f16' ? half : plain;
    const { planned, allocated, destroy } = await prepare(runtime, settings, rowLength);
    expect(planned.activationType).toBe(type);
    const predicted = Object.values(planned.memory).reduce((sum, bytes) => sum + bytes, 0);
    expect(allocated).toBe(predicted);
    destroy();
    expect(runtime.gpu.memory.total).toBe(0);
  });
});
