import { parseTrainingConfig, type AdapterSettings, type TrainingConfig } from '../config';
import { isJsonObject, readJson } from '../formats/json';
import { openNodeFile } from './node-files';
import { callerPath } from './paths';

const MAXIMUM_BYTES = 2 ** 20;

/**
 * The training configuration that `--config` names; all defaults where the option was left out.
 *
 * @param adapter what the adapter that the run starts from has decided
 */
export async function readConfigFile(
  given: string | undefined,
  adapter?: AdapterSettings,
): Promise<TrainingConfig> {
  const { value, file } = await readConfigValue(given);
  return parseTrainingConfig(value, file, adapter);
}

/**
 * The configuration by which a model is looked at, with nothing to be trained. There the weights are as they are unless it asks for
 * something else: by its `quantization`, or by the `method` that implies one. One that states neither says nothing about weights, and must
 * not make them coarser.
 */
export async function readEvaluationConfig(given: string | undefined): Promise<TrainingConfig> {
  const { value, file } = await readConfigValue(given);
  const config = parseTrainingConfig(value, file);
  const says = isJsonObject(value) && ('quantization' in value || 'method' in value);
  return says ? config : { ...config, quantization: 'as-is' };
}

async function readConfigValue(
  given: string | undefined,
): Promise<{ value: unknown; file?: string }> {
  if (given === undefined) return { value: {} };
  const source = await openNodeFile(callerPath(given));
  return { value: await readJson(source, MAXIMUM_BYTES), file: source.name };
}
