import { spawn, type ChildProcess } from 'node:child_process';
import { chromium, type Page } from '@playwright/test';
import { findChromium } from '../../../tools/setup/chromium.mjs';

const FLAGS = [
  '--headless',
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
  '--no-sandbox',
  '--disable-background-networking',
  '--no-first-run',
  '--remote-debugging-port=0',
];

/**
 * A Chromium as a person has it. Playwright's own flags switch off what a browser does to tabs that nobody sees, and a page that a debugger
 * holds counts as seen: this one has neither, but for the debugger during `use`.
 */
export class PlainChromium {
  private constructor(
    readonly processId: number,
    private readonly address: string,
    private readonly process: ChildProcess,
  ) {}

  /** @param profile an empty folder */
  static async start(profile: string): Promise<PlainChromium> {
    // It stays in this process's session: among programs of one session Linux shares the processor evenly.
    const child = spawn(
      (await findChromium()) ?? 'chromium',
      [...FLAGS, `--user-data-dir=${profile}`, 'about:blank'],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    const address = await debuggerAddress(child);
    return new PlainChromium(child.pid ?? 0, address, child);
  }

  /** Connects to the tab with the page, at first an empty one, for as long as `work` takes. */
  async use<Result>(work: (page: Page) => Promise<Result>): Promise<Result> {
    const browser = await chromium.connectOverCDP(this.address);
    try {
      // Once it covers the first tab, another empty one may come before it.
      const tabs = browser.contexts()[0]?.pages() ?? [];
      const page = tabs.find((tab) => tab.url() !== 'about:blank') ?? tabs[0];
      if (!page) throw new Error('Chromium has no tab');
      return await work(page);
    } finally {
      await browser.close();
    }
  }

  async end(): Promise<void> {
    const ended = new Promise((resolve) => this.process.once('exit', resolve));
    this.process.kill();
    await ended;
  }
}

/** Chromium says on its standard error where it can be debugged. */
function debuggerAddress({ stderr }: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let told = '';
    stderr?.on('data', (text: Buffer) => {
      told += String(text);
      const address = /DevTools listening on (ws:\S+)/.exec(told)?.[1];
      if (address !== undefined) resolve(address);
    });
    stderr?.on('end', () => reject(new Error(`Chromium ended:\n${told}`)));
  });
}
