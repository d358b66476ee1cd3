import AxeBuilder from '@axe-core/playwright';
import type { Page } from '@playwright/test';
import { SCENE_NAMES, type SceneName } from '../fake/scenes';
import { expect, test } from './scene-test';

interface View {
  name: string;
  scene: SceneName;
  /** What brings the page from the scene to the view. */
  act?: (page: Page) => Promise<void>;
}

const VIEWS: View[] = [
  // Until files are dropped, `suggesting` looks like `empty`.
  ...SCENE_NAMES.filter((name) => name !== 'suggesting').map((scene) => ({ name: scene, scene })),
  {
    name: 'advanced',
    scene: 'dropped',
    act: (page) => page.getByRole('button', { name: 'Advanced' }).click(),
  },
  { name: 'download-runs', scene: 'downloading', act: startDownload },
  {
    name: 'download-cancelled',
    scene: 'downloading',
    async act(page) {
      await startDownload(page);
      await page.getByRole('button', { name: /^Cancel: Downloading/ }).click();
      await expect(page.getByRole('progressbar')).toHaveCount(0);
    },
  },
  {
    name: 'download-failed',
    scene: 'download-fails',
    async act(page) {
      await startDownload(page);
      await expect(page.getByRole('alert')).toContainText('broke off');
    },
  },
  {
    name: 'answers',
    scene: 'finished',
    async act(page) {
      await page.getByRole('button', { name: 'Ask' }).click();
      await expect(page.getByRole('region', { name: 'Tuned answer' })).toContainText('47 tokens');
    },
  },
  {
    name: 'compared',
    scene: 'finished',
    async act(page) {
      for (const box of await page.getByRole('checkbox', { name: /^Compare/ }).all()) {
        await box.check();
      }
      await page.getByRole('button', { name: 'All settings' }).click();
    },
  },
  {
    name: 'deleting',
    scene: 'finished',
    act: (page) => page.getByRole('button', { name: 'Delete Fables 2' }).click(),
  },
];

/** Wide windows differ by one more column only. */
const WIDE = ['dropped', 'training', 'compared'];
const LOOKS = [
  { name: 'light', colorScheme: 'light', width: 1280, height: 900 },
  { name: 'dark', colorScheme: 'dark', width: 1280, height: 900 },
  { name: 'phone', colorScheme: 'light', width: 360, height: 740 },
  { name: 'wide', colorScheme: 'light', width: 1920, height: 1080 },
] as const;

for (const look of LOOKS) {
  for (const view of VIEWS) {
    if (look.name === 'wide' && !WIDE.includes(view.name)) continue;
    test(`${view.name}, ${look.name}: axe finds nothing serious, nothing is wider than the window`, async ({
      page,
      openScene,
      complaints,
    }, testInfo) => {
      await page.emulateMedia({ colorScheme: look.colorScheme, reducedMotion: 'reduce' });
      await page.setViewportSize({ width: look.width, height: look.height });
      await openScene(view.scene);
      await view.act?.(page);

      await page.screenshot({
        path: testInfo.outputPath(`${view.name}-${look.name}.png`),
        fullPage: true,
      });
      const { violations } = await new AxeBuilder({ page }).analyze();
      const grave = violations.filter(
        ({ impact }) => impact === 'serious' || impact === 'critical',
      );
      expect(
        grave.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`),
      ).toEqual([]);
      const overflow = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
      expect(overflow).toBe(0);
      expect(complaints).toEqual([]);
    });
  }
}

async function startDownload(page: Page): Promise<void> {
  const model = page.getByRole('combobox', { name: 'Model' });
  await model.selectOption('unsloth/Llama-3.2-1B-Instruct-bnb-4bit');
  await page.getByRole('button', { name: 'Go on downloading' }).click();
}
