import { readFile } from 'node:fs/promises';
import { expect, test } from '../page-test';
import { openPage } from './run-page';

const STARTER = new URL('../../../public/starter/', import.meta.url);
const PARTS = ['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json'];

interface DroppedFile {
  name: string;
  mimeType: string;
  buffer: Buffer;
}

/** The starter's own files, as somebody's model. */
async function modelFiles(): Promise<DroppedFile[]> {
  return Promise.all(
    PARTS.map(async (name) => ({
      name,
      mimeType: '',
      buffer: await readFile(new URL(name, STARTER)),
    })),
  );
}

test('a dropped model shows before there are data, survives a reload, and is told from one of its name', async ({
  page,
  siteAddress,
  complaints,
}) => {
  await openPage(page, siteAddress);
  const files = page.getByLabel('Choose files');
  const model = page.getByRole('combobox', { name: 'Model' });
  const choices = model.getByRole('option', { name: 'dropped model' });
  const model1 = await modelFiles();
  await files.setInputFiles(model1);
  await expect(page.getByText('dropped model learns from them')).toBeVisible({ timeout: 60_000 });

  await page.reload();
  await files.setInputFiles({
    name: 'story.txt',
    mimeType: 'text/plain',
    buffer: Buffer.from('The hen sat in the barn. The cow came in. "Good day," said the hen.\n'),
  });
  await expect(page.getByRole('region', { name: 'Dataset' })).toContainText('story.txt', {
    timeout: 60_000,
  });
  await expect(choices).toHaveCount(1);

  const other = model1.map((file) =>
    file.name === 'model.safetensors'
      ? { ...file, buffer: withAnotherLastByte(file.buffer) }
      : file,
  );
  await files.setInputFiles(other);
  await expect(choices).toHaveCount(2, { timeout: 60_000 });
  await files.setInputFiles(model1);
  await expect(model).toBeEnabled({ timeout: 60_000 });
  await expect(choices).toHaveCount(2);
  await expect(page.getByRole('region', { name: 'Memory' })).toContainText('Fits.', {
    timeout: 60_000,
  });
  expect(complaints).toEqual([]);
});

/** The last byte of a norm's last weight: a model as good as the first. */
function withAnotherLastByte(weights: Buffer): Buffer {
  const changed = Buffer.from(weights);
  changed[changed.length - 2] = (changed.at(-2) ?? 0) ^ 1;
  return changed;
}
