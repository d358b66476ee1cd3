import { spawn } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's root folder. */
export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

/**
 * Says one sentence about what is being done.
 *
 * @param {string} sentence
 */
export function say(sentence) {
  process.stderr.write(`tunesmith: ${sentence}\n`);
}

/** What a person must change on this machine; its message is shown without a stack trace. */
export class SetupError extends Error {
  /** @override */
  name = 'SetupError';
}

/**
 * Ends the commands that lead a process group of their own, which a terminal's interrupt does not reach.
 *
 * @type {Set<() => void>}
 */
const endWithUs = new Set();

function watchInterrupts() {
  if (process.listenerCount('exit', endChildren) > 0) return;
  process.on('exit', endChildren);
  process.on('SIGINT', () => process.exit(130));
  process.on('SIGTERM', () => process.exit(143));
}

function endChildren() {
  for (const end of endWithUs) end();
}

/**
 * @typedef {object} CommandResult
 * @property {number} code exit status; 127 when the command could not be started, 124 when it ran out of time
 * @property {string} output standard output, where it was captured
 */

/**
 * Runs a command and waits for its end. It does not throw on a failing command: the caller reads `code`.
 *
 * @param {string} command
 * @param {string[]} commandArguments
 * @param {{ capture?: boolean, quiet?: boolean, timeoutSeconds?: number, environment?: Record<string, string> }} [options]
 *   capture: return standard output instead of showing it; quiet: hide standard error too
 * @returns {Promise<CommandResult>}
 */
export function run(command, commandArguments, options = {}) {
  const { capture = false, quiet = false, timeoutSeconds, environment } = options;
  const ownGroup = timeoutSeconds !== undefined && process.platform !== 'win32';
  return new Promise((resolve) => {
    const child = spawn(command, commandArguments, {
      cwd: ROOT,
      detached: ownGroup,
      env: { ...process.env, ...environment },
      // npm and npx are scripts on Windows, which only a shell starts.
      shell: process.platform === 'win32' && /^np[mx]$/.test(command),
      stdio: ['inherit', capture ? 'pipe' : 'inherit', quiet ? 'ignore' : 'inherit'],
    });
    let output = '';
    let timedOut = false;
    child.stdout?.setEncoding('utf8').on('data', (/** @type {string} */ text) => (output += text));
    const end = () => endTree(child, ownGroup);
    if (ownGroup) {
      watchInterrupts();
      endWithUs.add(end);
    }
    const timer =
      timeoutSeconds === undefined
        ? undefined
        : setTimeout(() => {
            timedOut = true;
            end();
          }, timeoutSeconds * 1000);
    const finish = (/** @type {number} */ code) => {
      clearTimeout(timer);
      endWithUs.delete(end);
      resolve({ code, output });
    };
    child.on('error', () => finish(127));
    child.on('close', (code) => finish(timedOut ? 124 : (code ?? 1)));
  });
}

/**
 * Ends a child and, where it leads a group of its own, everything that it started.
 *
 * @param {import('node:child_process').ChildProcess} child
 * @param {boolean} ownGroup
 */
function endTree(child, ownGroup) {
  if (!ownGroup || child.pid === undefined) {
    child.kill('SIGKILL');
    return;
  }
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    child.kill('SIGKILL');
  }
}

/**
 * Runs a tool's main function: its value is the exit status, and what a person must change is said in one sentence.
 *
 * @param {() => Promise<number>} main
 */
export async function runTool(main) {
  try {
    process.exitCode = await main();
  } catch (error) {
    say(messageOfSetup(error));
    process.exitCode = 1;
  }
}

/**
 * The sentence of a SetupError; anything else is a fault of ours and is thrown on.
 *
 * @param {unknown} error
 * @returns {string}
 */
export function messageOfSetup(error) {
  if (error instanceof SetupError) return error.message;
  throw error;
}
