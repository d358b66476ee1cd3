import type { Locator, Page } from '@playwright/test';
import type { SceneName } from '../fake/scenes';
import { expect, test } from './scene-test';

interface Case {
  /** What is pressed, and goes away by that. */
  name: string;
  scene: SceneName;
  /** Where Enter is pressed, where that is not the control itself. */
  at?: (page: Page) => Locator;
  /** What comes before. */
  prepare?: (page: Page) => Promise<void>;
  /** Where the keyboard is then. */
  then: (page: Page) => Locator;
}

const button = (name: string) => (page: Page) => page.getByRole('button', { name, exact: true });

const CASES: Case[] = [
  { name: 'Train', scene: 'dropped', then: button('Pause') },
  { name: 'Pause', scene: 'training', then: button('Resume') },
  { name: 'Resume', scene: 'paused', then: button('Pause') },
  { name: 'Stop', scene: 'paused', then: button('Resume') },
  { name: 'Ask', scene: 'finished', then: button('Ask') },
  {
    name: 'Forget these files',
    scene: 'dropped',
    then: button('Try the sample'),
  },
  {
    name: 'Back to the suggested',
    scene: 'dropped',
    prepare: async (page) => {
      await page.getByRole('button', { name: 'Advanced' }).click();
      await page.getByRole('checkbox', { name: 'Train on prompts' }).check();
    },
    then: button('Advanced'),
  },
  {
    name: 'Rename',
    scene: 'finished',
    prepare: (page) => page.getByRole('button', { name: 'Rename Fables 2' }).click(),
    at: (page) => page.getByRole('textbox', { name: 'New name of Fables 2' }),
    then: button('Fables 2'),
  },
  {
    name: 'Delete',
    scene: 'finished',
    prepare: (page) => page.getByRole('button', { name: 'Delete Fables 2' }).click(),
    then: (page) => page.getByRole('listitem').filter({ hasText: 'Fables 3' }).locator(':focus'),
  },
];

for (const { name, scene, prepare, at = button(name), then } of CASES) {
  test(`the keyboard stays where it was when ${name} goes away`, async ({ page, openScene }) => {
    await openScene(scene);
    await prepare?.(page);
    await at(page).focus();
    await page.keyboard.press('Enter');
    await expect(then(page)).toBeFocused();
  });
}

test('a click beside all controls is left alone', async ({ page, openScene }) => {
  await openScene('training');
  await page.getByRole('button', { name: 'Pause' }).focus();
  await page.getByRole('heading', { name: 'Tunesmith' }).click();
  await expect(page.locator('body')).toBeFocused();
  // The steps that go on change the page meanwhile.
  await page.getByRole('button', { name: 'Pause' }).evaluate((pause) => pause.remove());
  await expect(page.locator('body')).toBeFocused();
});
