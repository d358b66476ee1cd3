import { afterEach, beforeEach, vi } from 'vitest';
import type { TabChannel } from '../../../src/app/state/other-tabs';
import { Tunesmith } from '../../../src/app/state/tunesmith.svelte';
import { FakeDatasetWorker } from '../../browser/fake/fake-dataset-worker';
import { FakeTrainerWorker } from '../../browser/fake/fake-trainer-worker';
import { sceneNamed, type SceneName } from '../../browser/fake/scenes';

/** The page's state before it asks what is there; its workers answer at once and compute nothing. */
export function newTunesmith(name: SceneName) {
  const scene = sceneNamed(name);
  const dataset = new FakeDatasetWorker(scene);
  const trainer = new FakeTrainerWorker(scene);
  const restart = vi.fn<() => void>();
  const link = { onFailure: () => undefined, restart };
  const workers = { dataset: { api: dataset, ...link }, trainer: { api: trainer, ...link } };
  const channel: TabChannel = { postMessage: () => undefined, onmessage: null };
  return { tunesmith: new Tunesmith(workers, channel), dataset, trainer, restart, workers };
}

/** The same after files were dropped, or whatever the scene says. */
export async function openTunesmith(name: SceneName = 'dropped') {
  const page = newTunesmith(name);
  await page.tunesmith.open();
  return page;
}

/** Train asks the browser to keep its storage, which Node's navigator, where it has one, does not know. */
export function withKeptStorage(): void {
  beforeEach(() => {
    vi.stubGlobal('navigator', { storage: { persisted: () => Promise.resolve(true) } });
  });
  afterEach(() => {
    vi.unstubAllGlobals();
  });
}
