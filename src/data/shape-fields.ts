import { InputError } from '../errors';
import type { JsonObject } from '../formats/json';

const LONE_SURROGATE = /\p{Surrogate}/u;

/** The text under a key. Half of a character, which JSON can spell and UTF-8 cannot, is an InputError. */
export function requiredText(row: JsonObject, key: string): string {
  return checkedText(row[key], `"${key}"`);
}

/** The text under a key that may be missing or null: then ''. */
export function optionalText(row: JsonObject, key: string): string {
  const value = row[key];
  return value === undefined || value === null ? '' : checkedText(value, `"${key}"`);
}

/** @param name what the text is called in the message */
export function checkedText(value: unknown, name: string): string {
  if (typeof value !== 'string') throw new InputError(`${name} should be a text`);
  if (LONE_SURROGATE.test(value)) {
    throw new InputError(`${name} has half of a surrogate pair, which is no character`);
  }
  return value;
}
