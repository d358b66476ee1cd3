import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LockError, TabLock, type LockState } from '../../src/worker/tab-lock';
import { FakeLocks } from './fake-locks';

/** Lets what was asked of locks and channels be answered. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setTimeout(resolve));
}

function openTabs(locks: FakeLocks, count: number) {
  return Array.from({ length: count }, (_, index) => {
    const name = `tab ${index}`;
    const told: LockState[] = [];
    const lock = new TabLock((state) => told.push(state), locks.of(name));
    return { name, lock, told };
  });
}

describe('TabLock', () => {
  it('of eight tabs lets one train, and frees the others when that one is killed', async () => {
    const locks = new FakeLocks();
    const tabs = openTabs(locks, 8);
    await Promise.all(tabs.map(({ lock }) => lock.watch()));
    const takes = await Promise.allSettled(tabs.map(({ lock }) => lock.take()));
    const taken = takes.flatMap(({ status }, index) => (status === 'fulfilled' ? [index] : []));
    expect(taken).toHaveLength(1);
    for (const take of takes) {
      if (take.status === 'rejected') expect(take.reason).toBeInstanceOf(LockError);
    }
    const [holder, ...others] = [...tabs].sort(
      (a, b) => Number(b.lock.state === 'here') - Number(a.lock.state === 'here'),
    );
    if (!holder) throw new Error('nobody holds the lock');
    expect(holder.lock.state).toBe('here');
    expect(others.map(({ lock }) => lock.state)).toEqual(others.map(() => 'elsewhere'));

    locks.kill(holder.name);
    await settle();
    expect(others.map(({ lock }) => lock.state)).toEqual(others.map(() => 'free'));
    await others[3]?.lock.take();
    expect(locks.writers).toEqual([others[3]?.name]);
  });

  it('tells tabs that watch that it was taken, and that it is free again', async () => {
    const [first, second] = openTabs(new FakeLocks(), 2);
    await second?.lock.watch();
    await first?.lock.take();
    await settle();
    expect(second?.told).toEqual(['elsewhere']);
    await expect(second?.lock.refuseElsewhere()).rejects.toThrow(LockError);
    first?.lock.release();
    await settle();
    expect(second?.told).toEqual(['elsewhere', 'free']);
    await second?.lock.refuseElsewhere();
    expect(first?.told).toEqual(['here', 'free']);
  });

  it('tells other tabs which run it is held for, until it is released or the tab is killed', async () => {
    const locks = new FakeLocks();
    const [first, second] = openTabs(locks, 2);
    await first?.lock.take();
    await settle();
    expect(await second?.lock.runElsewhere()).toBeNull();
    first?.lock.nameRun('one');
    await settle();
    expect(await second?.lock.runElsewhere()).toBe('one');
    expect(await first?.lock.runElsewhere()).toBeNull();
    expect(second?.told).toEqual(['elsewhere', 'elsewhere']);
    first?.lock.release();
    await settle();
    expect(await second?.lock.runElsewhere()).toBeNull();
    await first?.lock.take();
    first?.lock.nameRun('two');
    await settle();
    expect(await second?.lock.runElsewhere()).toBe('two');
    locks.kill('tab 0');
    await settle();
    expect(await second?.lock.runElsewhere()).toBeNull();
  });

  it('whatever tabs do and in whatever order they end, never has two writers', async () => {
    const act = fc.record({
      tab: fc.nat(4),
      what: fc.constantFrom('take', 'take', 'release', 'watch', 'kill'),
      settles: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 25 }), async (acts) => {
        const locks = new FakeLocks();
        const tabs = openTabs(locks, 5);
        const killed = new Set<number>();
        for (const { tab, what, settles } of acts) {
          const { lock, name } = tabs[tab] ?? {};
          if (!lock || name === undefined || killed.has(tab)) continue;
          if (what === 'take') void lock.take().catch(() => undefined);
          if (what === 'release') lock.release();
          if (what === 'watch') void lock.watch();
          if (what === 'kill') {
            locks.kill(name);
            killed.add(tab);
          }
          if (settles) await settle();
          expect(locks.writers.length).toBeLessThanOrEqual(1);
        }
        await settle();
        const alive = tabs.filter((_, index) => !killed.has(index));
        const here = alive.filter(({ lock }) => lock.state === 'here').map(({ name }) => name);
        expect(here).toEqual(locks.writers);
      }),
      { numRuns: 60 },
    );
  });
});
