import type { ByteSource } from '../formats/byte-source';

/** One line of a file, without its line feed, or more than a line may have. */
export interface ByteLine {
  /** 1-based. */
  line: number;
  /** Absent where the line is longer than allowed; its bytes are passed over. */
  bytes?: Uint8Array<ArrayBuffer>;
  /** Bytes of the file read so far, this line included. */
  bytesDone: number;
}

/** Bytes read from a file at once. */
export const BLOCK_BYTES = 1 << 20;
/** Bytes that one line or JSON value may have. */
export const LONGEST_VALUE = 16 << 20;

const LINE_FEED = 0x0a;
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];

/** The file's blocks in order, without a byte-order mark at the front; `end` is the offset after the block. */
export async function* readBlocks(
  source: ByteSource,
  blockBytes = BLOCK_BYTES,
): AsyncGenerator<{ bytes: Uint8Array<ArrayBuffer>; end: number }> {
  let offset = 0;
  while (offset < source.size) {
    const bytes = await source.read(offset, Math.min(blockBytes, source.size - offset));
    const marked = offset === 0 && BYTE_ORDER_MARK.every((byte, index) => bytes[index] === byte);
    offset += bytes.length;
    yield { bytes: marked ? bytes.subarray(BYTE_ORDER_MARK.length) : bytes, end: offset };
  }
}

/** A file's lines, split at line feeds only: a carriage return stays at the end of its line. The last line may lack its line feed. */
export async function* readLines(
  source: ByteSource,
  blockBytes = BLOCK_BYTES,
): AsyncGenerator<ByteLine> {
  let line = 1;
  const rest = new ByteQueue(LONGEST_VALUE);
  let bytesDone = 0;
  for await (const { bytes, end } of readBlocks(source, blockBytes)) {
    const blockStart = end - bytes.length;
    let from = 0;
    for (let at = bytes.indexOf(LINE_FEED); at >= 0; at = bytes.indexOf(LINE_FEED, from)) {
      rest.push(bytes.subarray(from, at));
      from = at + 1;
      yield { line: line++, ...rest.take(), bytesDone: blockStart + from };
    }
    rest.push(bytes.subarray(from));
    bytesDone = end;
  }
  if (!rest.isEmpty) yield { line, ...rest.take(), bytesDone };
}

/** Bytes gathered from several blocks, up to a limit beyond which only the fact is kept. */
export class ByteQueue {
  private parts: Uint8Array<ArrayBuffer>[] = [];
  private length = 0;

  constructor(private readonly maximum: number) {}

  get isEmpty(): boolean {
    return this.length === 0;
  }

  push(bytes: Uint8Array<ArrayBuffer>): void {
    this.length += bytes.length;
    if (this.length > this.maximum) this.parts = [];
    else if (bytes.length > 0) this.parts.push(bytes);
  }

  /** All bytes, no `bytes` where they were more than the limit; empty afterwards. */
  take(): { bytes?: Uint8Array<ArrayBuffer> } {
    const { parts, length } = this;
    this.parts = [];
    this.length = 0;
    if (length > this.maximum) return {};
    const [first] = parts;
    if (parts.length === 1 && first !== undefined) return { bytes: first };
    const bytes = new Uint8Array(length);
    let at = 0;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return { bytes };
  }
}

/** Text without a byte-order mark being looked for; undefined where the bytes are not UTF-8. */
export function decodeStrictly(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
