import type { Precision } from '../../config';
import { InputError, messageOf } from '../../errors';
import { describeFolder } from '../../model/llama-weights';
import { plainDevice, predictMemory } from '../../model/memory';
import type { PlanDevice } from '../../model/planned-training';
import { defineCommand } from '../command';
import { config, model, precision } from '../common-options';
import { readConfigFile } from '../config-file';
import { openModel } from '../model-input';
import { withRuntime } from '../runtime';
import { report } from '../terminal';

/** Predicts what a run will take of GPU memory, for rows of the longest length that the configuration allows. */
export const memoryCommand = defineCommand({
  name: 'memory',
  summary: 'predicts the GPU memory of a training run',
  options: { model, config, precision },
  async work(values) {
    const settings = await readConfigFile(values.config);
    const llama = await openModel(values.model);
    const batch = { rows: settings.micro_batch_size, rowLength: settings.max_seq_length };
    const device = await deviceHere(values.precision);
    return { ...predictMemory(describeFolder(llama), settings, batch, device) };
  },
});

/** What plans depend on of this machine's adapter; where there is none, of one with the limits that every adapter has. */
async function deviceHere(wanted: Precision | undefined): Promise<PlanDevice> {
  try {
    return await withRuntime(wanted, ({ gpu }) => {
      const { maxStorageBufferBindingSize, minUniformBufferOffsetAlignment } = gpu.limits;
      const limits = { maxStorageBufferBindingSize, minUniformBufferOffsetAlignment };
      return Promise.resolve({ limits, features: gpu.features });
    });
  } catch (error) {
    if (error instanceof InputError) throw error;
    report(`${messageOf(error)}; predicting for an adapter with WebGPU's default limits`);
    return plainDevice(wanted === 'f16');
  }
}
