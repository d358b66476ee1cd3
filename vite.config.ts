import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig, type Plugin } from 'vite';

/** Where models come from, unless the build names another host of the same layout in `VITE_TUNESMITH_HUB`. The hub sends large files from its other hosts. */
const MODEL_HOSTS = ['https://huggingface.co', 'https://*.huggingface.co', 'https://*.hf.co'];

/**
 * What the built page and its workers may load and reach: their own files and the model host, and no text that becomes code. The workers start from
 * blobs, so that they are bound by it too.
 */
function policy(hub: string | undefined): string {
  const hosts = hub ? [new URL(hub).origin] : MODEL_HOSTS;
  return [
    "default-src 'none'",
    "script-src 'self'",
    "worker-src 'self' blob:",
    "style-src 'self'",
    "img-src 'self' data:",
    `connect-src 'self' ${hosts.join(' ')}`,
    "base-uri 'none'",
    "form-action 'none'",
    "require-trusted-types-for 'script'",
    'trusted-types svelte-trusted-html tunesmith-workers',
  ].join('; ');
}

/** Puts the policy into the built page. The development server needs inline scripts and styles, so it goes without. */
function contentSecurityPolicy(): Plugin {
  let hub: string | undefined;
  return {
    name: 'content-security-policy',
    apply: 'build',
    configResolved: ({ env }) => {
      const named: unknown = env.VITE_TUNESMITH_HUB;
      hub = typeof named === 'string' ? named : undefined;
    },
    transformIndexHtml: () => [
      {
        tag: 'meta',
        attrs: { 'http-equiv': 'Content-Security-Policy', content: policy(hub) },
        injectTo: 'head-prepend',
      },
    ],
  };
}

export default defineConfig({
  base: './',
  plugins: [svelte(), contentSecurityPolicy()],
  worker: { format: 'es' },
  build: {
    target: 'es2023',
    modulePreload: { polyfill: false },
    // On a slow machine it would tell every person who runs `npm start` which plugin took how long.
    rolldownOptions: { checks: { bundlerTimings: false } },
  },
});
