import { expect, test } from '../page-test';
import { dropAndPlan, openPage, shownStep } from './run-page';

const STORY = {
  name: 'story.txt',
  mimeType: 'text/plain',
  buffer: Buffer.from('The hen sat in the barn. The cow came in. "Good day," said the hen.\n'),
};

test('a run whose GPU process crashes goes on by itself; after a second crash it waits and says so', async ({
  page,
  browser,
  siteAddress,
}) => {
  await openPage(page, siteAddress);
  await dropAndPlan(page, STORY, { steps: 200, saveEvery: 1, prompts: '' });
  await page.getByRole('button', { name: 'Train' }).click();
  const status = page.getByRole('status');
  await expect(status).toHaveText(/^Step [2-9]/, { timeout: 300_000 });

  const devtools = await browser.newBrowserCDPSession();
  const before = await shownStep(page);
  await devtools.send('Browser.crashGpuProcess');
  const notice = page.getByText('The GPU was lost; the run goes on from its last checkpoint now.');
  await expect(notice).toBeVisible({ timeout: 60_000 });
  await expect(async () => expect(await shownStep(page)).toBeGreaterThan(before)).toPass({
    timeout: 300_000,
  });

  await devtools.send('Browser.crashGpuProcess');
  await expect(status).toHaveText(/The browser gives the GPU back in 1\d\d s$/, {
    timeout: 60_000,
  });
  await page.getByRole('button', { name: 'Stop' }).click();
  await expect(status).toHaveText(/^Stopped at step \d+ of 200, loss/);
  await expect(page.getByRole('button', { name: 'Download adapter' })).toBeEnabled();
});
