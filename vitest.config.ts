import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

const GPU_TESTS = 'tests/**/*.gpu.test.ts';
const OTHER_SUITES = ['tests/browser/**', 'tests/interop/**'];

export default defineConfig({
  plugins: [svelte()],
  resolve: { conditions: ['browser'] },
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['tests/**/*.test.ts'],
          exclude: [GPU_TESTS, ...OTHER_SUITES],
          testTimeout: 30_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'gpu',
          include: [GPU_TESTS],
          exclude: OTHER_SUITES,
          // A software GPU uses every core by itself, and a real one is shared: files run one after another, each in its own process
          // because a driver's threads outlive what the test let go.
          pool: 'forks',
          fileParallelism: false,
          // A software GPU compiles shaders on the CPU: the first test that needs a large kernel waits for half a minute or more.
          testTimeout: 600_000,
          hookTimeout: 600_000,
        },
      },
    ],
  },
});
