import { InputError, messageOf } from '../errors';
import { memorySource, type ByteSource, type FileFolder } from '../formats/byte-source';

/** Id of the model that comes with the page. */
export const STARTER = 'starter';
export const STARTER_NAME = 'Starter';

/** The files of `public/starter`. */
const FILES = [
  'config.json',
  'generation_config.json',
  'model.safetensors',
  'tokenizer.json',
  'tokenizer_config.json',
];

/** What was asked of the folder so far, by file. */
const sources = new Map<string, Promise<ByteSource>>();

/**
 * The folder of the starter model, beside the page. A file is fetched when it is first opened and then kept: who needs only the tokenizer does
 * not load the weights. Opening throws InputError where the page's own files do not load.
 */
export function starterFolder(): FileFolder {
  return {
    name: STARTER,
    files: FILES,
    async open(file) {
      if (!FILES.includes(file)) return undefined;
      let source = sources.get(file);
      if (!source) {
        source = fetchFile(file);
        sources.set(file, source);
        source.catch(() => sources.delete(file));
      }
      return source;
    },
  };
}

/**
 * Address of the page's folder. The built worker's script lies in a folder of assets below it; the development server's does not. The
 * worker's own address says nothing: it starts from a blob.
 */
export function pageAddress(): string {
  const script = import.meta.url;
  return new URL(import.meta.env.DEV ? '/' : '..', script).href;
}

async function fetchFile(name: string): Promise<ByteSource> {
  const address = new URL(`starter/${name}`, pageAddress());
  try {
    // In a private window Chrome breaks a large file off that two workers ask for at once (ERR_CACHE_WRITE_FAILURE): then once more, past the cache.
    const bytes = await fetchBytes(address, 'default').catch(() => fetchBytes(address, 'no-store'));
    return memorySource(name, bytes);
  } catch (error) {
    throw new InputError(
      `the starter model did not load (${messageOf(error)}); try again when you are online`,
      { file: name },
    );
  }
}

async function fetchBytes(address: URL, cache: RequestCache): Promise<Uint8Array> {
  const response = await fetch(address, { cache });
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}
