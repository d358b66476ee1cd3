/**
 * Finds, among the package sources of a Debian system, the one its releases come from, and derives the same mirror's backports from it.
 * Both forms of sources are read: deb822 (`*.sources`) and one line each (`*.list`).
 */

/** @typedef {{ path: string, text: string }} SourcesFile */

/**
 * @param {SourcesFile[]} files the contents of /etc/apt/sources.list and /etc/apt/sources.list.d/*
 * @param {string} codename the release's name, such as `bookworm`
 * @returns {{ extension: 'list' | 'sources', text: string } | 'present' | undefined} what to write into a file of its own; `present`
 *   where the backports are configured; undefined where no source of this release was found
 */
export function backportsSource(files, codename) {
  const sources = files.flatMap(({ path, text }) =>
    path.endsWith('.sources') ? readStanzas(text) : readLines(text),
  );
  const backports = `${codename}-backports`;
  if (sources.some(({ suites }) => suites.includes(backports))) return 'present';
  const release = sources.find(
    ({ suites, components }) => suites.includes(codename) && components.includes('main'),
  );
  if (release === undefined) return undefined;
  return { extension: release.extension, text: release.withSuite(backports) };
}

/**
 * @typedef {object} Source
 * @property {string[]} suites
 * @property {string[]} components
 * @property {'list' | 'sources'} extension
 * @property {(suite: string) => string} withSuite the same source for another suite, its component main alone
 */

/**
 * @param {string} text of a deb822 file: stanzas of `Field: value`, long values continued on indented lines
 * @returns {Source[]}
 */
function readStanzas(text) {
  const lines = text.replaceAll('\r', '').split('\n');
  const stanzas = lines
    .filter((line) => !line.startsWith('#'))
    .join('\n')
    .split(/\n[ \t]*\n/);
  return stanzas.flatMap((stanza) => {
    const fields = readFields(stanza);
    const words = (/** @type {string} */ name) =>
      (fields.get(name)?.value ?? '').split(/\s+/).filter(Boolean);
    const enabled = words('enabled')[0]?.toLowerCase() !== 'no';
    if (!words('types').includes('deb') || !enabled) return [];
    return {
      suites: words('suites'),
      components: words('components'),
      extension: 'sources',
      withSuite: (/** @type {string} */ suite) => {
        const changed = new Map([
          ['types', 'deb'],
          ['suites', suite],
          ['components', 'main'],
        ]);
        const rows = [...fields].map(
          ([key, { name, value }]) => `${name}: ${changed.get(key) ?? value}`,
        );
        return `${rows.join('\n')}\n`;
      },
    };
  });
}

/**
 * @param {string} stanza
 * @returns {Map<string, { name: string, value: string }>} by the field's name in lower case
 */
function readFields(stanza) {
  /** @type {Map<string, { name: string, value: string }>} */
  const fields = new Map();
  let last;
  for (const line of stanza.split('\n')) {
    const match = /^([A-Za-z-]+):[ \t]*(.*)$/.exec(line);
    if (match?.[1] !== undefined) {
      last = { name: match[1], value: match[2] ?? '' };
      fields.set(last.name.toLowerCase(), last);
    } else if (last !== undefined && /^[ \t]/.test(line)) {
      last.value += `\n${line}`;
    }
  }
  return fields;
}

/**
 * @param {string} text lines of `deb [options] address suite component...`
 * @returns {Source[]}
 */
function readLines(text) {
  return text.split('\n').flatMap((line) => {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s+([^#]*)/.exec(line);
    if (match === null) return [];
    const [, options, address, suite, components = ''] = match;
    const start = options === undefined ? 'deb' : `deb [${options}]`;
    return {
      suites: [suite ?? ''],
      components: components.split(/\s+/).filter(Boolean),
      extension: 'list',
      withSuite: (/** @type {string} */ other) => `${start} ${address ?? ''} ${other} main\n`,
    };
  });
}
