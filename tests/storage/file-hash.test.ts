import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hashCheck } from '../../src/storage/file-hash';

const text = (content: string): Uint8Array => new TextEncoder().encode(content);

describe('hashCheck', () => {
  it('knows the published SHA-256 of "abc" and git\'s name of an empty and a short file', () => {
    const sha256 = 'BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD';
    const abc = hashCheck({ bytes: 3, sha256, gitOid: null });
    abc.update(text('a'));
    abc.update(text('bc'));
    expect(abc.matches()).toBe(true);
    const empty = 'e69de29bb2d1d6434b8b29ae775ad8c2e48c5391';
    expect(hashCheck({ bytes: 0, sha256: null, gitOid: empty }).matches()).toBe(true);
    const hello = hashCheck({
      bytes: 6,
      sha256: null,
      gitOid: 'ce013625030ba8dba906f756967f9e9ca394464a',
    });
    hello.update(text('hello\n'));
    expect(hello.matches()).toBe(true);
  });

  it("agrees with Node's however the bytes are cut, and with no changed byte", () => {
    const pieces = fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 8 });
    fc.assert(
      fc.property(pieces, fc.boolean(), (parts, changed) => {
        const hash = createHash('sha256');
        for (const part of parts) hash.update(part);
        const bytes = parts.reduce((sum, { length }) => sum + length, 0);
        const check = hashCheck({ bytes, sha256: hash.digest('hex'), gitOid: null });
        for (const part of parts) check.update(part);
        if (changed) check.update(new Uint8Array(1));
        expect(check.matches()).toBe(!changed);
      }),
    );
  });
});
