const SHOWN_CHARACTERS = 80;
const NAMED = 12;

/**
 * A name from a file as a message may show it: in quotes, on one line, without control or direction characters, cut when long.
 * Names in files are hostile until shown otherwise.
 */
export function quoted(name: string): string {
  const shown = name.length > SHOWN_CHARACTERS ? `${name.slice(0, SHOWN_CHARACTERS)}…` : name;
  const escaped = shown.replace(
    /["\\\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu,
    (character) => `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`,
  );
  return `"${escaped}"`;
}

/** Several such names as a list; a long list ends with how many more there are. */
export function quotedList(names: Iterable<string>): string {
  const all = [...names];
  const shown = all.slice(0, NAMED).map(quoted).join(', ');
  return all.length > NAMED ? `${shown} and ${all.length - NAMED} more` : shown;
}
