import type { Precision } from '../../config';
import { InputError, messageOf } from '../../errors';
import { describeFolder } from '../../model/llama-weights';
import { DEFAULT_LIMITS, predictMemory } from '../../model/memory';
import type { PlanLimits } from '../../model/planned-training';
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
    const limits = await limitsHere(values.precision);
    return { ...predictMemory(describeFolder(llama), settings, batch, limits) };
  },
});

/** The limits of this machine's adapter; where there is none, those that every adapter has. */
async function limitsHere(wanted: Precision | undefined): Promise<PlanLimits> {
  try {
    return await withRuntime(wanted, ({ gpu }) => {
      const { maxStorageBufferBindingSize, minUniformBufferOffsetAlignment } = gpu.limits;
      return Promise.resolve({ maxStorageBufferBindingSize, minUniformBufferOffsetAlignment });
    });
  } catch (error) {
    if (error instanceof InputError) throw error;
    report(`${messageOf(error)}; predicting for an adapter with WebGPU's default limits`);
    return DEFAULT_LIMITS;
  }
}
