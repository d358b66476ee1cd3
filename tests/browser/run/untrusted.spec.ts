import type { Page, Worker } from '@playwright/test';
import { expect, test } from '../page-test';

/** Markup that would run, were it ever taken for more than text. */
const HOSTILE = '<img src=x onerror="window.ran = true"><script>window.ran = true</script>';
const FILES = [
  {
    name: `${HOSTILE.replaceAll('/', '')}.jsonl`,
    mimeType: 'application/json',
    buffer: Buffer.from(
      [
        JSON.stringify({
          messages: [
            { role: 'user', content: HOSTILE },
            { role: 'assistant', content: `Well. ${HOSTILE}` },
          ],
        }),
        JSON.stringify({ [HOSTILE]: HOSTILE }),
      ].join('\n'),
    ),
  },
  { name: 'page.md', mimeType: 'text/plain', buffer: Buffer.from(`# ${HOSTILE}\n\n${HOSTILE}`) },
];

test('file names, cells and chat texts are shown as what they are, and run nothing', async ({
  page,
  siteAddress,
  complaints,
}) => {
  await page.goto(siteAddress);
  await page.getByLabel('Choose files').setInputFiles(FILES);
  const dataset = page.getByRole('region', { name: 'Dataset' });
  await expect(dataset).toContainText('<script>window.ran = true', { timeout: 60_000 });
  await expect(page.getByRole('alert')).toContainText('onerror=');
  const tokens = page.getByRole('region', { name: 'Tokens' });
  await expect(tokens.getByRole('group')).toContainText('onerror');
  await page.getByRole('button', { name: 'Next example' }).click();
  await expect(tokens).toContainText('page.md:1');
  await page.getByRole('button', { name: 'Advanced' }).click();
  await page.getByRole('textbox', { name: 'Prompts' }).fill(HOSTILE);
  await page.getByRole('textbox', { name: 'Prompts' }).blur();
  await expect(page.getByRole('region', { name: 'Samples' })).toContainText('onerror');

  expect(await page.evaluate(() => 'ran' in window)).toBe(false);
  await expect(page.locator('img')).toHaveCount(0);
  expect(complaints).toEqual([]);
});

test('neither the page nor its workers can reach another host, or run text as code', async ({
  page,
  siteAddress,
}) => {
  await page.goto(siteAddress);
  await expect(page.getByText('for a run')).toBeVisible({ timeout: 30_000 });
  const workers = page.workers();
  expect(workers).toHaveLength(2);
  for (const place of [page, ...workers]) {
    expect(await refusedBy(place, 'https://elsewhere.example/')).toBe('connect-src');
    expect(await refusedBy(place, `${new URL('/', siteAddress).href}models.json`)).toBe('');
    expect(await runsText(place)).toBe(false);
  }
});

/** The directive of the content security policy that refuses a request; empty where none does. */
function refusedBy(place: Page | Worker, address: string): Promise<unknown> {
  const fetchAndNote = async (url: string) => {
    let directive = '';
    const note = (event: Event) => {
      directive = (event as SecurityPolicyViolationEvent).effectiveDirective;
    };
    globalThis.addEventListener('securitypolicyviolation', note);
    await fetch(url).catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve));
    globalThis.removeEventListener('securitypolicyviolation', note);
    return directive;
  };
  return evaluateIn(place, `(${String(fetchAndNote)})(${JSON.stringify(address)})`);
}

/** Whether a string can become a function there. Tried later than the evaluation itself, in which the debugger lets everything pass. */
function runsText(place: Page | Worker): Promise<unknown> {
  return evaluateIn(
    place,
    `new Promise((resolve) => setTimeout(() => {
      try { resolve(new Function('return true')()); } catch { resolve(false); }
    }))`,
  );
}

/** Playwright types pages and workers apart. */
function evaluateIn(place: Page | Worker, expression: string): Promise<unknown> {
  return 'workers' in place ? place.evaluate(expression) : place.evaluate(expression);
}
