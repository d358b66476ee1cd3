import { readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { chromium, type Page } from '@playwright/test';
import { memoryFolder } from '../../../src/formats/byte-source';
import { decodeCheckpoint } from '../../../src/train/checkpoint-files';
import { expect, test } from '../page-test';
import { dropAndPlan, openPage, shownStep } from './run-page';
import { storedRecords } from './stored-records';

const KILLS = 3;
const STEPS = 300;
const SAVE_EVERY = 2;
/** A checkpoint is made about every second or two: kills fall before, while and after one is written. */
const WITHIN_MILLISECONDS = 4000;

const STORY = {
  name: 'story.txt',
  mimeType: 'text/plain',
  buffer: Buffer.from('The hen sat in the barn. The cow came in. "Good day," said the hen.\n'),
};

test('a browser that is killed at random moments finds its run again, intact, and goes on', async ({
  launchOptions,
  siteAddress,
}, testInfo) => {
  const profile = testInfo.outputPath('profile');
  const open = async (): Promise<Page> => {
    const context = await chromium.launchPersistentContext(profile, launchOptions);
    await context.addInitScript(markRunShown);
    return context.pages()[0] ?? (await context.newPage());
  };
  let page = await open();
  await openPage(page, siteAddress);
  await dropAndPlan(page, STORY, { steps: STEPS, saveEvery: SAVE_EVERY, prompts: '' });
  await page.getByRole('button', { name: 'Train' }).click();

  let before = 0;
  for (let kill = 1; kill <= KILLS; kill++) {
    await expect(async () => expect(await shownStep(page)).toBeGreaterThan(before + 1)).toPass({
      timeout: 300_000,
    });
    await page.waitForTimeout(Math.random() * WITHIN_MILLISECONDS);
    const shown = await shownStep(page);
    await killBrowser(page, profile);

    page = await open();
    await page.goto(siteAddress);
    const interrupted = new RegExp(`^Interrupted at step \\d+ of ${STEPS}`);
    await expect(page.getByRole('status')).toHaveText(interrupted, { timeout: 30_000 });
    const milliseconds = Math.round(await page.evaluate(shownAfter));
    console.log(`killed at step ${shown}; the run was shown ${milliseconds} ms after opening`);

    // Decoding checks the hash of every part.
    const checkpoint = await newestCheckpoint(page);
    expect(checkpoint.progress.step).toBeGreaterThanOrEqual(shown - SAVE_EVERY);
    await expect(page.getByRole('list', { name: 'Runs' }).getByRole('listitem')).toHaveCount(1);
    before = checkpoint.progress.step;
    await page.getByRole('button', { name: 'Resume' }).first().click();
  }
  await expect(async () => expect(await shownStep(page)).toBeGreaterThan(before + 1)).toPass({
    timeout: 300_000,
  });
  await page.context().close();
});

/** Kills the browser's process, which its profile names; nothing is asked to end or to be stored. */
async function killBrowser(page: Page, profile: string): Promise<void> {
  const gone = page.context().waitForEvent('close');
  const processId = (await readlink(join(profile, 'SingletonLock'))).split('-').at(-1);
  process.kill(Number(processId), 'SIGKILL');
  await gone;
}

/** Runs in the page from its beginning: marks when it first shows a run that was interrupted. */
function markRunShown(): void {
  const observer = new MutationObserver(() => {
    const status = document.querySelector('[role=status]')?.textContent.trim() ?? '';
    if (!status.startsWith('Interrupted')) return;
    performance.mark('run shown');
    observer.disconnect();
  });
  observer.observe(document, { subtree: true, childList: true, characterData: true });
}

function shownAfter(): number {
  return performance.getEntriesByName('run shown')[0]?.startTime ?? NaN;
}

/** The newest committed checkpoint, read past the program from the page's database. */
async function newestCheckpoint(page: Page) {
  const newest = (await storedRecords(page, 'checkpoints')).at(-1);
  const parts = (await storedRecords(page, 'checkpointParts')).filter(
    ({ sequence }) => sequence === newest?.sequence,
  );
  const entries = parts.map(({ name, bytes }) => [name, bytes] as const);
  return decodeCheckpoint(memoryFolder('newest checkpoint', Object.fromEntries(entries)));
}
