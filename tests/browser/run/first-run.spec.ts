import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { memoryFolder } from '../../../src/formats/byte-source';
import { parseLlamaConfig } from '../../../src/formats/llama-config';
import { openPeftAdapter } from '../../../src/formats/peft-adapter';
import { expect, test } from '../page-test';
import { recordMainThread } from './main-thread';
import { dropAndPlan, openPage, stepStatus } from './run-page';
import { readStoredZip } from './stored-zip';

const STEPS = 10;

const STEP = stepStatus(STEPS);

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

test('drop, train, reload in the middle, resume, stop, ask, download', async ({
  page,
  siteAddress,
  complaints,
}, testInfo) => {
  await openPage(page, siteAddress);
  await dropAndPlan(page, FILES, { steps: STEPS, saveEvery: 2, prompts: 'Where is the hen?' });
  await expect(page.getByRole('region', { name: 'Dataset' })).toContainText('talk.jsonl');
  const tokens = page.getByRole('region', { name: 'Tokens' });
  await expect(tokens.getByRole('group').locator('mark').first()).toContainText('barn');
  await expect(page.getByRole('region', { name: 'Memory' })).toContainText('Fits.', {
    timeout: 120_000,
  });

  const mainThread = await recordMainThread(page);
  await page.getByRole('button', { name: 'Train' }).click();
  const status = page.getByRole('status');
  await expect(status).toHaveText(STEP, { timeout: 300_000 });
  await expect(status).toHaveText(/^Step [3-9] /, { timeout: 300_000 });
  console.log(await mainThread());
  await page.screenshot({ path: testInfo.outputPath('training.png'), fullPage: true });

  await page.reload();
  await expect(status).toHaveText(new RegExp(`^Interrupted at step \\d+ of ${STEPS}`), {
    timeout: 10_000,
  });
  await expect(page.getByRole('region', { name: 'Loss' })).toContainText('trained tokens so far');
  await page.getByRole('button', { name: 'Resume' }).click();
  await expect(status).toHaveText(STEP, { timeout: 300_000 });

  await page.getByRole('button', { name: 'Pause' }).click();
  await expect(status).toHaveText(new RegExp(`^Paused at step \\d+ of ${STEPS}$`), {
    timeout: 120_000,
  });
  await page.getByRole('button', { name: 'Resume' }).click();
  await expect(status).toHaveText(STEP, { timeout: 120_000 });
  await page.getByRole('button', { name: 'Stop' }).click();
  await expect(status).toHaveText(new RegExp(`^Stopped at step \\d+ of ${STEPS}, loss`), {
    timeout: 120_000,
  });

  await page.getByRole('textbox', { name: 'Question' }).fill('Where is the cat?');
  await page.getByRole('button', { name: 'Ask', exact: true }).click();
  for (const name of ['Base answer', 'Tuned answer']) {
    await expect(page.getByRole('region', { name })).toContainText(/\d+ tokens?/, {
      timeout: 300_000,
    });
  }
  await page.screenshot({ path: testInfo.outputPath('answers.png'), fullPage: true });

  const coming = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Download adapter' }).click();
  const download = await coming;
  expect(download.suggestedFilename()).toMatch(/\.zip$/);
  await checkZip(await readFile(await download.path()));
  expect(complaints).toEqual([]);
});

/** The zip holds what it lists, and its adapter is one for the starter's seven linears that has learned something. */
async function checkZip(zip: Buffer): Promise<void> {
  const files = readStoredZip(zip);
  expect([...files.keys()].sort()).toEqual([
    'README.md',
    'SHA256SUMS',
    'adapter_config.json',
    'adapter_model.safetensors',
    'chat_template.jinja',
    'metrics.csv',
  ]);
  const sums = String(files.get('SHA256SUMS')).trim().split('\n');
  expect(sums).toHaveLength(5);
  for (const line of sums) {
    const [hash, name = ''] = line.split('  ');
    expect(
      createHash('sha256')
        .update(files.get(name) ?? '')
        .digest('hex'),
    ).toBe(hash);
  }
  expect(String(files.get('metrics.csv')).trim().split('\n').length).toBeGreaterThan(4);
  const entries = Object.fromEntries(
    [...files].map(([name, bytes]) => [name, Uint8Array.from(bytes)]),
  );
  const starter = await readFile(
    new URL('../../../public/starter/config.json', import.meta.url),
    'utf8',
  );
  const config = parseLlamaConfig(JSON.parse(starter), 'config.json');
  const adapter = await openPeftAdapter(memoryFolder('adapter', entries), config);
  expect(adapter.config.r).toBe(4);
  expect(adapter.weights.size).toBe(7 * config.num_hidden_layers);
  for (const { B } of adapter.weights.values()) expect(B.some((value) => value !== 0)).toBe(true);
}
