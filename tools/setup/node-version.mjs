import { SetupError } from '../process.mjs';

const OLDEST = [20, 19];

/** Throws where this Node is too old for the project's tools. */
export function requireNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = OLDEST;
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return;
  throw new SetupError(
    `Node ${process.versions.node} is too old; install Node ${OLDEST.join('.')} or newer from https://nodejs.org and try again.`,
  );
}
