import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import type { ByteSource } from './byte-source';

/** Pieces read of a large file, evenly over its length, and the bytes of each: a fifth of a second for a model of any size. */
const PIECES = 64;
const PIECE_BYTES = 2 ** 16;

/**
 * A SHA-256, in hexadecimal, by which a model or an adapter is known again: over the names and sizes of its files, in the order of their names,
 * and over their bytes. Of files above 4 MiB it takes pieces from the first byte to the last: two models of the same shape differ all over,
 * though a merged one begins with the embedding of the other.
 */
export async function fingerprint(files: readonly ByteSource[]): Promise<string> {
  const hash = sha256.create();
  for (const file of [...files].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    hash.update(utf8ToBytes(`${file.name}\n${file.size}\n`));
    for (const [offset, length] of pieces(file.size)) hash.update(await file.read(offset, length));
  }
  return bytesToHex(hash.digest());
}

function pieces(size: number): (readonly [offset: number, length: number])[] {
  if (size <= PIECES * PIECE_BYTES) return [[0, size]];
  const last = size - PIECE_BYTES;
  return Array.from({ length: PIECES }, (_, i) => [
    Math.floor((last * i) / (PIECES - 1)),
    PIECE_BYTES,
  ]);
}
