import type { ByteSource } from '../formats/byte-source';
import { BLOCK_BYTES, ByteQueue, LONGEST_VALUE, readBlocks } from './lines';

/** One JSON value of a file, not parsed yet. */
export interface JsonValueBytes {
  /** 1-based line on which it begins. */
  line: number;
  /** Absent where the value is longer than allowed. */
  bytes?: Uint8Array<ArrayBuffer>;
  /** Bytes of the file read so far. */
  bytesDone: number;
}

/** Where the file stops being what it should be; nothing after it can be read. */
export interface JsonBreak {
  line: number;
  message: string;
}

/** A file that is one array, or values one after the other. */
export type JsonLayout = 'array' | 'values';

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const LINE_FEED = 0x0a;

/** `first-value` may be the end of the array instead, `next-value` may not; `after-value` is that end or a comma. */
type State =
  'before-array' | 'first-value' | 'next-value' | 'in-value' | 'after-value' | 'after-array';

/**
 * The elements of a file's one array, or its top-level objects one after the other, as a stream: only brackets, quotes and line feeds are
 * looked at, so that a file of any size takes the memory of its largest element.
 */
export async function* readJsonValues(
  source: ByteSource,
  layout: JsonLayout,
  blockBytes = BLOCK_BYTES,
): AsyncGenerator<JsonValueBytes | JsonBreak> {
  const scanner = new ValueScanner(layout);
  for await (const { bytes, end } of readBlocks(source, blockBytes)) {
    for (const found of scanner.scan(bytes)) {
      if ('message' in found) {
        yield found;
        return;
      }
      yield { ...found, bytesDone: end };
    }
  }
  const problem = scanner.finish();
  if (problem !== undefined) yield problem;
}

class ValueScanner {
  private state: State;
  private line = 1;
  private valueLine = 1;
  /** Brackets open inside the value. */
  private depth = 0;
  private inString = false;
  private escaped = false;
  private readonly value = new ByteQueue(LONGEST_VALUE);

  constructor(private readonly layout: JsonLayout) {
    this.state = layout === 'array' ? 'before-array' : 'first-value';
  }

  /** The values that end in this block. */
  *scan(block: Uint8Array<ArrayBuffer>): Generator<Omit<JsonValueBytes, 'bytesDone'> | JsonBreak> {
    let start = 0;
    for (let at = 0; at < block.length; at++) {
      const byte = block[at] ?? 0;
      if (byte === LINE_FEED) this.line++;
      if (this.state === 'in-value') {
        const end = this.endOfValue(byte, at);
        if (end === undefined) continue;
        this.value.push(block.subarray(start, end));
        yield { line: this.valueLine, ...this.value.take() };
        this.state = 'after-value';
        if (end > at) continue;
      }
      if (this.startsValue(byte)) {
        start = at;
        this.begin(byte);
        continue;
      }
      const next = this.afterSeparator(byte);
      if (next === undefined) {
        yield { line: this.line, message: this.complaint() };
        return;
      }
      this.state = next;
    }
    if (this.state === 'in-value') this.value.push(block.subarray(start));
  }

  /** What is wrong when the file ends here. */
  finish(): JsonBreak | undefined {
    if (this.state === 'in-value') {
      return { line: this.valueLine, message: 'the file ends inside the example that begins here' };
    }
    if (this.layout === 'array' && this.state !== 'after-array') {
      return { line: this.line, message: 'the file ends before its list does' };
    }
    return undefined;
  }

  private startsValue(byte: number): boolean {
    if (this.layout === 'values') return byte === OPEN_BRACE || byte === OPEN_BRACKET;
    if (this.state !== 'first-value' && this.state !== 'next-value') return false;
    return !isWhiteSpace(byte) && byte !== COMMA && byte !== CLOSE_BRACKET && byte !== CLOSE_BRACE;
  }

  private begin(byte: number): void {
    this.state = 'in-value';
    this.valueLine = this.line;
    this.depth = byte === OPEN_BRACE || byte === OPEN_BRACKET ? 1 : 0;
    this.inString = byte === QUOTE;
    this.escaped = false;
  }

  /** The index after the value's last byte, where this byte is that or follows it. */
  private endOfValue(byte: number, at: number): number | undefined {
    if (this.inString) {
      if (this.escaped) this.escaped = false;
      else if (byte === BACKSLASH) this.escaped = true;
      else if (byte === QUOTE) this.inString = false;
      return undefined;
    }
    const closes = byte === CLOSE_BRACE || byte === CLOSE_BRACKET;
    if (this.depth === 0) return closes || byte === COMMA ? at : undefined;
    if (byte === QUOTE) this.inString = true;
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) this.depth++;
    else if (closes) this.depth--;
    return this.depth === 0 && !this.inString ? at + 1 : undefined;
  }

  /** The state after a byte between values; undefined where it should not be there. */
  private afterSeparator(byte: number): State | undefined {
    const { state } = this;
    if (isWhiteSpace(byte)) return state;
    if (this.layout === 'values') return undefined;
    if (state === 'before-array' && byte === OPEN_BRACKET) return 'first-value';
    if (state === 'after-value' && byte === COMMA) return 'next-value';
    const mayEnd = state === 'after-value' || state === 'first-value';
    return mayEnd && byte === CLOSE_BRACKET ? 'after-array' : undefined;
  }

  private complaint(): string {
    if (this.state === 'after-array') return 'there is more after the end of the list';
    return 'this is not JSON; what follows cannot be read';
  }
}

function isWhiteSpace(byte: number): boolean {
  return byte === 0x20 || byte === LINE_FEED || byte === 0x0d || byte === 0x09;
}
