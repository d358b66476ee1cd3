/** Where in a user's input something is wrong. */
export interface InputPlace {
  /** File name as the person knows it. */
  file?: string | undefined;
  /** 1-based line in that file. */
  line?: number | undefined;
}

/**
 * Something a person gave us is wrong: a file, a setting, a name. Its message is one sentence that says what, where and what to do,
 * fit to be shown as it is; the terminal ends with status 2 on it.
 */
export class InputError extends Error {
  override readonly name = 'InputError';
  readonly file: string | undefined;
  readonly line: number | undefined;

  /** @param what the sentence without its place; the place is put in front as `file:line: `. */
  constructor(what: string, place: InputPlace = {}) {
    super(placePrefix(place) + what);
    this.file = place.file;
    this.line = place.line;
  }
}

function placePrefix({ file, line }: InputPlace): string {
  if (file === undefined) return '';
  return line === undefined ? `${file}: ` : `${file}:${line}: `;
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
