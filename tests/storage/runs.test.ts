import { describe, expect, it } from 'vitest';
import { InputError } from '../../src/errors';
import { CheckpointStore } from '../../src/storage/checkpoints';
import { DatasetStore } from '../../src/storage/datasets';
import { RunStore } from '../../src/storage/runs';
import type { StepMetrics } from '../../src/train/metrics';
import { contents, freshDatabase, run } from './fresh-database';

const metrics = (step: number, loss = 1 / step): StepMetrics => ({
  step,
  epoch: step / 10,
  loss,
  learning_rate: 1e-4,
  grad_norm: 1,
  trained_tokens: 64,
  seconds: step,
});

describe('RunStore', () => {
  it('lists runs, newest first, and renames them', async () => {
    const runs = new RunStore(await freshDatabase());
    await runs.put(run('old', 1));
    await runs.put(run('new', 3));
    await runs.put(run('middle', 2));
    expect((await runs.list()).map(({ id }) => id)).toEqual(['new', 'middle', 'old']);
    await runs.rename('old', '  Fables ');
    expect(await runs.get('old')).toEqual({ ...run('old', 1), name: 'Fables' });
    await runs.rename('old', 'a🦉'.repeat(5000));
    expect((await runs.get('old'))?.name).toBe('a🦉'.repeat(100));
    expect(() => runs.rename('old', ' ')).toThrow(InputError);
    await expect(runs.rename('gone', 'x')).rejects.toThrow('not stored here any more');
  });

  it('keeps changes to different fields that are made at the same time', async () => {
    const runs = new RunStore(await freshDatabase());
    await runs.put(run('a'));
    await Promise.all([runs.update('a', { phase: 'paused' }), runs.rename('a', 'b')]);
    expect(await runs.get('a')).toMatchObject({ phase: 'paused', name: 'b' });
  });

  it('keeps metrics by run and step, NaN among them, and rewinds them', async () => {
    const runs = new RunStore(await freshDatabase());
    await runs.addMetrics('a', [metrics(2), metrics(1), metrics(3, NaN)]);
    await runs.addMetrics('ab', [metrics(1)]);
    await runs.addMetrics('a', [metrics(10)]);
    expect(await runs.metrics('a')).toEqual([metrics(1), metrics(2), metrics(3, NaN), metrics(10)]);
    await runs.addMetrics('a', [metrics(2, 7)]);
    await runs.rewindMetrics('a', 2);
    expect(await runs.metrics('a')).toEqual([metrics(1), metrics(2, 7)]);
    expect(await runs.metrics('ab')).toEqual([metrics(1)]);
  });

  it('deletes a run with all that belongs to it and nothing else', async () => {
    const database = await freshDatabase();
    const runs = new RunStore(database);
    const checkpoints = new CheckpointStore(database);
    const fill = async (id: string): Promise<void> => {
      await runs.put(run(id));
      await runs.addMetrics(id, [metrics(1)]);
      const files = [{ name: 'x', bytes: new Uint8Array([1]) }];
      await checkpoints.save({ runId: id, step: 1, evalLoss: null }, files);
    };
    await fill('keep');
    const before = await contents(database);
    await fill('delete');
    await runs.delete('delete');
    expect(await contents(database)).toEqual(before);
  });
});

describe('DatasetStore', () => {
  it('keeps the index of a dataset and the moment it was made', async () => {
    const database = await freshDatabase();
    const datasets = new DatasetStore<{ lengths: Uint32Array }>(database);
    await datasets.put('a', { lengths: new Uint32Array([1, 2]) });
    const [first] = await datasets.list();
    await datasets.put('a', { lengths: new Uint32Array([3]) });
    const [second] = await datasets.list();
    expect(second).toEqual({ ...first, index: { lengths: new Uint32Array([3]) } });
    expect(await datasets.get('a')).toEqual({ lengths: new Uint32Array([3]) });
    await datasets.delete('a');
    expect(await datasets.get('a')).toBeUndefined();
  });
});
