import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { parseTrainingConfig } from '../../src/config';
import { totalMemory } from '../../src/engine/memory-ledger';
import { secondsFor } from '../../src/engine/work';
import type { LlamaFolder } from '../../src/formats/llama-folder';
import { describeFolder } from '../../src/model/llama-weights';
import { PlannedTraining } from '../../src/model/planned-training';
import { measureTrainingPace } from '../../src/model/training-pace';
import { openTestGpu, type TestGpu } from '../gpu';
import { fixtureFolder } from './fixture';

const BATCH = { rows: 2, rowLength: 96 };

let runtime: TestGpu;
let folder: LlamaFolder;
beforeAll(async () => {
  runtime = await openTestGpu();
  folder = await fixtureFolder();
});
afterAll(() => runtime.gpu.destroy());

describe('the pace of training', () => {
  it.each(['qlora', 'lora', 'full'] as const)(
    'of %s is measured with the kernels that train, and leaves no memory behind',
    async (method) => {
      const description = describeFolder(folder);
      const config = parseTrainingConfig({ method });
      const training = { description, config, batch: BATCH };
      const pace = await measureTrainingPace(runtime, training, new AbortController().signal);
      expect(totalMemory(runtime.gpu.memory.byPurpose)).toBe(0);

      const { graph } = new PlannedTraining(description, config, BATCH, runtime.gpu);
      const seconds = secondsFor(pace, graph.accumulate.work);
      expect(seconds).toBeGreaterThan(0);
      // Absurd for a model of a few thousand weights, on whatever machine.
      expect(seconds).toBeLessThan(60);

      const compile = vi.spyOn(runtime.gpu.device, 'createComputePipelineAsync');
      await runtime.kernels.pipelines(graph.accumulate);
      expect(compile).not.toHaveBeenCalled();
      compile.mockRestore();
    },
  );

  it('is put aside between two submissions, with nothing left behind', async () => {
    const training = {
      description: describeFolder(folder),
      config: parseTrainingConfig({}),
      batch: BATCH,
    };
    const controller = new AbortController();
    const { queue } = runtime.gpu.device;
    const submit = queue.submit.bind(queue);
    const spy = vi.spyOn(queue, 'submit').mockImplementation((buffers) => {
      controller.abort(new Error('needed'));
      submit(buffers);
    });
    await expect(measureTrainingPace(runtime, training, controller.signal)).rejects.toThrow(
      'needed',
    );
    expect(spy).toHaveBeenCalledTimes(1);
    spy.mockRestore();
    expect(totalMemory(runtime.gpu.memory.byPurpose)).toBe(0);
  });

  it('is not that of a GPU that was lost meanwhile', async () => {
    const lost = await openTestGpu();
    const training = {
      description: describeFolder(folder),
      config: parseTrainingConfig({}),
      batch: BATCH,
    };
    const { queue } = lost.gpu.device;
    const submit = queue.submit.bind(queue);
    vi.spyOn(queue, 'submit').mockImplementation((buffers) => {
      submit(buffers);
      lost.gpu.destroy();
    });
    await expect(
      measureTrainingPace(lost, training, new AbortController().signal),
    ).rejects.toThrow();
  });
});
