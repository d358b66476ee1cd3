import { InputError } from '../errors';
import { decodeUtf8, readAll, type ByteSource } from './byte-source';
import { quoted } from './quoted';

/** A JSON object; from parseJson it has no prototype, so that every key of a file is just a key. */
export type JsonObject = Readonly<Record<string, unknown>>;

export interface JsonLimits {
  /** How deep arrays and objects may lie in each other; 32 unless told. */
  readonly depth?: number;
  /** How many values there may be in all; a million unless told. */
  readonly values?: number;
  /** Numbers may only be whole, from 0 on, and spelled as plain digits. */
  readonly unsignedIntegers?: boolean;
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Parses JSON from a file that nobody vouches for. Stricter than JSON.parse: a key that comes twice in an object (however it is
 * escaped), half of a surrogate pair, a number that is not finite, and nesting or size beyond the limits are InputErrors with the line.
 */
export function parseJson(text: string, file: string, limits: JsonLimits = {}): unknown {
  return new JsonParser(text, file, limits).document();
}

/** Reads and parses a JSON file of at most `maximumBytes`, as parseJson does. */
export async function readJson(source: ByteSource, maximumBytes: number): Promise<unknown> {
  return parseJson(decodeUtf8(await readAll(source, maximumBytes), source.name), source.name);
}

const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const UNSIGNED_INTEGER = /(?:0|[1-9][0-9]*)(?![.eE])/y;
const LONE_SURROGATE = /\p{Cs}/u;
const BACKSLASH = 0x5c;

class JsonParser {
  private at = 0;
  private valuesLeft: number;
  private readonly depthLimit: number;
  private readonly unsignedIntegers: boolean;

  constructor(
    private readonly text: string,
    private readonly file: string,
    limits: JsonLimits,
  ) {
    this.valuesLeft = limits.values ?? 1_000_000;
    this.depthLimit = limits.depth ?? 32;
    this.unsignedIntegers = limits.unsignedIntegers ?? false;
  }

  document(): unknown {
    const value = this.value(0);
    if (this.peek() !== '') this.fail('there is more after the end of the JSON value');
    return value;
  }

  private value(depth: number): unknown {
    if (this.valuesLeft-- <= 0) this.fail('the JSON has too many values for such a file');
    if (depth > this.depthLimit) this.fail('the JSON is nested too deeply for such a file');
    switch (this.peek()) {
      case '{':
        return this.object(depth);
      case '[':
        return this.array(depth);
      case '"':
        return this.string();
      case 't':
        return this.word('true', true);
      case 'f':
        return this.word('false', false);
      case 'n':
        return this.word('null', null);
      case '':
        return this.fail('the JSON ends too early');
      default:
        return this.number();
    }
  }

  private object(depth: number): JsonObject {
    const object = Object.create(null) as Record<string, unknown>;
    this.at++;
    if (this.peek() === '}') {
      this.at++;
      return object;
    }
    for (;;) {
      if (this.peek() !== '"') this.fail('the JSON should have a key in quotes here');
      const key = this.string();
      if (key in object) this.fail(`the key ${quoted(key)} comes twice in one object`);
      if (this.peek() !== ':') this.fail(`the JSON should have ":" after the key ${quoted(key)}`);
      this.at++;
      object[key] = this.value(depth + 1);
      if (this.endsAfterItem('}')) return object;
    }
  }

  private array(depth: number): unknown[] {
    const items: unknown[] = [];
    this.at++;
    if (this.peek() === ']') {
      this.at++;
      return items;
    }
    for (;;) {
      items.push(this.value(depth + 1));
      if (this.endsAfterItem(']')) return items;
    }
  }

  private endsAfterItem(end: ']' | '}'): boolean {
    const next = this.peek();
    if (next !== end && next !== ',') this.fail(`the JSON should have "," or "${end}" here`);
    this.at++;
    return next === end;
  }

  private string(): string {
    const start = this.at;
    const end = this.endOfString();
    let value: unknown;
    try {
      value = JSON.parse(this.text.slice(start, end));
    } catch {
      this.fail('a JSON string has a raw control character or an escape that does not exist');
    }
    if (typeof value !== 'string' || LONE_SURROGATE.test(value)) {
      this.fail('a JSON string has half of a surrogate pair');
    }
    this.at = end;
    return value;
  }

  /** Where the string that begins at the current quote is over: behind the next quote that is not escaped. */
  private endOfString(): number {
    for (let quote = this.at; ;) {
      quote = this.text.indexOf('"', quote + 1);
      if (quote < 0) this.fail('a JSON string has no end');
      let backslashes = 0;
      while (this.text.charCodeAt(quote - 1 - backslashes) === BACKSLASH) backslashes++;
      if (backslashes % 2 === 0) return quote + 1;
    }
  }

  private number(): number {
    const digits = this.match(this.unsignedIntegers ? UNSIGNED_INTEGER : NUMBER);
    if (digits === '') {
      this.fail(
        this.unsignedIntegers && this.match(NUMBER) !== ''
          ? 'only whole numbers from 0 on, in plain digits, are allowed here'
          : 'the JSON should have a value here',
      );
    }
    const value = Number(digits);
    if (!Number.isFinite(value)) this.fail('a number is too large');
    if (this.unsignedIntegers && !Number.isSafeInteger(value)) this.fail('a number is too large');
    return value;
  }

  private word<Value>(word: string, value: Value): Value {
    if (!this.text.startsWith(word, this.at)) this.fail('the JSON should have a value here');
    this.at += word.length;
    return value;
  }

  private match(pattern: RegExp): string {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0] ?? '';
    this.at += found.length;
    return found;
  }

  /** The next character that is not white space, or '' at the end. */
  private peek(): string {
    for (;;) {
      const character = this.text.charAt(this.at);
      if (character !== ' ' && character !== '\n' && character !== '\r' && character !== '\t') {
        return character;
      }
      this.at++;
    }
  }

  private fail(what: string): never {
    let line = 1;
    for (let at = this.text.indexOf('\n'); at >= 0 && at < this.at; line++) {
      at = this.text.indexOf('\n', at + 1);
    }
    throw new InputError(what, { file: this.file, line });
  }
}
