import type { ByteSource } from '../formats/byte-source';
import { sourceOf, type DataProblem, type Example } from './examples';
import { BLOCK_BYTES, decodeStrictly, readBlocks, readLines } from './lines';
import { contextAfter, contextBefore, endOfPart } from './text-parts';

/**
 * A .txt or .md file as one document. A file of more than a block comes in parts that end with a paragraph where one is near, else with a
 * sentence, a word or a character; only the last is followed by end-of-text. A file with anything that is not UTF-8 is one problem, named by
 * the line, before any part is given out. An empty file says nothing.
 */
export async function* readTextDocument(
  file: ByteSource,
  blockBytes = BLOCK_BYTES,
): AsyncGenerator<({ example: Example } | { problem: DataProblem }) & { bytesDone: number }> {
  const faulty = await firstFaultyLine(file);
  if (faulty !== undefined) {
    const message = 'this is not UTF-8, so the file is left out; save it as UTF-8';
    yield { problem: { file: file.name, line: faulty, message }, bytesDone: file.size };
    return;
  }
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  let line = 1;
  let before = '';
  let rest = '';
  for await (const { bytes, end } of readBlocks(file, blockBytes)) {
    const ends = end === file.size;
    rest += decoder.decode(bytes, { stream: true });
    const length = ends ? rest.length : endOfPart(rest, 0, rest.length);
    if (length === 0) continue;
    const text = rest.slice(0, length);
    rest = rest.slice(length);
    const source = sourceOf(file.name, line);
    const around = { before, after: contextAfter(rest) };
    const example: Example = { kind: 'document', text, spansLines: true, ...around, ends, source };
    yield { example, bytesDone: end };
    line += text.split('\n').length - 1;
    before = contextBefore(before + text);
  }
}

/** The 1-based line with the first byte that is not UTF-8; undefined where all of the file is. */
async function firstFaultyLine(file: ByteSource): Promise<number | undefined> {
  if (await isUtf8(file)) return undefined;
  let last = 1;
  for await (const { line, bytes } of readLines(file)) {
    last = line;
    if (bytes !== undefined && decodeStrictly(bytes) === undefined) return line;
  }
  return last;
}

async function isUtf8(file: ByteSource): Promise<boolean> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  try {
    for await (const { bytes } of readBlocks(file)) decoder.decode(bytes, { stream: true });
    decoder.decode();
    return true;
  } catch (error) {
    if (error instanceof TypeError) return false;
    throw error;
  }
}
