/** What a person does on the page before and while a run trains, as the tests of whole runs do it. */

import { expect, type Page } from '@playwright/test';

export interface RunSettings {
  steps: number;
  saveEvery: number;
  /** One a line; none when empty. */
  prompts: string;
}

export async function openPage(page: Page, address: string): Promise<void> {
  await page.goto(address);
  await expect(page.getByText('for a run')).toBeVisible({ timeout: 30_000 });
}

/** Chooses files, and settings small enough for a GPU that a processor plays. */
export async function dropAndPlan(
  page: Page,
  files: Parameters<ReturnType<Page['getByLabel']>['setInputFiles']>[0],
  { steps, saveEvery, prompts }: RunSettings,
): Promise<void> {
  await page.getByLabel('Choose files').setInputFiles(files);
  await expect(page.getByRole('region', { name: 'Dataset' })).toContainText('Trained', {
    timeout: 60_000,
  });
  await page.getByRole('button', { name: 'Advanced' }).click();
  await set(page, 'Sequence length', 64);
  await set(page, 'Steps', steps);
  await set(page, 'Rank', 4);
  await set(page, 'Learning rate', 0.002);
  await set(page, 'Save every', saveEvery);
  await set(page, 'Rows at once', 1);
  await set(page, 'Accumulated batches', 1);
  await page.getByRole('textbox', { name: 'Prompts' }).fill(prompts);
  await expect(page.getByRole('alert')).toHaveCount(0);
}

/** What a step's status reads like while nothing else is done. */
export function stepStatus(steps: number): RegExp {
  return new RegExp(`^Step \\d+ of ${steps}, loss \\d+\\.\\d{3}, [\\d.,]+ tokens/s$`);
}

/** The step that the status shows; 0 where it shows none. */
export async function shownStep(page: Page): Promise<number> {
  const text = await page.getByRole('status').innerText();
  return Number(/step ([\d,]+)/i.exec(text)?.[1]?.replaceAll(',', '') ?? 0);
}

async function set(page: Page, name: string, value: number): Promise<void> {
  const field = page.getByRole('spinbutton', { name, exact: true });
  await field.fill(String(value));
  await field.blur();
}
