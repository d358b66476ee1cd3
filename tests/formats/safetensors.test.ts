import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InputError } from '../../src/errors';
import { memorySource } from '../../src/formats/byte-source';
import { openSafetensors, readTensor, type Safetensors } from '../../src/formats/safetensors';
import { fixtureFiles, fixtureText, inputErrorOf, safetensorsFile } from './files';

const open = (bytes: Uint8Array): Promise<Safetensors> =>
  openSafetensors(memorySource('m.safetensors', bytes));
const openHeader = (header: string | object, data: Uint8Array | number): Promise<Safetensors> =>
  open(safetensorsFile(header, data));

interface Verdict {
  name: string;
  header: string;
  dataBytes: number;
  opens: boolean;
}
const verdicts = JSON.parse(fixtureText('verdicts.json')) as Verdict[];
const float = { dtype: 'F32', shape: [1], data_offsets: [0, 4] };

describe('openSafetensors', () => {
  it('finds tensors, their bytes and the metadata', async () => {
    const data = new Uint8Array([1, 2, 3, 4, 5, 6]);
    const file = await openHeader(
      {
        b: { dtype: 'U8', shape: [1, 2], data_offsets: [4, 6] },
        a: { ...float },
        __metadata__: { format: 'pt' },
      },
      data,
    );
    expect(file.metadata).toEqual({ format: 'pt' });
    expect([...file.tensors.keys()]).toEqual(['a', 'b']);
    const b = file.tensors.get('b');
    expect(b).toMatchObject({ dtype: 'U8', shape: [1, 2], length: 2 });
    if (b === undefined) return;
    expect([...(await readTensor(b))]).toEqual([5, 6]);
    expect([...(await readTensor(b, 1))]).toEqual([6]);
    await expect(readTensor(b, 1, 2)).rejects.toThrow('bytes 1 to 3 of b do not exist');
  });

  it.each(verdicts)(
    'judges "$name" as the safetensors library does, or stricter',
    async (verdict) => {
      const opening = openHeader(verdict.header, verdict.dataBytes);
      // The library keeps one of two tensors with the same name and says nothing; that is documented as refused.
      if (verdict.name.startsWith('tensor twice')) {
        expect(verdict.opens).toBe(true);
        expect(await inputErrorOf(opening)).toContain('"a" comes twice');
      } else if (verdict.opens) {
        await opening;
      } else {
        expect(await inputErrorOf(opening)).toMatch(/^m\.safetensors:/);
      }
    },
  );

  it('names the tensor that is at fault', async () => {
    const second = (begin: number, end: number) => ({
      a: float,
      b: { dtype: 'F32', shape: [1], data_offsets: [begin, end] },
    });
    expect(await inputErrorOf(openHeader(second(2, 6), 6))).toContain('"b" overlaps');
    expect(await inputErrorOf(openHeader(second(5, 9), 9))).toContain('"b" leaves a gap');
    expect(await inputErrorOf(openHeader(second(4, 8), 7))).toContain('"b" reaches to byte');
    expect(await inputErrorOf(openHeader({ a: { ...float, shape: [2] } }, 4))).toContain(
      '"a" has 4 bytes, which does not match its shape [2] in F32',
    );
    const hostile = { ['x\n\u202e"' + 'y'.repeat(500)]: { ...float, dtype: '\u0007' } };
    const message = await inputErrorOf(openHeader(hostile, 4));
    expect(message.length).toBeLessThan(250);
    expect(message).toContain('"x\\u000a\\u202e\\u0022y');
  });

  it('takes a header of 16 MiB and refuses a longer claim before reading it', async () => {
    const claim = new Uint8Array(8);
    for (const length of [16n * 1024n * 1024n + 1n, 2n ** 63n, 2n ** 64n - 1n]) {
      new DataView(claim.buffer).setBigUint64(0, length, true);
      expect(await inputErrorOf(open(claim))).toContain(`claims ${length} bytes`);
    }
    const padded = '{}'.padEnd(16 * 1024 * 1024);
    expect((await openHeader(padded, 0)).tensors.size).toBe(0);
  });

  it('refuses a header that is not UTF-8', async () => {
    const file = safetensorsFile({ aa: float }, 4);
    file[10] = 0xff;
    expect(await inputErrorOf(open(file))).toContain('not UTF-8');
  });
});

describe('openSafetensors on damaged files', () => {
  const whole = fixtureFiles('prequantised')['model.safetensors'] ?? new Uint8Array();
  const opensOrRefuses = async (bytes: Uint8Array): Promise<boolean> => {
    try {
      await open(bytes);
      return true;
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      return false;
    }
  };

  it('refuses a file cut anywhere', async () => {
    expect(await opensOrRefuses(whole)).toBe(true);
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), async (length) => {
        expect(await opensOrRefuses(whole.subarray(0, length))).toBe(false);
      }),
    );
  });

  it('gives an InputError or a consistent file after any bytes of the header changed', async () => {
    const headerEnd = 8 + Number(new DataView(whole.buffer).getBigUint64(0, true));
    const change = fc.tuple(fc.nat(headerEnd - 1), fc.nat(255));
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
        const bytes = whole.slice();
        for (const [at, value] of changes) bytes[at] = value;
        if (!(await opensOrRefuses(bytes))) return;
        const { tensors } = await open(bytes);
        const covered = [...tensors.values()].reduce((sum, { length }) => sum + length, 0);
        expect(covered).toBe(
          bytes.length - 8 - Number(new DataView(bytes.buffer).getBigUint64(0, true)),
        );
      }),
      { numRuns: 300 },
    );
  });

  it('gives an InputError or a file for any JSON as header', async () => {
    const value = fc.oneof(fc.constantFrom('F32', 'U8'), fc.nat(9), fc.double(), fc.constant(null));
    const field = fc.oneof(value, fc.array(value, { maxLength: 3 }));
    const entry = fc.oneof(
      field,
      fc.record({ dtype: field, shape: field, data_offsets: field }, { requiredKeys: [] }),
    );
    const names = fc.constantFrom('a', 'b', '__metadata__', '__proto__', 'constructor');
    await fc.assert(
      fc.asyncProperty(fc.dictionary(names, entry), fc.nat(20), async (header, bytes) => {
        await opensOrRefuses(safetensorsFile(header, bytes));
      }),
      { numRuns: 500 },
    );
  });
});
