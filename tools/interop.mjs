/**
 * `npm run test:interop`: our results beside those of the Python libraries that people load them into. TUNESMITH_PYTHON may name an
 * interpreter that has everything in tests/interop/requirements.txt; else a virtual environment is made in .cache/interop. Further
 * arguments go to pytest.
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ROOT, run, runTool, say, SetupError } from './process.mjs';
import { aptInstall, aptUpdate, debianLike } from './setup/apt.mjs';
import { requireNode } from './setup/node-version.mjs';

const ENVIRONMENT = join(ROOT, '.cache', 'interop');
const REQUIREMENTS = join(ROOT, 'tests', 'interop', 'requirements.txt');
const OLDEST_PYTHON = [3, 11];

await runTool(async () => {
  requireNode();
  const named = process.env.TUNESMITH_PYTHON;
  const python = named === undefined || named === '' ? await ownPython() : named;
  const { code } = await run(
    python,
    ['-m', 'pytest', '--verbose', join('tests', 'interop'), ...process.argv.slice(2)],
    { environment: { PYTHONDONTWRITEBYTECODE: '1', HF_HUB_OFFLINE: '1' } },
  );
  if (code === 127) throw new SetupError(`Python could not be started as "${python}".`);
  return code;
});

/**
 * The interpreter of a virtual environment that holds the requirements, made or made again where they changed.
 *
 * @returns {Promise<string>}
 */
async function ownPython() {
  const folder = process.platform === 'win32' ? 'Scripts' : 'bin';
  const python = join(ENVIRONMENT, folder, 'python');
  const stamp = join(ENVIRONMENT, 'requirements.sha256');
  const requirements = await readFile(REQUIREMENTS, 'utf8');
  const hash = createHash('sha256').update(requirements).digest('hex');
  if ((await readFile(stamp, 'utf8').catch(() => '')) === hash) return python;
  await rm(ENVIRONMENT, { recursive: true, force: true });
  await mkdir(join(ROOT, '.cache'), { recursive: true });
  const system = await systemPython();
  say('installing the Python packages of tests/interop/requirements.txt into .cache/interop.');
  if (!(await makeEnvironment(system))) {
    throw new SetupError(
      'Python could not make a virtual environment; install its venv module, then try again.',
    );
  }
  // torch first and alone: the others then take the build that is there instead of resolving one of their own.
  const torch = /^torch==\S+/m.exec(requirements)?.[0];
  if (torch === undefined) throw new SetupError(`${REQUIREMENTS} does not pin torch.`);
  for (const packages of [[torch], ['--requirement', REQUIREMENTS]]) {
    const { code } = await run(python, ['-m', 'pip', 'install', '--quiet', ...packages]);
    if (code !== 0) {
      throw new SetupError(
        `pip could not install ${packages.join(' ')}; the interop tests need it, so they did not run.`,
      );
    }
  }
  await writeFile(stamp, hash);
  return python;
}

/**
 * Makes the virtual environment; Debian and Ubuntu keep what it takes in a package of its own.
 *
 * @param {string} system interpreter
 * @returns {Promise<boolean>} whether it worked
 */
async function makeEnvironment(system) {
  const make = async () => (await run(system, ['-m', 'venv', '--clear', ENVIRONMENT])).code === 0;
  if (await make()) return true;
  if ((await debianLike()) === undefined) return false;
  say('installing python3-venv through apt.');
  await aptUpdate();
  await aptInstall(['python3-venv']);
  return make();
}

/** @returns {Promise<string>} a Python that is new enough for the pinned packages */
async function systemPython() {
  const test = `import sys; sys.exit(sys.version_info < (${OLDEST_PYTHON.join(', ')}))`;
  for (const command of ['python3', 'python']) {
    if ((await run(command, ['-c', test], { quiet: true })).code === 0) return command;
  }
  throw new SetupError(
    `The interop tests need Python ${OLDEST_PYTHON.join('.')} or newer; install it, or name one in TUNESMITH_PYTHON.`,
  );
}
