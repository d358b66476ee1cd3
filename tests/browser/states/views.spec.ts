import AxeBuilder from '@axe-core/playwright';
import { SCENE_NAMES } from '../fake/scenes';
import { expect, test } from './scene-test';

const LOOKS = [
  { name: 'light', colorScheme: 'light', width: 1280, height: 900 },
  { name: 'dark', colorScheme: 'dark', width: 1280, height: 900 },
  { name: 'phone', colorScheme: 'light', width: 360, height: 740 },
] as const;

for (const look of LOOKS) {
  for (const scene of SCENE_NAMES) {
    test(`${scene}, ${look.name}: axe finds nothing serious, nothing is wider than the window`, async ({
      page,
      openScene,
      complaints,
    }, testInfo) => {
      await page.emulateMedia({ colorScheme: look.colorScheme, reducedMotion: 'reduce' });
      await page.setViewportSize({ width: look.width, height: look.height });
      await openScene(scene);

      await page.screenshot({
        path: testInfo.outputPath(`${scene}-${look.name}.png`),
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
