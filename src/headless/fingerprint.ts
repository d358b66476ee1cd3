import { createHash } from 'node:crypto';
import type { ByteSource, FileFolder } from '../formats/byte-source';
import { fingerprint } from '../formats/fingerprint';

const PIECE_BYTES = 2 ** 22;

/** SHA-256 over the contents of files in their order, by which a run knows its data again. */
export async function fingerprintOfFiles(files: readonly ByteSource[]): Promise<string> {
  const hash = createHash('sha256');
  for (const file of files) {
    hash.update(`${file.name}\n${file.size}\n`);
    for (let offset = 0; offset < file.size; offset += PIECE_BYTES) {
      hash.update(await file.read(offset, Math.min(PIECE_BYTES, file.size - offset)));
    }
  }
  return hash.digest('hex');
}

/** The {@link fingerprint} of a model's or an adapter's folder. */
export async function fingerprintOfFolder(folder: FileFolder): Promise<string> {
  const sources = await Promise.all(
    folder.files.filter(isModelFile).map((name) => folder.open(name)),
  );
  return fingerprint(sources.filter((source) => source !== undefined));
}

function isModelFile(name: string): boolean {
  return /\.(safetensors|json|jinja)$/.test(name);
}
