import type { AdapterSettings, Precision, TrainingConfig } from '../config';
import { InputError } from '../errors';
import type { ByteSource } from '../formats/byte-source';
import { openLlamaFolder, type LlamaFolder } from '../formats/llama-folder';
import { openPeftAdapter, type LoraAdapter } from '../formats/peft-adapter';
import type { Checkpoint, RunIdentity } from '../train/checkpoint';
import { refuseOtherConfig } from '../train/differences';
import { readConfigFile } from './config-file';
import { openDataFiles } from './data-files';
import { fingerprintOfFiles, fingerprintOfFolder } from './fingerprint';
import { openModelFolder } from './model-input';
import { openNodeFolder } from './node-files';
import { callerPath } from './paths';
import { noCheckpoint, RunFolder } from './run-folder';

/** What `train` was told. */
export interface TrainValues {
  readonly model: string | undefined;
  readonly data: readonly string[] | undefined;
  readonly config: string | undefined;
  readonly adapter: string | undefined;
  readonly precision: Precision | undefined;
  readonly out: string;
  readonly resume: boolean;
}

/** A run with all that it reads, opened and checked. */
export interface RunPlan {
  readonly folder: RunFolder;
  readonly llama: LlamaFolder;
  readonly files: readonly ByteSource[];
  readonly adapter: LoraAdapter | undefined;
  readonly config: TrainingConfig;
  readonly precision: Precision;
  readonly identity: RunIdentity;
  /** Where the run goes on; undefined where it begins. */
  readonly checkpoint: Checkpoint | undefined;
}

/** What a run reads, by the keys under which a checkpoint remembers where it lay and what it was. */
interface RunInputs {
  /** As the caller named the model when the run began, which its adapter repeats. */
  readonly base_model: string;
  readonly model: string;
  readonly data: readonly string[];
  readonly adapter: string | undefined;
  readonly precision: Precision;
}

/** Checks what `train` was told and opens what it reads; of a run that is to go on, what was left out is as it was. */
export async function planRun(values: TrainValues): Promise<RunPlan> {
  if (!values.resume) {
    const folder = await RunFolder.claim(values.out);
    return openRun(folder, inputsOf(values), values.config, undefined);
  }
  const folder = RunFolder.open(values.out);
  const checkpoint = await folder.readCheckpoint('checkpoint');
  if (checkpoint === undefined) throw noCheckpoint(values.out);
  const was = inputsOfIdentity(checkpoint.identity);
  const precision = values.precision ?? was.precision;
  if (precision !== was.precision) {
    throw new InputError(
      `--precision is ${precision}, but the run was started with ${was.precision}`,
    );
  }
  const inputs: RunInputs = {
    ...was,
    model: values.model === undefined ? was.model : callerPath(values.model),
    data: values.data?.map(callerPath) ?? was.data,
    adapter: values.adapter === undefined ? was.adapter : callerPath(values.adapter),
  };
  return openRun(folder, inputs, values.config, checkpoint);
}

async function openRun(
  folder: RunFolder,
  inputs: RunInputs,
  configFile: string | undefined,
  checkpoint: Checkpoint | undefined,
): Promise<RunPlan> {
  const modelFolder = await openModelFolder(inputs.model);
  const llama = await openLlamaFolder(modelFolder);
  const adapterFolder =
    inputs.adapter === undefined ? undefined : await openNodeFolder(inputs.adapter);
  const adapter = adapterFolder && (await openPeftAdapter(adapterFolder, llama.config));
  const config =
    checkpoint !== undefined && configFile === undefined
      ? checkpoint.config
      : await readConfigFile(configFile, adapter && settingsOf(adapter));
  if (checkpoint !== undefined) refuseOtherConfig(checkpoint, config);
  const files = await openDataFiles(inputs.data);
  const identity: RunIdentity = {
    base_model: inputs.base_model,
    model: inputs.model,
    data: JSON.stringify(inputs.data),
    ...(inputs.adapter !== undefined && { adapter: inputs.adapter }),
    precision: inputs.precision,
    model_sha256: await fingerprintOfFolder(modelFolder),
    data_sha256: await fingerprintOfFiles(files),
    ...(adapterFolder && { adapter_sha256: await fingerprintOfFolder(adapterFolder) }),
  };
  if (checkpoint !== undefined) refuseOtherInputs(checkpoint.identity, identity);
  return {
    folder,
    llama,
    files,
    adapter,
    config,
    precision: inputs.precision,
    // What was read is the same, wherever it lies now.
    identity: checkpoint?.identity ?? identity,
    checkpoint,
  };
}

function inputsOf({ model, data, adapter, precision }: TrainValues): RunInputs {
  if (model === undefined) throw new InputError('--model is missing');
  if (data === undefined) throw new InputError('--data is missing');
  return {
    base_model: model,
    model: callerPath(model),
    data: data.map(callerPath),
    adapter: adapter === undefined ? undefined : callerPath(adapter),
    precision: precision ?? 'auto',
  };
}

function inputsOfIdentity(identity: RunIdentity): RunInputs {
  const { base_model = '', model = '', data = '[]', adapter, precision } = identity;
  return {
    base_model,
    model,
    data: JSON.parse(data) as string[],
    adapter,
    precision: precision === 'f32' || precision === 'f16' ? precision : 'auto',
  };
}

function refuseOtherInputs(was: RunIdentity, is: RunIdentity): void {
  for (const key of ['model', 'data', 'adapter']) {
    if (was[`${key}_sha256`] === is[`${key}_sha256`]) continue;
    const [before, now] = [was[key] ?? 'none', is[key] ?? 'none'];
    throw new InputError(
      before === now
        ? `--${key} ${now} has changed since the run was started`
        : `--${key} is ${now}, but the run was started with ${before}`,
    );
  }
}

function settingsOf({ config }: LoraAdapter): AdapterSettings {
  const { r, lora_alpha, use_rslora, target_modules } = config;
  return { r, lora_alpha, use_rslora, target_modules: [...target_modules] };
}
