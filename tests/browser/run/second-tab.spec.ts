import type { Page } from '@playwright/test';
import { expect, test } from '../page-test';
import { openPage } from './run-page';

const ENDS: Record<string, (page: Page) => Promise<void>> = {
  closed: (page) => page.close(),
  // The command is never answered: nobody is left to do it.
  crashed: async (page) => {
    const session = await page.context().newCDPSession(page);
    const crashed = page.waitForEvent('crash');
    session.send('Page.crash').catch(() => undefined);
    await crashed;
  },
};

for (const [end, endTab] of Object.entries(ENDS)) {
  test(`a second tab sees that the first holds the GPU, and may train when that one has ${end}`, async ({
    page,
    context,
    siteAddress,
  }) => {
    await page.goto(siteAddress);
    await page.getByLabel('Choose files').setInputFiles({
      name: 'a.txt',
      mimeType: 'text/plain',
      buffer: Buffer.from('The hen sat.'),
    });
    await page.getByRole('button', { name: 'Train' }).click();
    await expect(page.getByRole('status')).toHaveText(/^(Preparing|Step)/, { timeout: 60_000 });

    const second = await context.newPage();
    await second.goto(siteAddress);
    const warning = second.getByRole('alert').filter({ hasText: 'Another tab is training' });
    await expect(warning).toBeVisible({ timeout: 60_000 });
    await expect(second.getByRole('status')).toHaveText('At work in another tab');
    const runs = second.getByRole('list', { name: 'Runs' });
    await expect(runs.getByRole('listitem')).toContainText('at work in another tab');
    for (const name of ['Train', 'Resume']) {
      for (const button of await second.getByRole('button', { name, exact: true }).all()) {
        await expect(button).toBeDisabled();
      }
    }
    await endTab(page);
    const ended = Date.now();
    await expect(warning).toHaveCount(0, { timeout: 30_000 });
    await expect(second.getByRole('status')).toHaveText(/^Interrupted/);
    console.log(`the tab has ${end}; the other saw it after ${Date.now() - ended} ms`);
  });
}

test('two tabs show the same data, whichever was given them', async ({
  page,
  context,
  siteAddress,
}) => {
  const dropIn = (tab: Page, name: string, text: string) =>
    tab
      .getByLabel('Choose files')
      .setInputFiles({ name, mimeType: 'text/plain', buffer: Buffer.from(text) });
  const dataset = (tab: Page) => tab.getByRole('region', { name: 'Dataset' });
  const second = await context.newPage();
  await openPage(page, siteAddress);
  await openPage(second, siteAddress);
  await dropIn(page, 'a.txt', 'The hen sat.');
  await expect(dataset(second)).toContainText('a.txt', { timeout: 30_000 });
  await dropIn(second, 'b.txt', 'The cow came in.');
  await expect(dataset(page)).toContainText('b.txt', { timeout: 30_000 });
  await expect(page.getByRole('button', { name: 'Train' })).toBeEnabled();
  await page.getByRole('button', { name: 'Forget these files' }).click();
  await expect(dataset(second)).toHaveCount(0);
  for (const tab of [page, second]) await expect(tab.getByRole('alert')).toHaveCount(0);
});
