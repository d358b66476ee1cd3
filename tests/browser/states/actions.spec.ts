import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import { drop } from '../drop';
import { expect, test } from './scene-test';

const STATUS = /^Step \d+ of \d+, loss \d\.\d{3}, [\d.,]+ tokens\/s$/;

test('the keyboard alone does the first run', async ({ page, openScene }) => {
  await openScene('empty');
  const pressUntilOn = async (name: string) => {
    for (let presses = 0; presses < 40; presses += 1) {
      await page.keyboard.press('Tab');
      const focused = page.locator(':focus');
      if ((await focused.textContent())?.trim() === name) return;
    }
    throw new Error(`Tab never came to ${name}`);
  };
  await pressUntilOn('Try the sample');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('region', { name: 'Dataset' })).toContainText('fables.jsonl');
  await pressUntilOn('Train');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('status')).toHaveText(STATUS);
  await expect(page.getByRole('button', { name: 'Pause' })).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('status')).toHaveText(/^Paused at step \d+ of 100$/);
  await expect(page.getByRole('button', { name: 'Resume' })).toBeFocused();
});

test('files and folders dropped anywhere are read, and a kind that is not read is named', async ({
  page,
  openScene,
}, testInfo) => {
  const folder = testInfo.outputPath('stories');
  await mkdir(join(folder, 'old', '.hidden'), { recursive: true });
  await writeFile(join(folder, 'old', 'story.txt'), 'Once upon a time.');
  await writeFile(join(folder, 'old', '.hidden', 'notes.txt'), 'Not for anybody.');
  const paper = testInfo.outputPath('paper.pdf');
  await writeFile(paper, '%PDF');
  await openScene('empty');
  await drop(page, [folder, paper]);
  const dataset = page.getByRole('region', { name: 'Dataset' });
  await expect(dataset).toContainText('story.txt');
  await expect(dataset).not.toContainText('notes.txt');
  await expect(page.getByRole('alert')).toContainText('paper.pdf: this kind of file is not read');
  await page.getByRole('button', { name: 'Dismiss' }).click();
  await expect(page.getByRole('alert')).toHaveCount(0);
});

test('trained and ignored tokens differ in more than colour', async ({ page, openScene }) => {
  await openScene('dropped');
  const tokens = page.getByRole('region', { name: 'Tokens' }).getByRole('group');
  const line = (text: string) =>
    tokens
      .getByTitle(/^token /)
      .and(page.getByText(text, { exact: true }))
      .evaluate((element) => {
        const style = getComputedStyle(element.parentElement ?? element);
        return `${style.textDecorationLine} ${style.textDecorationStyle}`;
      });
  expect(await line('user')).toBe('underline dotted');
  expect(await line(' hungry')).toBe('none solid');
});

test('a table of a million rows scrolls to its end, and its keys move through it', async ({
  page,
  openScene,
}) => {
  await openScene('million');
  const list = page.getByRole('listbox', { name: 'Examples' });
  await list.focus();
  await page.keyboard.press('End');
  await expect(list.getByRole('option', { selected: true })).toContainText('Tell me fable 1000000');
  await expect(page.getByRole('region', { name: 'Tokens' })).toContainText('fables.jsonl:1000000');
  await page.keyboard.press('ArrowUp');
  await expect(list.getByRole('option', { selected: true })).toContainText('Tell me fable 999999.');
  expect(await list.getByRole('option').count()).toBeLessThan(15);
  await page.keyboard.press('Home');
  await expect(list.getByRole('option').first()).toContainText('Tell me fable 1.');
});

test('every setting is under Advanced, and a bad one says what it must be', async ({
  page,
  openScene,
}) => {
  await openScene('dropped');
  await page.getByRole('button', { name: 'Advanced' }).click();
  await expect(page.getByRole('spinbutton', { name: 'Learning rate' })).toHaveValue('0.0002');
  await page.getByRole('spinbutton', { name: 'Steps', exact: true }).fill('20');
  const rank = page.getByRole('spinbutton', { name: 'Rank' });
  await expect(rank).toHaveValue('8');
  await rank.fill('0');
  await rank.blur();
  await expect(page.getByRole('alert')).toContainText(
    '"Rank" is 0; it must be a whole number, at least 1',
  );
  await expect(rank).toHaveAttribute('aria-invalid', 'true');
  await expect(rank).toHaveAccessibleDescription(/It must be a whole number, at least 1/);
  await expect(page.getByRole('button', { name: 'Train' })).toBeDisabled();
  await rank.fill('16');
  await rank.blur();
  await expect(rank).toHaveAttribute('aria-invalid', 'false');
  await expect(page.getByRole('alert')).toHaveCount(0);
  await expect(page.getByText('2 settings changed')).toBeVisible();
  await page.getByRole('button', { name: 'Back to the suggested' }).click();
  await expect(rank).toHaveValue('8');
  // No number of steps is a run: the epochs decide.
  const steps = page.getByRole('spinbutton', { name: 'Steps', exact: true });
  await steps.fill('0');
  await steps.blur();
  await expect(steps).toHaveValue('');
  await expect(steps).toHaveAttribute('placeholder', '100 from the epochs');
});

/** Drops a file and unfolds the settings, for which nothing is suggested yet. */
async function dropAndLookAtSettings(page: Page): Promise<void> {
  await page
    .getByLabel('Choose files')
    .setInputFiles({ name: 'story.txt', mimeType: 'text/plain', buffer: Buffer.from('A hen.') });
  await expect(page.getByRole('region', { name: 'Dataset' })).toContainText('Trained');
  await page.getByRole('button', { name: 'Advanced' }).click();
}

async function suggestSixtySteps(page: Page): Promise<void> {
  await page.evaluate(() => dispatchEvent(new Event('suggest')));
  await expect(page.getByRole('spinbutton', { name: 'Steps', exact: true })).toHaveValue('60');
}

test('what is being typed is not replaced by a suggestion that arrives meanwhile', async ({
  page,
  openScene,
}) => {
  await openScene('suggesting');
  await dropAndLookAtSettings(page);
  const prompts = page.getByRole('textbox', { name: 'Prompts' });
  await prompts.fill('What did the hen say?');
  const steps = page.getByRole('spinbutton', { name: 'Steps', exact: true });
  await steps.fill('20');
  await page.evaluate(() => dispatchEvent(new Event('suggest')));
  await expect(page.getByRole('spinbutton', { name: 'Rank' })).toHaveValue('8');
  await expect(steps).toHaveValue('20');
  await steps.blur();
  await expect(page.getByText('Suggested for these data: 60.')).toBeVisible();
  await expect(steps).toHaveValue('20');
  await expect(prompts).toHaveValue('What did the hen say?');
});

for (const [role, name, typed] of [
  ['spinbutton', 'Rank', '200'],
  ['spinbutton', 'Sampling interval', '3'],
  ['textbox', 'Prompts', 'What did the hen say?'],
] as const) {
  test(`what was selected in ${name} is what typing replaces, though a suggestion arrives between`, async ({
    page,
    openScene,
  }) => {
    await openScene('suggesting');
    await dropAndLookAtSettings(page);
    const field = page.getByRole(role, { name });
    await field.selectText();
    await suggestSixtySteps(page);
    await page.keyboard.insertText(typed);
    await field.blur();
    await expect(field).toHaveValue(typed);
  });
}

test('a field that was only looked into shows what was suggested meanwhile', async ({
  page,
  openScene,
}) => {
  await openScene('suggesting');
  await dropAndLookAtSettings(page);
  const rank = page.getByRole('spinbutton', { name: 'Rank' });
  await rank.focus();
  await suggestSixtySteps(page);
  await rank.blur();
  await expect(rank).toHaveValue('8');
});

test('what a button at the end of the page brings up is seen there', async ({
  page,
  openScene,
}) => {
  await openScene('finished');
  const find = page.getByRole('combobox', { name: 'Model' });
  await find.selectOption({ label: 'Another from the hub…' });
  await page.getByRole('textbox', { name: 'Repository' }).fill('nobody/nothing');
  await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
  await page
    .getByRole('textbox', { name: 'Repository' })
    .evaluate((field: HTMLInputElement) => field.form?.requestSubmit());
  await expect(page.getByRole('alert')).toContainText('no such repository');
  await expect(page.getByRole('alert')).toBeInViewport({ ratio: 1 });
});

test('the files of a model are deleted only when that is confirmed', async ({
  page,
  openScene,
}) => {
  await openScene('dropped');
  await page
    .getByRole('combobox', { name: 'Model' })
    .selectOption('unsloth/Llama-3.2-1B-Instruct-bnb-4bit');
  const files = page.getByRole('button', { name: /^Delete its files/ });
  await files.click();
  await page.getByRole('button', { name: 'Keep them' }).click();
  await expect(files).toBeFocused();
  await files.click();
  await expect(page.getByText('until it is downloaded again')).toBeVisible();
  await page.getByRole('button', { name: 'Delete', exact: true }).click();
  await expect(page.getByRole('button', { name: 'Keep them' })).toHaveCount(0);
});

test('runs are laid over each other, renamed and deleted', async ({ page, openScene }) => {
  await openScene('finished');
  const runs = page.getByRole('list', { name: 'Runs' });
  await runs.getByRole('checkbox', { name: 'Compare with Fables 2' }).check();
  await expect(page.getByRole('region', { name: 'Loss' }).getByRole('list')).toContainText(
    'Fables 2',
  );
  const table = page.getByRole('group', { name: 'Settings side by side' });
  await expect(table.getByRole('row')).toHaveText([/Setting/, /Rank.*8.*16/, /Learning rate/]);
  await runs.getByRole('button', { name: 'Rename Fables 3' }).click();
  await page.keyboard.type('Higher rank');
  await page.keyboard.press('Enter');
  await expect(runs.getByRole('button', { name: 'Higher rank', exact: true })).toBeVisible();
  await expect(runs).toContainText('Higher rank');
  await runs.getByRole('button', { name: 'Delete Higher rank' }).click();
  await runs.getByRole('button', { name: 'Delete', exact: true }).click();
  await expect(runs.getByRole('listitem')).toHaveCount(2);
});

test('both models answer, and the zip is saved under its name', async ({ page, openScene }) => {
  await openScene('finished');
  await page.getByRole('textbox', { name: 'Question' }).fill('What did the fox say?');
  await page.getByRole('button', { name: 'Ask' }).click();
  await expect(page.getByRole('region', { name: 'Base answer' })).toContainText(
    '31 tokens, cut there',
  );
  await expect(page.getByRole('region', { name: 'Tuned answer' })).toContainText('They are sour');
  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Download adapter' }).click();
  const saved = await download;
  expect(saved.suggestedFilename()).toBe('fables-1.zip');
  expect(await readFile(await saved.path(), 'utf8')).toBe('nothing was trained');
});

for (const [scene, text] of [
  ['preparing', 'Preparing: Loading the model'],
  ['paused', 'Paused at step 34 of 100'],
  ['finished', 'Finished: 100 steps, loss 1.913'],
  ['stopped', 'Stopped at step 34 of 100, loss 2.382'],
  [
    'failed',
    'Failed at step 34 of 100: The gradients of three steps in a row were not finite. Lower the learning rate and resume from step 30.',
  ],
] as const) {
  test(`the status of a run that is ${scene}`, async ({ page, openScene }) => {
    await openScene(scene);
    await expect(page.getByRole('status')).toHaveText(text);
  });
}
