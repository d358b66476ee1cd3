/** The parts of a tokenizer.json that say which bytes a token's spelling stands for. */
export interface TokenSpelling {
  /** Vocabulary with the 256 printable stand-ins for bytes, as GPT-2 has it. */
  byteLevel: boolean;
  /** What stands for a space, as in SentencePiece vocabularies; null where nothing does. */
  space: string | null;
  /** Whether `<0xNN>` stands for a byte. */
  byteFallback: boolean;
}

const BYTE_TOKEN = /^<0x([0-9A-Fa-f]{2})>$/;
const BYTE_OF_STAND_IN = byteStandIns();

/** The bytes that a token of the vocabulary (not an added one) stands for. */
export function bytesOfToken(token: string, spelling: TokenSpelling): Uint8Array<ArrayBuffer> {
  if (spelling.byteLevel) {
    const bytes: number[] = [];
    for (const character of token) {
      const byte = BYTE_OF_STAND_IN.get(character);
      if (byte === undefined) return new TextEncoder().encode(token);
      bytes.push(byte);
    }
    return Uint8Array.from(bytes);
  }
  const byte = spelling.byteFallback ? BYTE_TOKEN.exec(token)?.[1] : undefined;
  if (byte !== undefined) return Uint8Array.of(Number.parseInt(byte, 16));
  const text = spelling.space === null ? token : token.replaceAll(spelling.space, ' ');
  return new TextEncoder().encode(text);
}

/** The token that stands for a byte where the vocabulary falls back to bytes. */
export function spellingOfByte(byte: number): string {
  return `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`;
}

/** Reads the spelling off a parsed tokenizer.json: its decoder and model. */
export function tokenSpelling(decoder: unknown, model: unknown): TokenSpelling {
  const parts = decoderParts(decoder);
  const types = parts.map((part) => part.type);
  return {
    byteLevel: types.includes('ByteLevel'),
    space: parts.map(spaceStandIn).find((space) => space !== null) ?? null,
    byteFallback: types.includes('ByteFallback') || field(model, 'byte_fallback') === true,
  };
}

function decoderParts(decoder: unknown): Record<string, unknown>[] {
  if (typeof decoder !== 'object' || decoder === null) return [];
  const nested = field(decoder, 'decoders');
  return Array.isArray(nested)
    ? nested.flatMap(decoderParts)
    : [decoder as Record<string, unknown>];
}

function spaceStandIn(part: Record<string, unknown>): string | null {
  if (part.type === 'Metaspace') {
    return typeof part.replacement === 'string' ? part.replacement : '▁';
  }
  const pattern = field(part.pattern, 'String');
  const replacesBySpace = part.type === 'Replace' && part.content === ' ';
  return replacesBySpace && typeof pattern === 'string' ? pattern : null;
}

function field(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null
    ? (value as Record<string, unknown>)[key]
    : undefined;
}

/** GPT-2's table: printable Latin-1 characters stand for themselves, the other bytes for U+0100 onwards in order. */
function byteStandIns(): ReadonlyMap<string, number> {
  const table = new Map<string, number>();
  let next = 0x100;
  for (let byte = 0; byte < 256; byte++) {
    const printable =
      (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    table.set(String.fromCodePoint(printable ? byte : next++), byte);
  }
  return table;
}
