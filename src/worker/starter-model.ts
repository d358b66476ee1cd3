import { InputError, messageOf } from '../errors';
import { memoryFolder, type FileFolder } from '../formats/byte-source';

/** Id of the model that comes with the page. */
export const STARTER = 'starter';
export const STARTER_NAME = 'Starter (4.6 million weights)';

/** The files of `public/starter`. */
const FILES = [
  'config.json',
  'generation_config.json',
  'model.safetensors',
  'tokenizer.json',
  'tokenizer_config.json',
];

/** The folder of the starter model, fetched once from beside the page: 10 MB. */
let folder: Promise<FileFolder> | undefined;

/** @throws InputError where the page's own files do not load */
export function starterFolder(): Promise<FileFolder> {
  folder ??= fetchStarter().catch((error: unknown) => {
    folder = undefined;
    throw error;
  });
  return folder;
}

/** Address of the page's folder. The built worker lies in a folder of assets below it; the development server's does not. */
export function pageAddress(): string {
  return import.meta.env.DEV
    ? new URL('/', self.location.href).href
    : new URL('..', self.location.href).href;
}

async function fetchStarter(): Promise<FileFolder> {
  const contents = await Promise.all(
    FILES.map(async (name) => [name, await fetchFile(name)] as const),
  );
  return memoryFolder(STARTER, Object.fromEntries(contents));
}

async function fetchFile(name: string): Promise<Uint8Array> {
  try {
    const response = await fetch(new URL(`starter/${name}`, pageAddress()));
    if (!response.ok) throw new Error(`the server answered ${response.status}`);
    return new Uint8Array(await response.arrayBuffer());
  } catch (error) {
    throw new InputError(
      `the starter model did not load (${messageOf(error)}); reload the page when you are online`,
      { file: name },
    );
  }
}
