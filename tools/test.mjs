/** `npm test`: installs what is missing, then runs the unit tests and the tests that need a GPU, both in Node. */
import { join } from 'node:path';
import { messageOfSetup, run, ROOT, runTool, say } from './process.mjs';
import { setUpChromium } from './setup/chromium.mjs';
import { requireNode } from './setup/node-version.mjs';
import { installPackages } from './setup/packages.mjs';
import { setUpVulkan } from './setup/vulkan.mjs';

/** Where the suites leave what they counted, for .ci/run. */
const REPORTS = '.cache/reports';

await runTool(async () => {
  requireNode();
  await installPackages();
  // A missing part fails the tests that need it, with their own words; the others run all the same.
  for (const setUp of [setUpVulkan, setUpChromium]) {
    await setUp().catch((/** @type {unknown} */ error) => say(messageOfSetup(error)));
  }
  const vitest = join(ROOT, 'node_modules', 'vitest', 'vitest.mjs');
  const failed = [];
  for (const project of ['unit', 'gpu']) {
    const { code } = await run(process.execPath, [
      vitest,
      'run',
      '--project',
      project,
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${REPORTS}/${project}.json`,
    ]);
    if (code !== 0) failed.push(project);
  }
  say(failed.length === 0 ? 'all tests passed.' : `failed: ${failed.join(' and ')} tests.`);
  return failed.length === 0 ? 0 : 1;
});
