import { describe, expect, it } from 'vitest';
import { gpuGuidance } from '../../../src/app/text/guidance';

const CHROME_LINUX =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36';
const FIREFOX = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:130.0) Gecko/20100101 Firefox/130.0';
const SAFARI =
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Safari/605.1.15';
const IPHONE =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/120.0 Mobile/15E148 Safari/604.1';

const stepsFor = (userAgent: string, status: 'no-webgpu' | 'no-adapter', secure = true) =>
  gpuGuidance({ status }, { userAgent, secure, host: 'box.lan:4173' })?.steps.join('\n') ?? '';

describe('what to do about a GPU that cannot be used', () => {
  it('blames plain http before the browser', () => {
    expect(stepsFor(CHROME_LINUX, 'no-webgpu', false)).toMatch(/https.*localhost.*box\.lan:4173/);
  });

  it('names the flag on Linux, in Chrome only', () => {
    expect(stepsFor(CHROME_LINUX, 'no-webgpu')).toContain('chrome://flags');
    expect(stepsFor(CHROME_LINUX, 'no-adapter')).toContain('chrome://flags');
    expect(stepsFor(FIREFOX, 'no-webgpu')).not.toContain('chrome://');
    expect(stepsFor(FIREFOX, 'no-webgpu')).toContain('dom.webgpu.enabled');
  });

  it('knows Safari from Chrome, and that all browsers of an iPhone are Safari', () => {
    expect(stepsFor(SAFARI, 'no-webgpu')).toContain('Safari 26');
    expect(stepsFor(IPHONE, 'no-webgpu')).toMatch(/^Update to iOS/);
    expect(stepsFor(CHROME_LINUX, 'no-webgpu')).not.toContain('Update to macOS');
  });

  it('gives the reason of a GPU that is too small', () => {
    const facts = {
      name: '',
      software: false,
      f16: false,
      subgroups: false,
      maxBufferBytes: 1,
      maxBindingBytes: 1,
      memoryBudgetBytes: 1,
    };
    const surroundings = { userAgent: CHROME_LINUX, secure: true, host: '' };
    expect(
      gpuGuidance(
        { status: 'too-small', reason: 'its buffers end at 64 MiB', ...facts },
        surroundings,
      )?.problem,
    ).toBe('This GPU is too small: its buffers end at 64 MiB.');
    expect(gpuGuidance({ status: 'ready', ...facts }, surroundings)).toBeNull();
  });
});
