import { test as base } from '@playwright/test';
import type { SceneName } from '../fake/scenes';
import { scenesInsteadOfWorkers } from '../fake/scenes-instead-of-workers';
import { serveBuilt } from '../site';

interface WorkerFixtures {
  siteAddress: string;
}
interface Fixtures {
  /** Opens the page in a scene. */
  openScene: (scene: SceneName) => Promise<void>;
  /** What the browser complained of: exceptions, errors on its console, breaches of the content security policy. */
  complaints: string[];
}

export const test = base.extend<Fixtures, WorkerFixtures>({
  siteAddress: [
    async ({ browserName: _ }, use) => {
      const site = await serveBuilt([scenesInsteadOfWorkers()]);
      await use(site.address);
      await site.close();
    },
    { scope: 'worker', timeout: 120_000 },
  ],
  complaints: [
    async ({ page }, use) => {
      const complaints: string[] = [];
      page.on('pageerror', (error) => complaints.push(String(error)));
      page.on('console', (message) => {
        if (message.type() === 'error' || message.type() === 'warning')
          complaints.push(message.text());
      });
      await use(complaints);
    },
    { auto: true },
  ],
  openScene: async ({ page, siteAddress }, use) => {
    await use(async (scene) => {
      await page.goto(`${siteAddress}?scene=${scene}`);
      await page.getByText('for a run').or(page.getByText('No GPU')).first().waitFor();
    });
  },
});
export { expect } from '@playwright/test';
