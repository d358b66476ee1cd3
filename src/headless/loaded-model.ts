import type { Runtime } from '../engine/runtime';
import type { LlamaGenerator } from '../model/llama-generator';
import type { LlamaTraining } from '../model/llama-training';
import type { LoadOptions } from '../model/load-weights';
import { openGenerator, type GeneratorSource } from '../model/open-generator';
import { openTraining, type TrainingSource } from '../model/open-training';
import { report, throttled } from './terminal';

const PROGRESS_SECONDS = 2;

/** Loads a model and what is to be trained onto the GPU for the length of some work. */
export async function withTraining<Result>(
  runtime: Runtime,
  source: TrainingSource,
  work: (training: LlamaTraining) => Promise<Result>,
): Promise<Result> {
  const open = await openTraining(runtime, source, loading(source.folder.name));
  try {
    return await work(open.model);
  } finally {
    open.destroy();
  }
}

/** Loads a model onto the GPU, with its adapter where it has one, to write or to give its logits. */
export async function withGenerator<Result>(
  runtime: Runtime,
  source: GeneratorSource,
  work: (generator: LlamaGenerator) => Promise<Result>,
): Promise<Result> {
  const open = await openGenerator(runtime, source, loading(source.folder.name));
  try {
    return await work(open.generator);
  } finally {
    open.destroy();
  }
}

function loading(name: string): LoadOptions {
  return {
    onProgress: throttled(PROGRESS_SECONDS, (done: number, total: number) => {
      report(`loading ${name}: ${Math.floor((100 * done) / total)} %`);
    }),
  };
}
