/**
 * Who may import whom in src/, once, for the lint rules (eslint.config.js) and for the test that walks the imports itself
 * (tests/architecture.test.ts).
 */

/**
 * @typedef {object} ImportDirection
 * @property {string[]} values modules and folders of src/ whose values it may use
 * @property {string[]} types those of which it may use only types
 */

/** Folders of src/ that run the same in a worker and in Node. */
export const CORE_FOLDERS = ['config', 'formats', 'data', 'engine', 'model', 'train'];

/** Modules of src/ that everything may import; parts of one may lie in a folder of its name. */
export const SHARED_MODULES = ['config', 'errors'];

const FOLDERS = [...CORE_FOLDERS, 'storage', 'worker', 'headless', 'app'];

/** @type {Record<string, ImportDirection>} */
export const IMPORT_DIRECTIONS = {
  config: { values: [], types: [] },
  formats: { values: [], types: [] },
  data: { values: ['formats'], types: [] },
  engine: { values: [], types: [] },
  model: { values: ['engine', 'formats'], types: ['data'] },
  train: { values: ['model', 'data', 'engine', 'formats'], types: [] },
  storage: { values: ['formats'], types: ['train'] },
  worker: { values: [...CORE_FOLDERS, 'storage'], types: [] },
  headless: { values: CORE_FOLDERS, types: [] },
  app: {
    values: ['worker/client', 'worker/api', 'worker/tokenization', 'storage'],
    types: FOLDERS,
  },
};

/** Names of a host that the core must be given instead of reaching for them. */
export const HOST_GLOBALS = [
  'navigator',
  'document',
  'window',
  'self',
  'globalThis',
  'indexedDB',
  'localStorage',
  'sessionStorage',
  'caches',
  'fetch',
  'XMLHttpRequest',
  'Worker',
  'postMessage',
  'console',
  'process',
  'Buffer',
  'require',
];

/** Packages that the core must not import, as a regular expression over the module name. */
export const HOST_PACKAGES = '^(node:|svelte(/|$)|comlink(/|$)|idb(/|$)|webgpu$)';

/**
 * The lint pattern of what a folder may not import by a relative path.
 *
 * @param {string} folder
 * @returns {{ values: string, valuesAndTypes: string }} regular expressions over the module name: what is forbidden as a value, and
 *   what is forbidden even as a type
 */
export function forbiddenImports(folder) {
  const direction = IMPORT_DIRECTIONS[folder];
  if (direction === undefined) throw new Error(`no import directions for src/${folder}`);
  const values = [...SHARED_MODULES, ...direction.values];
  return {
    values: everythingBut([folder, ...values]),
    valuesAndTypes: everythingBut([folder, ...values, ...direction.types]),
  };
}

/** @param {string[]} allowed paths below src/ */
function everythingBut(allowed) {
  const folders = FOLDERS.filter((folder) => !allowed.includes(folder)).map((folder) => {
    const inside = allowed.filter((path) => path.startsWith(`${folder}/`));
    if (inside.length === 0) return `${folder}(/|$)`;
    const modules = inside.map((path) => path.slice(folder.length + 1)).join('|');
    return `${folder}(?!/(${modules})$)(/|$)`;
  });
  return folders.length === 0 ? '(?!)' : `^(\\.{1,2}/)+(${folders.join('|')})`;
}
