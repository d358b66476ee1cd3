import { sha1 } from '@noble/hashes/legacy.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import type { ModelFileRecord } from './schema';

/** What a file's bytes are to hash to. */
export type ExpectedHash = Pick<ModelFileRecord, 'bytes' | 'sha256' | 'gitOid'>;

/** Checks a file's bytes as they come. */
export interface HashCheck {
  update(bytes: Uint8Array): void;
  /** Whether all bytes together are what was announced; to be asked once, at the end. */
  matches(): boolean;
}

/**
 * A check against the announced SHA-256 (the hub's large files) or else the SHA-1 that git gives the file as a blob (its small ones).
 * With neither, any bytes match.
 */
export function hashCheck({ bytes, sha256: sha, gitOid }: ExpectedHash): HashCheck {
  if (sha !== null) return check(sha256.create(), sha);
  if (gitOid === null) return { update: () => undefined, matches: () => true };
  const hash = sha1.create();
  hash.update(new TextEncoder().encode(`blob ${bytes}\0`));
  return check(hash, gitOid);
}

function check(
  hash: { update(bytes: Uint8Array): unknown; digest(): Uint8Array },
  expected: string,
): HashCheck {
  return {
    update: (bytes) => void hash.update(bytes),
    matches: () => bytesToHex(hash.digest()) === expected.toLowerCase(),
  };
}
