import { InputError, messageOf } from '../errors';
import type { ByteSource } from '../formats/byte-source';
import { sourceOf, type DataProblem, type Example } from './examples';
import { readJsonValues, type JsonLayout } from './json-values';
import { decodeStrictly, LONGEST_VALUE, readBlocks, readLines } from './lines';
import { exampleFromJson } from './shapes';
import { readTextDocument } from './text-documents';

/** What a file says next, or what is wrong with it there; `bytesDone` of its bytes are read. */
export type ReadItem = ({ example: Example } | { problem: DataProblem }) & { bytesDone: number };

const NOT_UTF8 = 'this is not UTF-8; save the file as UTF-8';
const TOO_LONG = `an example may have ${LONGEST_VALUE >> 20} MiB at most`;
/** Enough to see what a file begins with. */
const START_BYTES = 4096;

/**
 * The examples of a .txt, .md, .json or .jsonl file, as a stream. What is wrong with a line or an element is a problem, and the rest is read on. A
 * .json file may be one list, one object, or lines of JSON; a .jsonl file lines, or one list.
 */
export async function* readExamples(file: ByteSource): AsyncGenerator<ReadItem> {
  const extension = /\.[^.]*$/.exec(file.name.toLowerCase())?.[0] ?? '';
  try {
    if (extension === '.txt' || extension === '.md') yield* readTextDocument(file);
    else if (extension === '.json' || extension === '.jsonl') yield* readJsonFile(file, extension);
    else throw new InputError('only .txt, .md, .json and .jsonl files can be read');
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    const message = withoutPlace(error);
    yield { problem: { file: file.name, line: error.line, message }, bytesDone: file.size };
  }
}

/** An InputError's message without the place in front of it. */
export function withoutPlace(error: InputError): string {
  if (error.file === undefined) return error.message;
  const place = error.line === undefined ? error.file : sourceOf(error.file, error.line);
  return error.message.startsWith(`${place}: `)
    ? error.message.slice(place.length + 2)
    : error.message;
}

async function* readJsonFile(file: ByteSource, extension: string): AsyncGenerator<ReadItem> {
  const layout = await jsonLayout(file, extension);
  if (layout === 'lines') yield* readJsonLines(file);
  else yield* readJsonElements(file, layout);
}

/** How a JSON file is laid out, told by how it begins. */
async function jsonLayout(file: ByteSource, extension: string): Promise<JsonLayout | 'lines'> {
  let start = '';
  for await (const { bytes } of readBlocks(file)) {
    if (bytes[0] === 0xfe || bytes[0] === 0xff)
      throw new InputError(NOT_UTF8, { file: file.name, line: 1 });
    start = new TextDecoder('latin1').decode(bytes.subarray(0, START_BYTES)).trimStart();
    break;
  }
  const isList = start.startsWith('[');
  if (extension === '.jsonl') return isList && /^\[\s*(?:[{\]]|$)/.test(start) ? 'array' : 'lines';
  if (isList) return 'array';
  for await (const { bytes } of readLines(file)) {
    if (bytes?.every(isWhiteSpace) === true) continue;
    return bytes === undefined || parsed(bytes) === undefined ? 'values' : 'lines';
  }
  return 'values';
}

async function* readJsonLines(file: ByteSource): AsyncGenerator<ReadItem> {
  for await (const { line, bytes, bytesDone } of readLines(file)) {
    if (bytes?.every(isWhiteSpace) === true) continue;
    yield { ...itemFromBytes(file.name, line, bytes), bytesDone };
  }
}

async function* readJsonElements(file: ByteSource, layout: JsonLayout): AsyncGenerator<ReadItem> {
  for await (const found of readJsonValues(file, layout)) {
    if ('message' in found) {
      yield { problem: { file: file.name, ...found }, bytesDone: file.size };
    } else {
      const { line, bytes, bytesDone } = found;
      yield { ...itemFromBytes(file.name, line, bytes), bytesDone };
    }
  }
}

function itemFromBytes(
  file: string,
  line: number,
  bytes: Uint8Array | undefined,
): { example: Example } | { problem: DataProblem } {
  const problem = (message: string): { problem: DataProblem } => ({
    problem: { file, line, message },
  });
  if (bytes === undefined) return problem(TOO_LONG);
  const text = decodeStrictly(bytes);
  if (text === undefined) return problem(NOT_UTF8);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return problem('this is not valid JSON');
  }
  try {
    return { example: exampleFromJson(value, sourceOf(file, line)) };
  } catch (error) {
    if (error instanceof InputError) return problem(messageOf(error));
    throw error;
  }
}

function parsed(bytes: Uint8Array): unknown {
  const text = decodeStrictly(bytes);
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isWhiteSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x09 || byte === 0x0d;
}
