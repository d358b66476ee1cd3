import { describe, expect, it, vi } from 'vitest';
import { withoutFolder } from '../../../src/app/state/dropped-files';
import type { TabChannel } from '../../../src/app/state/other-tabs';
import { Tunesmith } from '../../../src/app/state/tunesmith.svelte';
import type { SceneName } from '../../browser/fake/scenes';
import { newTunesmith, withKeptStorage } from './page-of-scene';

withKeptStorage();

/** Two tabs of a scene, which share what is stored. */
async function openTwoTabs(name: SceneName) {
  const page = newTunesmith(name);
  const channels: TabChannel[] = [];
  const newChannel = (): TabChannel => {
    const channel: TabChannel = {
      postMessage: (data) => {
        const others = channels.filter((other) => other !== channel);
        queueMicrotask(() => {
          for (const other of others) other.onmessage?.(new MessageEvent('message', { data }));
        });
      },
      onmessage: null,
    };
    channels.push(channel);
    return channel;
  };
  const [first, second] = [1, 2].map(() => new Tunesmith(page.workers, newChannel()));
  if (!first || !second) throw new Error('there are two tabs');
  await first.open();
  await second.open();
  // Of the run that is shown more is told once the tab has opened.
  await new Promise((resolve) => setTimeout(resolve));
  return { ...page, first, second, channels };
}

describe('two tabs', () => {
  it('both show the data that one of them was given, and forget them', async () => {
    const { first, second, dataset } = await openTwoTabs('dropped');
    await second.change({ max_seq_length: 64 });
    await first.take(withoutFolder([new File(['A hen.'], 'hen.txt')]));
    await vi.waitFor(() => expect(second.dataset.summary?.files[0]?.name).toBe('hen.txt'));
    // Each makes the tokens that it wants when it trains, not whenever the other has made its own.
    const retokenize = vi.spyOn(dataset, 'retokenize');
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(retokenize).not.toHaveBeenCalled();
    expect(second.dataset.summary?.tokenization.max_seq_length).toBe(512);
    expect(second.plan.config.max_seq_length).toBe(64);
    expect(second.canTrain).toBe(true);
    await second.train();
    expect(retokenize).toHaveBeenCalledTimes(1);
    await vi.waitFor(() => expect(first.dataset.summary?.tokenization.max_seq_length).toBe(64));
    const remove = vi.spyOn(dataset, 'current').mockResolvedValue(null);
    await first.preparation.forget();
    await vi.waitFor(() => expect(second.dataset.summary).toBeNull());
    expect(remove).toHaveBeenCalled();
    expect(second.canTrain).toBe(false);
  });

  it('both show a run under the name that one of them gave it, until it is deleted', async () => {
    const { first, second, trainer } = await openTwoTabs('finished');
    await first.runs.rename('run-1', 'Hens');
    await vi.waitFor(() => expect(second.run.summary?.name).toBe('Hens'));
    expect(second.runs.all.map(({ name }) => name)).toContain('Hens');
    await first.deleteRun('run-1');
    await vi.waitFor(() => expect(second.run.summary).toBeNull());
    expect(await trainer.runs()).toEqual(second.runs.all);
  });

  it('say nothing of a run that is deleted as soon as it has another name', async () => {
    const { first, second, trainer } = await openTwoTabs('finished');
    vi.spyOn(trainer, 'openRun').mockImplementation(async (id) => {
      await trainer.deleteRun(id);
      throw new Error('this run is not stored here any more');
    });
    await first.runs.rename('run-1', 'Hens');
    await vi.waitFor(() => expect(second.runs.all.some(({ id }) => id === 'run-1')).toBe(false));
    await new Promise((resolve) => setTimeout(resolve));
    expect(second.alerts.shown).toEqual([]);
  });

  it('choose the starter where the model is deleted that they had', async () => {
    const { first, second, trainer } = await openTwoTabs('dropped');
    const [starter] = await trainer.models();
    if (!starter) throw new Error('the scene has no models');
    const models = vi
      .spyOn(trainer, 'models')
      .mockResolvedValue([starter, { ...starter, id: 'files:mine#1', origin: 'files' }]);
    await first.models.load();
    await second.models.load();
    await first.chooseModel('files:mine#1');
    await second.chooseModel('files:mine#1');
    models.mockResolvedValue([starter]);
    await first.removeModel();
    await vi.waitFor(() => expect(second.models.chosenId).toBe('starter'));
  });

  it('keep a model that one of them has looked up, though the other installs another', async () => {
    const { first, second, trainer } = await openTwoTabs('dropped');
    const [starter] = await trainer.models();
    if (!starter) throw new Error('the scene has no models');
    const found = { ...starter, id: 'owner/found', origin: 'hub', state: 'absent' } as const;
    vi.spyOn(trainer, 'findModel').mockResolvedValue(found);
    await second.findModel(found.id);
    const models = vi.spyOn(trainer, 'models');
    await first.models.installFiles({ folder: 'mine', files: [] });
    await vi.waitFor(() => expect(models).toHaveBeenCalled());
    await new Promise((resolve) => setTimeout(resolve));
    expect(second.models.chosen).toEqual(found);
  });

  it('hear nothing of what they do not know', async () => {
    const { first, channels } = await openTwoTabs('dropped');
    const [channel] = channels;
    for (const data of ['weights', null, { data: 1 }]) {
      channel?.onmessage?.(new MessageEvent('message', { data }));
    }
    await new Promise((resolve) => setTimeout(resolve));
    expect(first.alerts.shown).toEqual([]);
  });
});
