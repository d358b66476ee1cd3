import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Tunesmith } from '../../../src/app/state/tunesmith.svelte';
import { FakeDatasetWorker } from '../../browser/fake/fake-dataset-worker';
import { FakeTrainerWorker } from '../../browser/fake/fake-trainer-worker';
import { sceneNamed, type SceneName } from '../../browser/fake/scenes';

/** The page's state after files were dropped; its workers answer at once and compute nothing. */
async function openTunesmith(name: SceneName = 'dropped') {
  const scene = sceneNamed(name);
  const dataset = new FakeDatasetWorker(scene);
  const trainer = new FakeTrainerWorker(scene);
  const restart = vi.fn<() => void>();
  const link = { onFailure: () => undefined, restart };
  const workers = { dataset: { api: dataset, ...link }, trainer: { api: trainer, ...link } };
  const tunesmith = new Tunesmith(workers);
  await tunesmith.open();
  return { tunesmith, dataset, trainer, restart };
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

  describe('where the trainer is asked to stop', () => {
    const never = () => new Promise<never>(() => undefined);

    beforeEach(() => {
      vi.useFakeTimers();
    });
    afterEach(() => {
      vi.useRealTimers();
    });

    it('waits as long as it takes while the worker answers other questions', async () => {
      const { tunesmith, trainer, restart } = await openTunesmith('training');
      vi.spyOn(trainer, 'stop').mockImplementation(never);
      void tunesmith.stop();
      await vi.advanceTimersByTimeAsync(60_000);
      expect(restart).not.toHaveBeenCalled();
    });

    it('starts a worker again that answers nothing, and comes back to its run', async () => {
      const { tunesmith, trainer, restart } = await openTunesmith('training');
      const listen = vi.spyOn(trainer, 'listen');
      vi.spyOn(trainer, 'stop').mockImplementation(never);
      const runs = vi.spyOn(trainer, 'runs').mockImplementation(never);
      restart.mockImplementation(() => {
        runs.mockRestore();
      });
      const stopped = tunesmith.stop();
      await vi.advanceTimersByTimeAsync(20_000);
      await stopped;
      expect(restart).toHaveBeenCalledTimes(1);
      expect(listen).toHaveBeenCalledTimes(1);
      expect(tunesmith.run.summary).not.toBeNull();
      expect(tunesmith.alerts.shown.at(-1)?.message).toContain('was started again');
    });
  });
});
