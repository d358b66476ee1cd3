import { expect, test } from '../page-test';

test('a second tab sees that the first holds the GPU, and may train when that one is gone', async ({
  page,
  context,
  siteAddress,
}) => {
  await page.goto(siteAddress);
  await page
    .getByLabel('Choose files')
    .setInputFiles({ name: 'a.txt', mimeType: 'text/plain', buffer: Buffer.from('The hen sat.') });
  await page.getByRole('button', { name: 'Train' }).click();
  await expect(page.getByRole('status')).toHaveText(/^(Preparing|Step)/, { timeout: 60_000 });

  const second = await context.newPage();
  await second.goto(siteAddress);
  const warning = second.getByRole('alert').filter({ hasText: 'Another tab is training' });
  await expect(warning).toBeVisible({ timeout: 60_000 });
  for (const name of ['Train', 'Resume']) {
    for (const button of await second.getByRole('button', { name, exact: true }).all()) {
      await expect(button).toBeDisabled();
    }
  }
  await page.close();
  await expect(warning).toHaveCount(0, { timeout: 30_000 });
});
