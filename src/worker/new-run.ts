import type { TrainingConfig } from '../config';
import type { DatasetSummary, RunRequest } from './api';
import type { StoredRun } from './services';

/** The record of a run that begins. */
export function newRun(
  request: RunRequest,
  config: TrainingConfig,
  modelName: string,
  dataset: DatasetSummary,
): StoredRun {
  const { name, modelId, datasetId, precision, prompts, sampleEverySteps } = request;
  const dataName = dataNameOf(dataset);
  return {
    id: crypto.randomUUID(),
    name: name.trim() || `${dataName.split(',')[0] ?? 'data'} on ${modelName}`,
    createdAt: Date.now(),
    phase: 'preparing',
    modelId,
    datasetId,
    config,
    step: 0,
    totalSteps: 0,
    loss: null,
    bestEvalLoss: null,
    modelName,
    dataName,
    failure: null,
    precision,
    gpu: null,
    prompts: [...prompts],
    sampleEverySteps,
    samples: [],
    notices: [],
    closed: false,
  };
}

/** 'fables.txt, 412 examples' */
function dataNameOf({ files, examples }: DatasetSummary): string {
  const [first, ...others] = files.map(({ name }) => name);
  const more = others.length > 0 ? ` and ${others.length} more` : '';
  return `${first ?? 'data'}${more}, ${examples} ${examples === 1 ? 'example' : 'examples'}`;
}
