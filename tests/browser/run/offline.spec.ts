import { expect, test as base } from '@playwright/test';
import { serveBuilt } from '../site';
import { dropAndPlan, openPage, stepStatus } from './run-page';

const story = (animal: string) => ({
  name: `${animal}.txt`,
  mimeType: 'text/plain',
  buffer: Buffer.from(`The ${animal} sat in the barn. "Good day," said the cow.\n`.repeat(20)),
});

base('once a run has begun, nothing needs the page’s server any more', async ({ page }) => {
  const site = await serveBuilt();
  await openPage(page, site.address);
  await dropAndPlan(page, story('hen'), { steps: 6, saveEvery: 2, prompts: 'The hen' });
  await page.getByRole('button', { name: 'Train' }).click();
  const status = page.getByRole('status');
  await expect(status).toHaveText(stepStatus(6), { timeout: 300_000 });

  await site.close();
  await expect(status).toHaveText(/^Finished: 6 steps/, { timeout: 300_000 });
  await page.getByRole('textbox', { name: 'Question' }).fill('The hen');
  await page.getByRole('button', { name: 'Ask' }).click();
  await expect(page.getByRole('region', { name: 'Tuned answer' })).toContainText(/\d+ tokens/, {
    timeout: 300_000,
  });
  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Download adapter' }).click();
  expect((await download).suggestedFilename()).toBe('hen-on-Starter.zip');

  const band = page.getByRole('region', { name: 'Data', exact: true });
  await band.getByRole('button', { name: 'Unfold this band' }).click();
  await page.getByLabel('Choose files').setInputFiles(story('mule'));
  await expect(page.getByRole('region', { name: 'Dataset' })).toContainText('mule.txt');
  await page.getByRole('button', { name: 'Train' }).click();
  await expect(status).toHaveText(stepStatus(6), { timeout: 300_000 });
  await page.getByRole('button', { name: 'Stop' }).click();
  await expect(status).toHaveText(/^Stopped at step/, { timeout: 60_000 });
});

base('what does not load without the page’s server says when to try again', async ({ page }) => {
  const site = await serveBuilt();
  await openPage(page, site.address);
  // The list of models, which the page opens with, comes from the server too.
  await page.waitForLoadState('networkidle');
  await site.close();
  await page.getByRole('button', { name: 'Try the sample' }).click();
  await expect(page.getByRole('alert')).toContainText('The sample did not load; try again when');
  await page.getByRole('button', { name: 'Dismiss' }).click();
  await page.getByLabel('Choose files').setInputFiles(story('hen'));
  await expect(page.getByRole('alert')).toContainText('the starter model did not load');
});
