import { test as base } from '@playwright/test';
import { scenesInsteadOfWorkers } from './fake/scenes-instead-of-workers';
import { serveBuilt } from './site';

export interface PageOptions {
  /** Whether the page plays scenes; otherwise it is the page as people get it. */
  scenes: boolean;
}
interface WorkerFixtures extends PageOptions {
  /** Where the built page is served; ends with a slash. */
  siteAddress: string;
}
interface Fixtures {
  /**
   * What the browser complained of: exceptions, errors on its console, breaches of the content security policy; and every request, of the page or
   * of a worker, that left for another host.
   */
  complaints: string[];
}

export const test = base.extend<Fixtures, WorkerFixtures>({
  scenes: [false, { option: true, scope: 'worker' }],
  siteAddress: [
    async ({ scenes }, use) => {
      const site = await serveBuilt(scenes ? [scenesInsteadOfWorkers()] : []);
      await use(site.address);
      await site.close();
    },
    { scope: 'worker', timeout: 120_000 },
  ],
  complaints: [
    async ({ page, siteAddress }, use) => {
      const complaints: string[] = [];
      page.on('pageerror', (error) => complaints.push(String(error)));
      page.on('console', (message) => {
        if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
      });
      page.on('request', (request) => {
        const { protocol, origin } = new URL(request.url());
        if (['blob:', 'data:'].includes(protocol) || origin === new URL(siteAddress).origin) return;
        complaints.push(`a request left for ${request.url()}`);
      });
      await use(complaints);
    },
    { auto: true },
  ],
});
export { expect } from '@playwright/test';
