import { defineConfig, devices } from '@playwright/test';
import type { PageOptions } from './tests/browser/page-test';
import { findChromium } from './tools/setup/chromium.mjs';

/** A real Chromium whose GPU is SwiftShader, so that the tests run on any machine. */
const launchOptions = {
  executablePath: await findChromium(),
  args: [
    '--enable-unsafe-webgpu',
    '--use-webgpu-adapter=swiftshader',
    '--no-sandbox',
    '--disable-background-networking',
  ],
};

export default defineConfig<object, PageOptions>({
  testDir: 'tests/browser',
  // The software GPU takes every core.
  workers: 1,
  forbidOnly: true,
  reporter: [['list']],
  use: { ...devices['Desktop Chrome'], launchOptions, viewport: { width: 1280, height: 900 } },
  projects: [
    { name: 'states', testMatch: 'states/**/*.spec.ts', timeout: 60_000, use: { scenes: true } },
    { name: 'run', testMatch: 'run/**/*.spec.ts', timeout: 1_200_000 },
  ],
});
