import type { GpuProbe } from '../../worker/api';

/** What to do about a GPU that cannot be used: a sentence, then steps in the order to try them. */
export interface Guidance {
  problem: string;
  steps: string[];
}

/** What is known of the browser from the outside. */
export interface Surroundings {
  userAgent: string;
  /** False when the page came over plain http from another machine: then the browser hides WebGPU. */
  secure: boolean;
  /** The page's own host, for the sentence about plain http. */
  host: string;
}

const NEWEST =
  'Use a browser that has WebGPU: Chrome or Edge 113 or newer, Firefox 141 or newer on Windows, or Safari 26.';
const LINUX_FLAGS =
  'On Linux, open chrome://flags, set "Unsafe WebGPU Support" and "Vulkan" to Enabled, and start Chrome again.';
const DRIVER =
  'Update the graphics driver, then restart the browser. On Linux that is Mesa 23 or newer, or NVIDIA 535 or newer.';
const ACCELERATION =
  'Open the browser\'s settings, look for "graphics acceleration" under System, turn it on, and restart the browser.';
const REPORT = 'Open chrome://gpu: the line "WebGPU" says why it is off.';

/** What to do when a run cannot be started on this GPU, or null when it can. */
export function gpuGuidance(gpu: GpuProbe, surroundings: Surroundings): Guidance | null {
  switch (gpu.status) {
    case 'ready':
      return null;
    case 'no-webgpu':
      return withoutWebGpu(surroundings);
    case 'no-adapter':
      return {
        problem:
          'This browser has WebGPU but offers no GPU to it, so nothing can be trained here yet.',
        steps: withoutAdapter(surroundings.userAgent),
      };
    case 'too-small':
      return {
        problem: `This GPU is too small: ${gpu.reason}.`,
        steps: [
          'If the machine has a second GPU, choose it for the browser in the system\'s graphics settings ("High performance").',
          DRIVER,
          'Or open this page on a machine with a larger GPU. The data can be looked at here all the same.',
        ],
      };
  }
}

function withoutWebGpu({ userAgent, secure, host }: Surroundings): Guidance {
  if (!secure) {
    return {
      problem: 'The browser hides WebGPU from this page because it came over plain http.',
      steps: [
        `Open it over https, or on the machine itself as http://localhost instead of ${host}.`,
      ],
    };
  }
  const problem = 'This browser has no WebGPU, so nothing can be trained here yet.';
  if (isIphone(userAgent)) {
    return {
      problem,
      steps: ['Update to iOS or iPadOS 26 or newer, where every browser has WebGPU.'],
    };
  }
  if (userAgent.includes('Firefox/')) {
    return {
      problem,
      steps: [
        'Update Firefox: 141 or newer has WebGPU on Windows, 145 or newer on Macs with Apple silicon.',
        'On other systems open about:config, set dom.webgpu.enabled to true, and restart Firefox.',
        'Or open this page in Chrome or Edge.',
      ],
    };
  }
  if (isSafari(userAgent)) {
    return {
      problem,
      steps: ['Update to macOS 26 with Safari 26 or newer, or open this page in Chrome.'],
    };
  }
  if (userAgent.includes('Android')) {
    return {
      problem,
      steps: [
        'Use Chrome 121 or newer on Android 12 or newer, with a Qualcomm, ARM or Imagination GPU.',
      ],
    };
  }
  const steps = [NEWEST];
  if (userAgent.includes('Linux')) steps.push(LINUX_FLAGS);
  return { problem, steps: [...steps, ACCELERATION] };
}

function withoutAdapter(userAgent: string): string[] {
  if (userAgent.includes('Firefox/')) return [DRIVER, 'Or open this page in Chrome or Edge.'];
  if (isSafari(userAgent)) return ['Restart the browser, or open this page in Chrome.'];
  const steps = [ACCELERATION];
  if (userAgent.includes('Linux')) steps.push(LINUX_FLAGS);
  return [
    ...steps,
    DRIVER,
    'After two GPU crashes Chrome keeps a page from the GPU: close all of its windows and start it again.',
    REPORT,
  ];
}

function isIphone(userAgent: string): boolean {
  return /iPhone|iPad/.test(userAgent);
}

function isSafari(userAgent: string): boolean {
  return userAgent.includes('Safari/') && !/Chrome|Chromium|Edg\//.test(userAgent);
}
