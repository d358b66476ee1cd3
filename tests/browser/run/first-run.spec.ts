import { readFile } from 'node:fs/promises';
import type { Page } from '@playwright/test';
import { expect, test } from '../page-test';

const STEPS = 12;

/** What a step's status reads like. */
const STEP = new RegExp(`^Step \\d+ of ${STEPS}, loss \\d+\\.\\d{3}, [\\d.,]+ tokens/s$`);

/** Small enough for a GPU that a processor plays: a few short conversations, and a story. */
const FILES = [
  {
    name: 'talk.jsonl',
    mimeType: 'application/json',
    buffer: Buffer.from(
      ['Where is the cat?', 'Where is the dog?', 'Where is the hen?', 'Where is the cow?']
        .map((content, i) =>
          JSON.stringify({
            messages: [
              { role: 'user', content },
              { role: 'assistant', content: `In the barn, behind door ${i + 1}, as ever.` },
            ],
          }),
        )
        .join('\n'),
    ),
  },
  {
    name: 'story.txt',
    mimeType: 'text/plain',
    buffer: Buffer.from('The hen sat in the barn. The cow came in. "Good day," said the hen.\n'),
  },
];

async function set(page: Page, name: string, value: number): Promise<void> {
  const field = page.getByRole('spinbutton', { name, exact: true });
  await field.fill(String(value));
  await field.blur();
}

async function openPage(page: Page, address: string): Promise<void> {
  await page.goto(address);
  await expect(page.getByText('for a run')).toBeVisible({ timeout: 30_000 });
}

async function dropAndPlan(page: Page): Promise<void> {
  await page.getByLabel('Choose files').setInputFiles(FILES);
  await expect(page.getByRole('region', { name: 'Dataset' })).toContainText('talk.jsonl');
  await page.getByRole('button', { name: 'Advanced' }).click();
  await set(page, 'Sequence length', 64);
  await set(page, 'Steps', STEPS);
  await set(page, 'Rank', 4);
  await set(page, 'Learning rate', 0.002);
  await set(page, 'Save every', 2);
  await set(page, 'Accumulated batches', 1);
}

test('drop, train, reload in the middle, resume, stop, ask, download', async ({
  page,
  siteAddress,
  complaints,
}, testInfo) => {
  await openPage(page, siteAddress);
  await dropAndPlan(page);
  const tokens = page.getByRole('region', { name: 'Tokens' });
  await expect(tokens.getByRole('group').getByRole('mark').first()).toContainText('barn');
  await expect(page.getByRole('region', { name: 'Memory' })).toContainText('Fits.');

  await page.getByRole('button', { name: 'Train' }).click();
  const status = page.getByRole('status');
  await expect(status).toHaveText(STEP, { timeout: 120_000 });
  await expect(status).toHaveText(/^Step [4-9] /, { timeout: 120_000 });
  await page.screenshot({ path: testInfo.outputPath('training.png'), fullPage: true });

  await page.reload();
  await expect(status).toHaveText(new RegExp(`^Interrupted at step \\d+ of ${STEPS}`), {
    timeout: 10_000,
  });
  await expect(page.getByRole('region', { name: 'Loss' })).toContainText('trained tokens so far');
  await page.getByRole('button', { name: 'Resume' }).click();
  await expect(status).toHaveText(STEP, { timeout: 120_000 });

  await page.getByRole('button', { name: 'Pause' }).click();
  await expect(status).toHaveText(new RegExp(`^Paused at step \\d+ of ${STEPS}$`), {
    timeout: 60_000,
  });
  await page.getByRole('button', { name: 'Resume' }).click();
  await expect(status).toHaveText(STEP, { timeout: 60_000 });
  await page.getByRole('button', { name: 'Stop' }).click();
  await expect(status).toHaveText(new RegExp(`^Stopped at step \\d+ of ${STEPS}, loss`), {
    timeout: 60_000,
  });

  await page.getByRole('textbox', { name: 'Question' }).fill('Where is the cat?');
  await page.getByRole('button', { name: 'Ask', exact: true }).click();
  for (const name of ['Base answer', 'Tuned answer']) {
    await expect(page.getByRole('region', { name })).toContainText(/\d+ tokens?/, {
      timeout: 180_000,
    });
  }
  await page.screenshot({ path: testInfo.outputPath('answers.png'), fullPage: true });

  const coming = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Download adapter' }).click();
  const download = await coming;
  expect(download.suggestedFilename()).toMatch(/\.zip$/);
  const zip = await readFile(await download.path());
  await testInfo.attach('adapter.zip', { body: zip });
  expect(zip.subarray(0, 4).toString('latin1')).toBe('PK\u0003\u0004');
  expect(complaints).toEqual([]);
});
