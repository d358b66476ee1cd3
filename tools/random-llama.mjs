/**
 * `node tools/random-llama.mjs --out DIR [--shape llama-3.2-1b|smollm2-135m]`: a Llama with seeded random weights and the shape of a known
 * model, any size of which can be given as an option of its own. See `random-llama/model.mjs`.
 */
import { parseArgs } from 'node:util';
import { runTool, SetupError } from './process.mjs';
import { SHAPES, writeRandomLlama } from './random-llama/model.mjs';

const DEFAULT_SHAPE = 'llama-3.2-1b';
const WRITING = { shards: 2, seed: 1 };

await runTool(async () => {
  const { out, shape, writing } = readOptions();
  await writeRandomLlama(out, shape, writing);
  return 0;
});

function readOptions() {
  const numbers = { ...SHAPES[DEFAULT_SHAPE], ...WRITING };
  /** @type {Record<string, { type: 'string' }>} */
  const options = { out: { type: 'string' }, shape: { type: 'string' } };
  for (const name of Object.keys(numbers)) options[name] = { type: 'string' };
  const { out, shape: name = DEFAULT_SHAPE, ...given } = parseArgs({ options }).values;
  if (typeof out !== 'string') throw new SetupError('--out must name the folder to write.');
  const known = Object.entries(SHAPES).find(([one]) => one === name);
  if (!known) throw new SetupError(`--shape must be one of ${Object.keys(SHAPES).join(', ')}.`);
  return {
    out,
    shape: overridden(known[1], given),
    writing: overridden(WRITING, given),
  };
}

/**
 * @template {Record<string, number>} Numbers
 * @param {Numbers} numbers
 * @param {Record<string, string | undefined>} given
 * @returns {Numbers}
 */
function overridden(numbers, given) {
  const changed = { ...numbers };
  for (const name of Object.keys(numbers)) {
    const text = given[name];
    if (text === undefined) continue;
    const value = Number(text);
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new SetupError(`--${name} must be a whole number from 1, not "${text}".`);
    }
    Object.assign(changed, { [name]: value });
  }
  return changed;
}
