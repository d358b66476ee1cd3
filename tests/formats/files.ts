import { readFileSync, readdirSync } from 'node:fs';
import { expect } from 'vitest';
import { InputError } from '../../src/errors';
import { memoryFolder, type FileFolder } from '../../src/formats/byte-source';

const FIXTURES = new URL('../fixtures/formats/', import.meta.url);

/** A safetensors file of any header, right or wrong, and any data. */
export function safetensorsFile(header: string | object, data: Uint8Array | number): Uint8Array {
  const text = typeof header === 'string' ? header : JSON.stringify(header);
  const json = new TextEncoder().encode(text);
  const bytes = typeof data === 'number' ? new Uint8Array(data) : data;
  const file = new Uint8Array(8 + json.length + bytes.length);
  new DataView(file.buffer).setBigUint64(0, BigInt(json.length), true);
  file.set(json, 8);
  file.set(bytes, 8 + json.length);
  return file;
}

/** A safetensors file of zeros with these dtypes and shapes, laid out in the order given. */
export function zeroTensors(
  tensors: Record<string, [dtype: string, ...shape: number[]]>,
): Uint8Array {
  const sizes: Record<string, number> = { F64: 8, F32: 4, F16: 2, BF16: 2, U8: 1 };
  const header: Record<string, object> = {};
  let end = 0;
  for (const [name, [dtype, ...shape]] of Object.entries(tensors)) {
    const begin = end;
    end += shape.reduce((product, size) => product * size, sizes[dtype] ?? 0);
    header[name] = { dtype, shape, data_offsets: [begin, end] };
  }
  return safetensorsFile(header, end);
}

export function fixtureText(path: string): string {
  return readFileSync(new URL(path, FIXTURES), 'utf8');
}

/** The files of a fixture folder, to be changed by a test. */
export function fixtureFiles(name: string): Record<string, Uint8Array> {
  const folder = new URL(`${name}/`, FIXTURES);
  return Object.fromEntries(
    readdirSync(folder).map((file) => [file, new Uint8Array(readFileSync(new URL(file, folder)))]),
  );
}

export function fixtureFolder(
  name: string,
  changed: Record<string, Uint8Array | string> = {},
): FileFolder {
  return memoryFolder(name, { ...fixtureFiles(name), ...changed });
}

/** The message of the InputError that a promise ends with; anything else fails the test. */
export async function inputErrorOf(promise: Promise<unknown>): Promise<string> {
  const error: unknown = await promise.then(
    () => 'nothing was thrown',
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(InputError);
  const { message } = error as InputError;
  expect(message).not.toMatch(/[\n\r]/);
  return message;
}
