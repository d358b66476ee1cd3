import { InputError } from '../errors';
import { isJsonObject, type JsonObject } from './json';
import { quoted } from './quoted';

interface NumberRange {
  readonly minimum: number;
  readonly maximum: number;
}

/**
 * Reads the fields of one JSON object with checks: whatever is missing, of another type or out of range is an InputError that names
 * the file and the key. `null` counts as absent, as Hugging Face's configurations use it.
 */
export class JsonFields {
  /** @param prefix put in front of keys in messages, such as `rope_scaling.` */
  constructor(
    private readonly object: JsonObject,
    private readonly file: string,
    private readonly prefix = '',
  ) {}

  static of(value: unknown, file: string): JsonFields {
    if (!isJsonObject(value)) throw new InputError('the file should hold a JSON object', { file });
    return new JsonFields(value, file);
  }

  get keys(): string[] {
    return Object.keys(this.object);
  }

  raw(key: string): unknown {
    return Object.hasOwn(this.object, key) ? this.object[key] : undefined;
  }

  has(key: string): boolean {
    return (this.raw(key) ?? null) !== null;
  }

  integer(key: string, range: NumberRange, whenAbsent?: number): number {
    const value = this.number(key, range, whenAbsent);
    if (!Number.isInteger(value)) this.fail(key, `must be a whole number`);
    return value;
  }

  number(key: string, { minimum, maximum }: NumberRange, whenAbsent?: number): number {
    const value = this.valueOr(key, whenAbsent);
    if (typeof value !== 'number') this.fail(key, 'must be a number');
    // Written so that NaN is refused too.
    if (!(value >= minimum && value <= maximum)) {
      this.fail(key, `must be from ${minimum} to ${maximum}`);
    }
    return value;
  }

  boolean(key: string, whenAbsent?: boolean): boolean {
    const value = this.valueOr(key, whenAbsent);
    if (typeof value !== 'boolean') this.fail(key, 'must be true or false');
    return value;
  }

  string(key: string, whenAbsent?: string): string {
    const value = this.valueOr(key, whenAbsent);
    if (typeof value !== 'string') this.fail(key, 'must be a string');
    return value;
  }

  /** The fields of the object under `key`, or undefined where there is none. */
  child(key: string): JsonFields | undefined {
    if (!this.has(key)) return undefined;
    const value = this.raw(key);
    if (!isJsonObject(value)) return this.fail(key, 'must be an object');
    return new JsonFields(value, this.file, `${this.prefix}${key}.`);
  }

  /** Throws the InputError "KEY is VALUE; it MUST". */
  fail(key: string, must: string): never {
    const value = this.raw(key);
    const name = quoted(this.prefix + key).slice(1, -1);
    const state = value === undefined ? 'is missing' : `is ${shownValue(value)}`;
    throw new InputError(`${name} ${state}; it ${must}`, { file: this.file });
  }

  private valueOr(key: string, whenAbsent: unknown): unknown {
    return this.has(key) ? this.raw(key) : whenAbsent;
  }
}

function shownValue(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (isJsonObject(value)) return 'an object';
  return typeof value === 'string' ? quoted(value) : String(value);
}
