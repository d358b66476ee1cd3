import { fileURLToPath } from 'node:url';
import type { Plugin } from 'vite';

const fakeClient = fileURLToPath(new URL('./client.ts', import.meta.url));

/**
 * Builds the page as it is for people, but with workers that play a scene: for states that a real run cannot be brought into at
 * will.
 */
export function scenesInsteadOfWorkers(): Plugin {
  return {
    name: 'scenes-instead-of-workers',
    enforce: 'pre',
    resolveId: (source) => (source === '../worker/client' ? fakeClient : null),
  };
}
