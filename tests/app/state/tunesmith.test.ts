import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Tunesmith } from '../../../src/app/state/tunesmith.svelte';
import { FakeDatasetWorker } from '../../browser/fake/fake-dataset-worker';
import { FakeTrainerWorker } from '../../browser/fake/fake-trainer-worker';
import { sceneNamed } from '../../browser/fake/scenes';

/** The page's state after files were dropped; its workers answer at once and compute nothing. */
async function openTunesmith() {
  const scene = sceneNamed('dropped');
  const dataset = new FakeDatasetWorker(scene);
  const trainer = new FakeTrainerWorker(scene);
  const link = { onFailure: () => undefined, restart: () => undefined };
  const workers = { dataset: { api: dataset, ...link }, trainer: { api: trainer, ...link } };
  const tunesmith = new Tunesmith(workers);
  await tunesmith.open();
  return { tunesmith, dataset, trainer };
}

// Train asks the browser to keep its storage, which Node's navigator, where it has one, does not know.
beforeEach(() => {
  vi.stubGlobal('navigator', { storage: { persisted: () => Promise.resolve(true) } });
});
afterEach(() => {
  vi.unstubAllGlobals();
});

describe('Tunesmith', () => {
  it('trains on no tokens of another model where making those of the chosen one is cancelled', async () => {
    const { tunesmith, dataset, trainer } = await openTunesmith();
    const train = vi.spyOn(trainer, 'train');
    const retokenize = vi
      .spyOn(dataset, 'retokenize')
      .mockRejectedValue(new DOMException('It was cancelled.', 'AbortError'));
    await tunesmith.change({ max_seq_length: 64 });
    expect(retokenize).toHaveBeenCalledTimes(1);
    expect(tunesmith.canTrain).toBe(true);
    await tunesmith.train();
    expect(retokenize).toHaveBeenCalledTimes(2);
    expect(train).not.toHaveBeenCalled();
    retokenize.mockRestore();
    await tunesmith.train();
    expect(train).toHaveBeenCalledTimes(1);
  });

  it('does not tokenise again what was cancelled when another model was chosen', async () => {
    const { tunesmith, dataset } = await openTunesmith();
    const retokenize = vi
      .spyOn(dataset, 'retokenize')
      .mockRejectedValue(new DOMException('It was cancelled.', 'AbortError'));
    tunesmith.plan.change({ max_seq_length: 64 });
    await tunesmith.chooseModel('starter');
    expect(retokenize).toHaveBeenCalledTimes(1);
  });
});
