import { describe, expect, it, vi } from 'vitest';
import { Operation } from '../../../src/app/state/operation.svelte';

const aborted = () => new DOMException('It was cancelled.', 'AbortError');

describe('an operation', () => {
  it('shows the progress of its work and forgets it at the end', async () => {
    const operation = new Operation(() => Promise.resolve());
    const result = await operation.run('Reading', (onProgress) => {
      onProgress({ activity: 'Reading a.txt', done: 3, total: 8, unit: 'bytes' });
      expect(operation.progress).toMatchObject({ activity: 'Reading a.txt', done: 3, total: 8 });
      expect(operation.running).toBe(true);
      return Promise.resolve(7);
    });
    expect(result).toBe(7);
    expect(operation.running).toBe(false);
    expect(operation.progress).toBeNull();
  });

  it('tells the time left of what it does now, however long what it did before took', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const operation = new Operation(() => Promise.resolve());
    const left = await operation.run('Reading', (onProgress) => {
      const tell = (activity: string, done: number) =>
        onProgress({ activity, done, total: 100, unit: 'bytes' });
      tell('Keeping a.txt', 0);
      vi.advanceTimersByTime(60_000);
      tell('Keeping a.txt', 100);
      tell('Reading a.txt', 0);
      vi.advanceTimersByTime(2000);
      tell('Reading a.txt', 20);
      return Promise.resolve(operation.secondsLeft);
    });
    vi.useRealTimers();
    expect(left).toBe(8);
  });

  it('ends with nothing when it is cancelled, and with its error when it fails', async () => {
    const operation = new Operation(() => Promise.resolve());
    const cancelled = await operation.run<string>('Reading', () => Promise.reject(aborted()));
    expect(cancelled).toBeUndefined();
    await expect(
      operation.run('Reading', () => Promise.reject(new Error('no room'))),
    ).rejects.toThrow('no room');
    expect(operation.running).toBe(false);
  });

  it('asks for a stop only while there is something to stop', async () => {
    let stops = 0;
    let end: (reason: Error) => void = () => undefined;
    const operation = new Operation(() => {
      stops += 1;
      end(aborted());
      return Promise.resolve();
    });
    await operation.cancel();
    expect(stops).toBe(0);
    const running = operation.run('Reading', () => new Promise((_, reject) => (end = reject)));
    await operation.cancel();
    expect(await running).toBeUndefined();
    expect(stops).toBe(1);
  });

  it('leaves the display to a newer run when an older one ends late', async () => {
    const operation = new Operation(() => Promise.resolve());
    let endFirst: (value: number) => void = () => undefined;
    const first = operation.run(
      'First',
      () => new Promise<number>((resolve) => (endFirst = resolve)),
    );
    let endSecond: (value: number) => void = () => undefined;
    const second = operation.run(
      'Second',
      () => new Promise<number>((resolve) => (endSecond = resolve)),
    );
    endFirst(1);
    expect(await first).toBe(1);
    expect(operation.progress?.activity).toBe('Second');
    endSecond(2);
    expect(await second).toBe(2);
    expect(operation.running).toBe(false);
  });
});
