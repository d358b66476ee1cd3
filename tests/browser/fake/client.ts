import type { Workers } from '../../../src/worker/client';
import type { WorkerLink } from '../../../src/worker/worker-link';
import { FakeDatasetWorker } from './fake-dataset-worker';
import { FakeTrainerWorker } from './fake-trainer-worker';
import { sceneNamed } from './scenes';

/** Takes the place of `src/worker/client.ts`: the scene that the address names, without workers. */
export function startWorkers(): Workers {
  const scene = sceneNamed(new URLSearchParams(location.search).get('scene') ?? 'empty');
  return {
    dataset: link(new FakeDatasetWorker(scene)),
    trainer: link(new FakeTrainerWorker(scene)),
  };
}

function link<Api>(api: Api): WorkerLink<Api> {
  return { api, onFailure: () => undefined, restart: () => undefined };
}
