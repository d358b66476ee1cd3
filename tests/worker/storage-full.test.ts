import { describe, expect, it } from 'vitest';
import type { WriteFailure } from '../storage/fresh-database';
import { withFailingWrites } from '../storage/fresh-database';
import { RunBench } from './run-bench';

const FULL = /^The browser's storage is full: the checkpoint could not be stored.* press Resume\.$/;

async function undisturbed(): Promise<{ whole: object; writes: number }> {
  const bench = await RunBench.create();
  let writes = 0;
  const count = () => {
    writes += 1;
    return false;
  };
  await withFailingWrites('in the call', count, () => bench.begin().done);
  return { whole: await bench.outcome(), writes };
}

/** A run in a storage that is full from the n-th write on until the person, seeing the run paused, makes room and presses Resume. */
async function runInFullStorage(n: number, way: WriteFailure): Promise<RunBench> {
  const bench = await RunBench.create();
  let writes = 0;
  let isFull = false;
  const fails = () => {
    if (++writes === n) isFull = true;
    return isFull;
  };
  await withFailingWrites(way, fails, async () => {
    const run = bench.begin();
    await bench.untilPausedOrDone(FULL);
    if (run.phase === 'paused') {
      // What was stored before can be read, and what could not be stored can be downloaded.
      const stored = await bench.services.checkpoints.list(bench.record.id);
      if (stored.length > 0) await bench.lastCheckpoint();
      const held = await run.checkpoint();
      expect(held?.progress.step).toBe(run.step);
      expect(run.holdsAdapter).toBe(run.step > 0);
      expect(held?.progress.step).toBeGreaterThanOrEqual(stored[0]?.step ?? 0);
    }
    isFull = false;
    await run.resume();
    await run.done;
  });
  return bench;
}

describe.each<WriteFailure>(['in the call', 'afterwards'])(
  'a storage that fills up at the n-th write of a run, for every n (%s)',
  (way) => {
    it('pauses the run with nothing lost, and it goes on to the same bits when there is room', async () => {
      const { whole, writes } = await undisturbed();
      expect(writes).toBeGreaterThan(40);
      let pauses = 0;
      for (let n = 1; n <= writes; n++) {
        const bench = await runInFullStorage(n, way);
        if (bench.phases.includes('paused')) pauses += 1;
        // An end that found no room is not lost either: it is reached again at once.
        if ((await bench.services.runs.get(bench.record.id))?.phase !== 'finished') {
          await bench.beginAgain();
        }
        expect(await bench.outcome(), `full at write ${n}`).toEqual(whole);
      }
      expect(pauses).toBeGreaterThan(10);
    }, 120_000);
  },
);

describe('a run that is paused because the storage is full', () => {
  async function fullAtFirstInterval(work: (bench: RunBench) => Promise<void>): Promise<RunBench> {
    const bench = await RunBench.create();
    let isFull = false;
    bench.onOccasion = (name) => {
      if (name === 'update') isFull = true;
    };
    await withFailingWrites(
      'in the call',
      () => isFull,
      async () => {
        bench.begin();
        await bench.untilPausedOrDone(FULL);
        await work(bench);
      },
    );
    return bench;
  }

  it('tries again on Resume, and says so again where there is still no room', async () => {
    await fullAtFirstInterval(async (bench) => {
      await bench.run.resume();
      await bench.untilPausedOrDone(FULL);
      expect(bench.phases).toEqual(['training', 'paused', 'training', 'paused']);
      expect(bench.notices.filter((notice) => FULL.test(notice))).toHaveLength(2);
      await bench.run.stop();
    });
  });

  it('when it is stopped all the same, keeps its last stored checkpoint and says so', async () => {
    const bench = await fullAtFirstInterval((at) => at.run.stop());
    expect(bench.notices.at(-1)).toMatch(/The run keeps its last stored checkpoint\.$/);
    expect(bench.phases.at(-1)).toBe('stopped');
    expect((await bench.lastCheckpoint()).progress.step).toBe(0);
  });

  it('and loses the GPU, stays paused and goes on from what is stored', async () => {
    const bench = await fullAtFirstInterval(async (at) => {
      at.gpu.lose();
      await at.untilPausedOrDone(/^The GPU was lost/);
      expect(at.run.resting).toBeNull();
    });
    await bench.run.resume();
    bench.onOccasion = () => undefined;
    await bench.run.done;
    expect(await bench.outcome()).toMatchObject({ phase: 'finished', step: 5 });
  });
});
