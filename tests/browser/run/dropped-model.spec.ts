import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { drop } from '../drop';
import { expect, test } from '../page-test';
import { openPage } from './run-page';

const STARTER = fileURLToPath(new URL('../../../public/starter/', import.meta.url));

test('a dropped model shows before there are data, survives a reload, and is told from one of its name', async ({
  page,
  siteAddress,
  complaints,
}, testInfo) => {
  // The starter's own files, its card among them, as somebody's models.
  const model1 = testInfo.outputPath('one', 'my-llama');
  const model2 = testInfo.outputPath('two', 'my-llama');
  await cp(STARTER, model1, { recursive: true });
  await cp(STARTER, model2, { recursive: true });
  await changeLastWeight(join(model2, 'model.safetensors'));
  const books = testInfo.outputPath('books');
  await mkdir(books);
  await writeFile(join(books, 'story.txt'), 'The hen sat in the barn. The cow came in.\n');

  await openPage(page, siteAddress);
  const model = page.getByRole('combobox', { name: 'Model' });
  const choices = model.getByRole('option', { name: 'my-llama' });
  const dataset = page.getByRole('region', { name: 'Dataset' });
  await drop(page, [model1]);
  await expect(page.getByText('my-llama learns from them')).toBeVisible({ timeout: 60_000 });

  await page.reload();
  await expect(page.getByText('for a run')).toBeVisible({ timeout: 30_000 });
  await drop(page, [books]);
  await expect(dataset).toContainText('story.txt', { timeout: 60_000 });
  await expect(choices).toHaveCount(1);

  await drop(page, [model2]);
  await expect(choices).toHaveCount(2, { timeout: 60_000 });
  await expect(model).toBeEnabled({ timeout: 60_000 });
  await drop(page, [model1]);
  await expect(model).toBeEnabled({ timeout: 60_000 });
  await expect(choices).toHaveCount(2);
  await expect(page.getByRole('region', { name: 'Memory' })).toContainText('Fits.', {
    timeout: 60_000,
  });
  await expect(dataset).toContainText('story.txt');
  expect(complaints).toEqual([]);
});

/** Another last byte of a norm's last weight: a model as good as the first. */
async function changeLastWeight(file: string): Promise<void> {
  const weights = await readFile(file);
  weights[weights.length - 2] = (weights.at(-2) ?? 0) ^ 1;
  await writeFile(file, weights);
}
