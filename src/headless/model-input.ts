import { InputError } from '../errors';
import type { FileFolder } from '../formats/byte-source';
import { openLlamaFolder, type LlamaFolder } from '../formats/llama-folder';
import { openPeftAdapter, type LoraAdapter } from '../formats/peft-adapter';
import { openNodeFolder, statOf } from './node-files';
import { callerPath } from './paths';

/** The folder that `--model` names. */
export async function openModelFolder(given: string): Promise<FileFolder> {
  const path = callerPath(given);
  const information = await statOf(path);
  if (information?.isFile() === true) {
    throw new InputError('models in one file are not there yet; give a Hugging Face folder', {
      file: given,
    });
  }
  if (information?.isDirectory() !== true) {
    throw new InputError('--model names no folder', { file: given });
  }
  return openNodeFolder(path);
}

/** The Llama that `--model` names, its configuration and the headers of its weights checked. */
export async function openModel(given: string): Promise<LlamaFolder> {
  return openLlamaFolder(await openModelFolder(given));
}

/** The adapter that `--adapter` names, checked against the model. */
export async function openAdapter(given: string, { config }: LlamaFolder): Promise<LoraAdapter> {
  return openPeftAdapter(await openNodeFolder(callerPath(given)), config);
}
