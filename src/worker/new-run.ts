import type { TrainingConfig } from '../config';
import type { DatasetSummary, RunRequest } from './api';
import type { StoredRun } from './services';

/**
 * The record of a run that begins.
 * @param taken names that other runs have
 */
export function newRun(
  request: RunRequest,
  config: TrainingConfig,
  modelName: string,
  dataset: DatasetSummary,
  taken: readonly string[] = [],
): StoredRun {
  const { name, modelId, datasetId, precision, prompts, sampleEverySteps } = request;
  return {
    id: crypto.randomUUID(),
    name: name.trim() || untaken(nameOf(dataset, modelName), taken),
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
    dataName: dataNameOf(dataset),
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

/** 'fables on Llama-3.2-1B-Instruct': as short as it can be told by, since files and model are named in full beside it. */
function nameOf({ files }: DatasetSummary, modelName: string): string {
  const data = files[0]?.name.replace(/(?<=.)\.[^.]+$/, '') ?? 'data';
  const model = modelName.slice(modelName.lastIndexOf('/') + 1);
  return `${data}${moreFiles(files)} on ${model}`;
}

/** The name, or with the first number that makes it another: 'fables on Starter, 2'. */
function untaken(name: string, taken: readonly string[]): string {
  const numbered = (number: number): string => (number === 1 ? name : `${name}, ${number}`);
  let number = 1;
  while (taken.includes(numbered(number))) number += 1;
  return numbered(number);
}

/** 'fables.txt, 412 examples' */
function dataNameOf({ files, examples }: DatasetSummary): string {
  const first = files[0]?.name ?? 'data';
  return `${first}${moreFiles(files)}, ${examples} ${examples === 1 ? 'example' : 'examples'}`;
}

function moreFiles({ length }: DatasetSummary['files']): string {
  return length > 1 ? ` and ${length - 1} more` : '';
}
