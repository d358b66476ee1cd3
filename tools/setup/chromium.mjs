import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { run, say, SetupError } from '../process.mjs';
import { aptInstall, aptUpdate, debianLike } from './apt.mjs';

const COMMANDS = [
  'chromium',
  'google-chrome-stable',
  'google-chrome',
  'chrome',
  'chromium-browser',
];

const PLACES = {
  darwin: [
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
    '/Applications/Chromium.app/Contents/MacOS/Chromium',
  ],
  win32: ['ProgramFiles', 'ProgramFiles(x86)', 'LOCALAPPDATA'].map((name) =>
    join(process.env[name] ?? '', 'Google', 'Chrome', 'Application', 'chrome.exe'),
  ),
};

/**
 * The Chromium or Chrome that the browser tests start: the one that TUNESMITH_CHROMIUM names, else one that is installed, else the one
 * that Playwright fetched.
 *
 * @returns {Promise<string | undefined>} path of the program
 */
export async function findChromium() {
  const named = process.env.TUNESMITH_CHROMIUM;
  if (named !== undefined && named !== '') return named;
  for (const path of candidates()) {
    if (existsSync(path) && (await starts(path))) return path;
  }
  const { chromium } = await import('@playwright/test');
  const fetched = chromium.executablePath();
  return existsSync(fetched) ? fetched : undefined;
}

/** Installs Chromium where there is none: through apt on Debian, through Playwright on Ubuntu, whose own package is a snap. */
export async function setUpChromium() {
  if ((await findChromium()) !== undefined) return;
  const distribution = await debianLike();
  if (distribution === undefined) {
    throw new SetupError(
      'The browser tests need Chrome or Chromium; install one, or name its program in TUNESMITH_CHROMIUM.',
    );
  }
  say('installing Chromium for the browser tests.');
  if (distribution.id === 'debian') {
    await aptUpdate();
    await aptInstall(['chromium']);
  } else {
    await run('npx', ['playwright', 'install', '--with-deps', 'chromium']);
  }
  if ((await findChromium()) === undefined) {
    throw new SetupError('Chromium could not be installed; the messages above say why.');
  }
}

function candidates() {
  if (process.platform === 'darwin') return PLACES.darwin;
  if (process.platform === 'win32') return PLACES.win32;
  const folders = (process.env.PATH ?? '').split(delimiter).filter(Boolean);
  return COMMANDS.flatMap((command) => folders.map((folder) => join(folder, command)));
}

/**
 * Whether a program is a browser: Ubuntu has a script of that name that only says where to find one.
 *
 * @param {string} path
 */
async function starts(path) {
  if (process.platform !== 'linux') return true;
  const { code } = await run(path, ['--version'], {
    capture: true,
    quiet: true,
    timeoutSeconds: 20,
  });
  return code === 0;
}
