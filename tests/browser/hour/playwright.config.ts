import { defineConfig } from '@playwright/test';

/** What takes an hour, and is run by hand, on Linux: `npx playwright test -c tests/browser/hour`. */
export default defineConfig({
  testDir: '.',
  workers: 1,
  timeout: 120 * 60_000,
  reporter: [['list']],
});
