import { parseTrainingConfig, type AdapterSettings, type TrainingConfig } from '../config';
import { readJson } from '../formats/json';
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
  if (given === undefined) return parseTrainingConfig({}, undefined, adapter);
  const source = await openNodeFile(callerPath(given));
  return parseTrainingConfig(await readJson(source, MAXIMUM_BYTES), source.name, adapter);
}
