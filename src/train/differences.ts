import { configKeys, sameSetting, shownSetting, type TrainingConfig } from '../config';
import { InputError } from '../errors';
import type { TrainedParameter } from '../model/trainable';
import type { Checkpoint, RunIdentity } from './checkpoint';

/** The first setting in which two configurations differ, as a sentence; undefined where they say the same. */
export function configDifference(saved: TrainingConfig, given: TrainingConfig): string | undefined {
  const key = configKeys().find((name) => !sameSetting(saved[name], given[name]));
  if (key === undefined) return undefined;
  return `${key} is ${shownSetting(given[key])}, but the run was started with ${shownSetting(saved[key])}`;
}

/** The first thing besides the configuration in which two runs differ, as a sentence. */
export function identityDifference(saved: RunIdentity, given: RunIdentity): string | undefined {
  const names = [...new Set([...Object.keys(saved), ...Object.keys(given)])];
  const name = names.find((candidate) => saved[candidate] !== given[candidate]);
  if (name === undefined) return undefined;
  const was = saved[name] ?? 'none';
  return `${name} is ${given[name] ?? 'none'}, but the run was started with ${was}`;
}

/** What a run is, to be compared with a checkpoint that it is to go on from. */
export interface ResumedRun {
  config: TrainingConfig;
  identity: RunIdentity;
  totalSteps: number;
  parameters: readonly TrainedParameter[];
}

/** @throws InputError that names the first setting in which a configuration differs from the checkpoint's. */
export function refuseOtherConfig({ config }: Checkpoint, given: TrainingConfig): void {
  refuse(configDifference(config, given));
}

/** @throws InputError that names the first thing in which the run differs from the checkpoint's. */
export function refuseOtherRun(checkpoint: Checkpoint, run: ResumedRun): void {
  refuseOtherConfig(checkpoint, run.config);
  const difference =
    identityDifference(checkpoint.identity, run.identity) ??
    parameterDifference(checkpoint.parameters, run.parameters) ??
    (checkpoint.totalSteps === run.totalSteps
      ? undefined
      : `the data now make ${run.totalSteps} steps, but the run was started with ${checkpoint.totalSteps}`);
  refuse(difference);
}

function refuse(difference: string | undefined): void {
  if (difference !== undefined) throw new InputError(`the run cannot go on: ${difference}`);
}

type NamedShape = Pick<TrainedParameter, 'name' | 'shape'>;

function parameterDifference(
  saved: readonly NamedShape[],
  given: readonly NamedShape[],
): string | undefined {
  const inWords = (parameter: NamedShape | undefined) =>
    parameter ? `${parameter.name} [${parameter.shape.join(', ')}]` : 'nothing more';
  for (let index = 0; index < Math.max(saved.length, given.length); index++) {
    const [was, is] = [inWords(saved[index]), inWords(given[index])];
    if (was !== is) return `the model trains ${is}, but the checkpoint has ${was} in its place`;
  }
  return undefined;
}
