import type { SceneName } from '../fake/scenes';
import { test as base } from '../page-test';

interface Fixtures {
  /** Opens the page in a scene. */
  openScene: (scene: SceneName) => Promise<void>;
}

export const test = base.extend<Fixtures>({
  openScene: async ({ page, siteAddress }, use) => {
    await use(async (scene) => {
      await page.goto(`${siteAddress}?scene=${scene}`);
      await page
        .locator('header')
        .getByText(/for a run|No GPU|too small/)
        .waitFor();
    });
  },
});
export { expect } from '@playwright/test';
