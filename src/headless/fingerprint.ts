import { createHash } from 'node:crypto';
import type { ByteSource, FileFolder } from '../formats/byte-source';

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

/**
 * SHA-256 over a model's or an adapter's folder: the contents of its small files, and of large ones the sizes and the first part, where
 * safetensors say what they hold.
 */
export async function fingerprintOfFolder(folder: FileFolder): Promise<string> {
  const hash = createHash('sha256');
  for (const name of [...folder.files].filter(isModelFile).sort()) {
    const source = await folder.open(name);
    if (source === undefined) continue;
    hash.update(`${name}\n${source.size}\n`);
    hash.update(await source.read(0, Math.min(source.size, PIECE_BYTES)));
  }
  return hash.digest('hex');
}

function isModelFile(name: string): boolean {
  return /\.(safetensors|json|jinja)$/.test(name);
}
