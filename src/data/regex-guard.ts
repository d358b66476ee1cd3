import { InputError } from '../errors';
import { isJsonObject } from '../formats/json';
import { quoted } from '../formats/quoted';

const LONGEST_PATTERN = 4096;
const DEEPEST = 32;

/**
 * Refuses the regular expressions of a tokenizer that could keep a thread busy for ever: very long ones, and those in which something that repeats
 * is repeated itself, as in `(a+)+`. No tokenizer in use has such a one. What still slips through is ended with its worker.
 */
export function checkPatterns(value: unknown, file: string, depth = 0): void {
  if (depth > DEEPEST) throw new InputError('the tokenizer is nested too deeply', { file });
  if (Array.isArray(value)) {
    for (const item of value) checkPatterns(item, file, depth + 1);
  } else if (isJsonObject(value)) {
    for (const [key, item] of Object.entries(value)) {
      if (key === 'Regex' && typeof item === 'string') checkPattern(item, file);
      else checkPatterns(item, file, depth + 1);
    }
  }
}

function checkPattern(pattern: string, file: string): void {
  if (pattern.length > LONGEST_PATTERN) {
    throw new InputError(
      `a regular expression has ${pattern.length} characters, more than the ${LONGEST_PATTERN} allowed`,
      { file },
    );
  }
  if (repeatsRepetition(pattern)) {
    throw new InputError(
      `the regular expression ${quoted(pattern)} repeats a repetition, which could take for ever`,
      { file },
    );
  }
}

/** Whether a group that holds an unbounded quantifier has one itself. */
export function repeatsRepetition(pattern: string): boolean {
  const groups: boolean[] = [];
  let justClosedRepeating = false;
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern.charAt(at);
    const unbounded = character === '*' || character === '+' || isUnboundedBrace(pattern, at);
    if (unbounded && justClosedRepeating) return true;
    if (unbounded) groups.fill(true);
    justClosedRepeating = false;
    if (character === '\\') at++;
    else if (character === '[') at = endOfClass(pattern, at);
    else if (character === '(') groups.push(false);
    else if (character === ')') justClosedRepeating = groups.pop() ?? false;
  }
  return false;
}

function isUnboundedBrace(pattern: string, at: number): boolean {
  return /^\{\d*,\}/.test(pattern.slice(at, at + 12));
}

/** The index of the bracket that closes the character class at `start`. */
function endOfClass(pattern: string, start: number): number {
  let depth = 0;
  for (let at = start; at < pattern.length; at++) {
    const character = pattern.charAt(at);
    if (character === '\\') at++;
    else if (character === '[') depth++;
    else if (character === ']' && --depth === 0) return at;
  }
  return pattern.length;
}
