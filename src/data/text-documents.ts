import type { ByteSource } from '../formats/byte-source';
import { sourceOf, type DataProblem, type Example } from './examples';
import { BLOCK_BYTES, decodeStrictly, readBlocks, readLines } from './lines';

const LINE_FEED = 0x0a;

/**
 * A .txt or .md file as one document. A file of more than a block comes in parts that end with a blank line where one is near, else with a line,
 * else with a character; only the last is followed by end-of-text. A file with anything that is not UTF-8 is one problem, named by the line,
 * before any part is given out. An empty file says nothing.
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
  let line = 1;
  let rest = new Uint8Array(0);
  for await (const { bytes, end } of readBlocks(file, blockBytes)) {
    const block = joined(rest, bytes);
    const ends = end === file.size;
    const length = ends ? block.length : partLength(block);
    const part = block.subarray(0, length);
    rest = block.slice(length);
    if (part.length === 0) continue;
    const text = decodeStrictly(part) ?? '';
    const source = sourceOf(file.name, line);
    yield { example: { kind: 'document', text, spansLines: true, ends, source }, bytesDone: end };
    line += countLineFeeds(part);
  }
}

/** Where a block that is not the last is cut: after a blank line, a line or a character. */
function partLength(block: Uint8Array): number {
  for (let at = block.length - 1; at > block.length / 2; at--) {
    if (block[at] === LINE_FEED && isBlankLine(block, at)) return at + 1;
  }
  const line = block.lastIndexOf(LINE_FEED);
  if (line >= 0) return line + 1;
  let at = block.length - 1;
  // Bytes 10xxxxxx continue a character; the last one may go on in the next block.
  while (at > 0 && ((block[at] ?? 0) & 0xc0) === 0x80) at--;
  return at;
}

/** Whether the line feed at this index ends a line of nothing but carriage return, spaces and tabs. */
function isBlankLine(block: Uint8Array, lineFeed: number): boolean {
  let at = lineFeed - 1;
  while (at >= 0 && (block[at] === 0x0d || block[at] === 0x20 || block[at] === 0x09)) at--;
  return at >= 0 && block[at] === LINE_FEED && block[lineFeed + 1] !== LINE_FEED;
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

function countLineFeeds(bytes: Uint8Array): number {
  let count = 0;
  for (let at = bytes.indexOf(LINE_FEED); at >= 0; at = bytes.indexOf(LINE_FEED, at + 1)) count++;
  return count;
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}
