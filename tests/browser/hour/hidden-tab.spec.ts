import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test, type Page } from '@playwright/test';
import { dropAndPlan, openPage, shownStep } from '../run/run-page';
import { storedRecords } from '../run/stored-records';
import { serveBuilt } from '../site';
import { PlainChromium } from './plain-chromium';
import { rendererMemory } from './process-memory';

const PARTS = 6;
const PART_MINUTES = 10;
/** More than are done in the time. */
const STEPS = 100_000;
const SAMPLE = 'public/sample/fables.jsonl';
const MINUTE = 60_000;

/** What Chromium said of its tab, and when, in milliseconds since 1970. */
type Sight = [at: number, state: string];

/** Two browsers train the same at the same time, one of them in a tab that another one covers: so whatever else the machine does slows both. */
test('a hidden tab trains at 95 % or more of the speed of a seen one, for an hour', async () => {
  const site = await serveBuilt();
  const hidden = await PlainChromium.start(test.info().outputPath('hidden'));
  const seen = await PlainChromium.start(test.info().outputPath('seen'));
  try {
    await hidden.use(async (page) => {
      await startRun(page, site.address);
      await page.context().newPage();
    });
    await seen.use((page) => startRun(page, site.address));

    const began = Date.now();
    const memory: { hidden: number; seen: number }[] = [];
    for (let part = 0; part < PARTS; part++) {
      await sleep(PART_MINUTES * MINUTE);
      memory.push({
        hidden: await rendererMemory(hidden.processId),
        seen: await rendererMemory(seen.processId),
      });
    }
    const ended = Date.now();
    const ofHidden = await hidden.use(readRun);
    const ofSeen = await seen.use(readRun);

    const speeds = Array.from({ length: PARTS }, (_, part) => {
      const from = began + part * PART_MINUTES * MINUTE;
      const inPart = (time: number): boolean => time >= from && time < from + PART_MINUTES * MINUTE;
      return { hidden: ofHidden.stepTimes.filter(inPart), seen: ofSeen.stepTimes.filter(inPart) };
    });
    for (const [part, { hidden: fast, seen: other }] of speeds.entries()) {
      console.log(
        `to minute ${(part + 1) * PART_MINUTES}: ${fast.length} steps hidden, ${other.length} seen; ` +
          `memory ${memory[part]?.hidden} MiB hidden, ${memory[part]?.seen} MiB seen`,
      );
    }
    const inAll = (which: 'hidden' | 'seen'): number =>
      speeds.reduce((sum, part) => sum + part[which].length, 0);
    console.log(
      `in all: hidden / seen ${(inAll('hidden') / inAll('seen')).toFixed(3)}; ` +
        `shown again the hidden one was at step ${ofHidden.shown} of ${ofHidden.stepTimes.length}`,
    );

    expect(stateAt(ofHidden.sights, began)).toBe('hidden');
    expect(ofHidden.sights.filter(([at]) => at > began && at < ended)).toEqual([]);
    expect(ofSeen.sights.map(([, state]) => state)).toEqual(['visible']);
    expect(inAll('hidden') / inAll('seen')).toBeGreaterThan(0.95);
    // Between the two readings a step or two may end.
    expect(Math.abs(ofHidden.shown - ofHidden.stepTimes.length)).toBeLessThanOrEqual(2);
  } finally {
    await Promise.all([hidden.end(), seen.end(), site.close()]);
  }
});

function stateAt(sights: readonly Sight[], time: number): string | undefined {
  return sights.filter(([at]) => at <= time).at(-1)?.[1];
}

async function startRun(page: Page, address: string): Promise<void> {
  await openPage(page, address);
  await page.evaluate(() => {
    const sights: Sight[] = [];
    const note = (state: string): void => void sights.push([Date.now(), state]);
    note(document.visibilityState);
    document.addEventListener('visibilitychange', () => note(document.visibilityState));
    document.addEventListener('freeze', () => note('frozen'));
    Object.assign(window, { sights });
  });
  await dropAndPlan(page, SAMPLE, { steps: STEPS, saveEvery: 100, prompts: '' });
  await page.getByRole('button', { name: 'Train' }).click();
  await expect(async () => expect(await shownStep(page)).toBeGreaterThan(2)).toPass({
    timeout: 20 * MINUTE,
  });
}

/** What the page shows as soon as it is seen again, and when each step of its run ended. */
async function readRun(page: Page) {
  const shown = await shownStep(page);
  const metrics = await storedRecords(page, 'metrics');
  const { sights, now } = await page.evaluate(() => ({
    sights: (window as unknown as { sights: Sight[] }).sights,
    now: Date.now(),
  }));
  const seconds = metrics.map((record) => record.metrics.seconds);
  // The last step has just ended; the seconds of a run pass as those of the day while nothing pauses it.
  const start = now - (seconds.at(-1) ?? 0) * 1000;
  return { shown, sights, stepTimes: seconds.map((each) => start + each * 1000) };
}
