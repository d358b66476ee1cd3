import { beforeEach, describe, expect, it } from 'vitest';
import { RunBench } from './run-bench';

/** What the run comes to that nothing happens to, and on how many occasions something might have. */
let whole: object;
const occasions: string[] = [];
beforeEach(async () => {
  if (occasions.length > 0) return;
  const bench = await RunBench.create();
  bench.onOccasion = (name) => void occasions.push(name);
  await bench.begin().done;
  whole = await bench.outcome();
  expect(bench.phases).toEqual(['training', 'finished']);
});

/** Loses the GPU on the given occasions, counted over the whole run. */
async function runWithLosses(at: readonly number[]): Promise<RunBench> {
  const bench = await RunBench.create();
  bench.onOccasion = (_, count) => {
    if (at.includes(count)) bench.gpu.lose();
  };
  await bench.begin().done;
  return bench;
}

describe('a run whose GPU is lost', () => {
  it('has occasions of every kind', () => {
    const kinds = ['open', 'load', 'accumulate', 'update', 'readStep', 'evaluate', 'readLoss'];
    expect(new Set(occasions)).toEqual(new Set([...kinds, 'exportState', 'token']));
  });

  it('on any occasion goes on by itself from its last checkpoint and ends with the same bits', async () => {
    for (let n = 1; n <= occasions.length; n++) {
      const bench = await runWithLosses([n]);
      const where = `lost at ${occasions[n - 1]} (occasion ${n})`;
      expect(await bench.outcome(), where).toEqual(whole);
      expect(bench.gpu.opened, where).toBe(2);
      expect(bench.waits, where).toEqual([]);
      expect(bench.loaded, where).toBe(0);
      expect(bench.phases, where).toContain('recovering');
      expect(bench.notices, where).toEqual([
        'The GPU was lost; the run goes on from its last checkpoint now.',
      ]);
      // At most one interval of steps is made again.
      const told = bench.events.flatMap((event) => (event.type === 'steps' ? event.metrics : []));
      expect(told.length - 5, where).toBeLessThanOrEqual(2);
    }
  }, 120_000);

  it('twice in two minutes waits 125 s before it asks for the GPU again, and says so', async () => {
    const middle = occasions.indexOf('update') + 1;
    const bench = await runWithLosses([middle, middle + 3]);
    expect(bench.waits).toEqual([125_000]);
    expect(bench.notices.at(-1)).toBe(
      'The GPU was lost; the run goes on from its last checkpoint in 125 s, when the browser allows it.',
    );
    const doing = bench.events.flatMap((event) => (event.type === 'progress' ? [event] : []));
    expect(doing.map(({ progress }) => progress?.activity)).toContain(
      'The browser gives the GPU back in 125 s',
    );
    expect(await bench.outcome()).toMatchObject({ phase: 'finished', step: 5 });
  });

  it('waits once where the browser refuses a new one at first', async () => {
    const bench = await RunBench.create();
    bench.onOccasion = (_, count) => {
      if (count !== 20) return;
      bench.gpu.refusals = 1;
      bench.gpu.lose();
    };
    await bench.begin().done;
    expect(bench.waits).toEqual([125_000]);
    expect(await bench.outcome()).toEqual(whole);
  });

  it('and refused for good fails with a sentence, and goes on when it is resumed', async () => {
    const bench = await RunBench.create();
    bench.onOccasion = (_, count) => {
      if (count !== 20) return;
      bench.gpu.refusals = 2;
      bench.gpu.lose();
    };
    await bench.begin().done;
    const run = await bench.services.runs.get(bench.record.id);
    expect(run).toMatchObject({
      phase: 'failed',
      failure: 'This browser offers no WebGPU adapter.',
    });
    await bench.beginAgain();
    expect(await bench.outcome()).toEqual(whole);
  });

  it('again and again at the same step fails and says what may help', async () => {
    const bench = await RunBench.create();
    bench.onOccasion = (name) => {
      if (name === 'evaluate') bench.gpu.lose();
    };
    await bench.begin().done;
    const run = await bench.services.runs.get(bench.record.id);
    expect(run?.phase).toBe('failed');
    expect(run?.failure).toMatch(/^The GPU was lost 4 times at step \d; take a smaller/);
    expect(bench.gpu.opened).toBe(4);
    expect((await bench.lastCheckpoint()).progress.step).toBe(2);
  });

  it('while it is paused stays paused, and goes on when it is asked to', async () => {
    const bench = await RunBench.create();
    let asked = false;
    bench.onOccasion = (name) => {
      if (name !== 'update' || asked) return;
      asked = true;
      void bench.run.pause();
    };
    bench.begin();
    await bench.until('paused');
    bench.gpu.lose();
    await bench.untilPausedOrDone(/^The GPU was lost/);
    expect(bench.notices).toEqual([
      'The GPU was lost; the run goes on from its last checkpoint when you press Resume.',
    ]);
    expect([bench.run.phase, bench.run.resting, bench.loaded]).toEqual(['paused', null, 0]);
    expect(bench.gpu.opened).toBe(1);
    await bench.run.resume();
    await bench.run.done;
    expect(await bench.outcome()).toEqual(whole);
  });

  it('can be stopped and paused while it waits for the browser', async () => {
    for (const what of ['stop', 'pause'] as const) {
      const bench = await RunBench.create();
      let losses = 0;
      bench.onOccasion = (name) => {
        if (name === 'update' && ++losses <= 2) bench.gpu.lose();
      };
      const wait = new Promise<void>((resolve) => {
        bench.onWait = (milliseconds) => {
          if (milliseconds <= 1000) return undefined;
          resolve();
          return new Promise(() => undefined);
        };
      });
      bench.begin();
      await wait;
      await bench.run[what]();
      if (what === 'pause') {
        expect(bench.run.phase).toBe('paused');
        await bench.run.stop();
      }
      expect(bench.run.phase).toBe('stopped');
      expect(bench.gpu.opened).toBe(2);
    }
  });
});
