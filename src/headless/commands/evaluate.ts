import type { TrainingConfig } from '../../config';
import { BatchStream, rowLengthFor } from '../../data/batches';
import type { TokenizedDataset } from '../../data/dataset';
import type { LoraAdapter } from '../../formats/peft-adapter';
import { evaluateEpoch } from '../../train/evaluate';
import { defineCommand } from '../command';
import {
  adapter,
  config,
  data,
  headQuantization,
  model,
  precision,
  quantization,
} from '../common-options';
import { readEvaluationConfig } from '../config-file';
import { openDataFiles } from '../data-files';
import { withDataset } from '../dataset';
import { withTraining } from '../loaded-model';
import { openAdapter, openModel } from '../model-input';
import { withRuntime } from '../runtime';

/** The mean loss of a model over all trained tokens of some data. */
export const evaluateCommand = defineCommand({
  name: 'evaluate',
  summary: 'gives the loss and the perplexity of a model over data',
  options: { model, adapter, quantization, headQuantization, data, config, precision },
  async work(values) {
    const settings = await readEvaluationConfig(values.config);
    const folder = await openModel(values.model);
    const lora =
      values.adapter === undefined ? undefined : await openAdapter(values.adapter, folder);
    const files = await openDataFiles(values.data);
    const evaluated: TrainingConfig = {
      ...settings,
      ...frozenSettings(lora),
      quantization: values.quantization ?? settings.quantization,
      head_quantization: values.headQuantization ?? settings.head_quantization,
    };
    const vocabulary = folder.config.vocab_size;
    return withDataset(files, folder.folder, vocabulary, settings, (dataset) => {
      const { batch, stream } = wholeDataset(dataset, settings);
      const source = { folder, config: evaluated, batch, adapter: lora };
      return withRuntime(values.precision, (runtime) =>
        withTraining(runtime, source, async (training) => {
          const evaluation = await evaluateEpoch(training, stream);
          if (evaluation === undefined) throw new Error('the evaluation was interrupted');
          const { loss, trainedTokens } = evaluation;
          return {
            loss,
            perplexity: Math.exp(loss),
            trained_tokens: trainedTokens,
            examples: dataset.examples,
          };
        }),
      );
    });
  },
});

/**
 * What stands in for what would be trained: the adapter, or a new one of rank 1, whose B of zeros leaves every number of the model as
 * it is.
 */
function frozenSettings(
  lora: LoraAdapter | undefined,
): Pick<
  TrainingConfig,
  'method' | 'r' | 'lora_alpha' | 'use_rslora' | 'target_modules' | 'gradient_checkpointing'
> {
  const smallest = { r: 1, lora_alpha: 1, use_rslora: false, target_modules: ['q_proj'] as const };
  const { r, lora_alpha, use_rslora, target_modules } = lora?.config ?? smallest;
  return {
    method: 'lora',
    r,
    lora_alpha,
    use_rslora,
    target_modules: [...target_modules],
    gradient_checkpointing: true,
  };
}

function wholeDataset(dataset: TokenizedDataset, settings: TrainingConfig) {
  const { micro_batch_size: rows, packing, seed } = settings;
  const batch = { rows, rowLength: rowLengthFor(dataset, settings) };
  const indices = Uint32Array.from({ length: dataset.examples }, (_, index) => index);
  const stream = new BatchStream(dataset, { ...batch, indices, packing, shuffle: false, seed });
  return { batch, stream };
}
