import { describe, expect, it } from 'vitest';
import { Operations } from '../../src/worker/operations';

const CANCELLED = { name: 'AbortError' };

/** Work that a test ends, and that notes whether it was cancelled. */
function work() {
  let end: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => (end = resolve));
  const state = { begun: false, signal: undefined as AbortSignal | undefined, end };
  const run = async (signal: AbortSignal) => {
    state.begun = true;
    state.signal = signal;
    await ended;
    signal.throwIfAborted();
    return 'done';
  };
  return { state, run };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('operations', () => {
  it('can be cancelled from their first moment on', async () => {
    const operations = new Operations<'import'>();
    const first = work();
    const running = operations.run('import', first.run);
    const cancelled = operations.cancel('import');
    first.state.end();
    await expect(running).rejects.toMatchObject(CANCELLED);
    await cancelled;
    expect(operations.isRunning('import')).toBe(false);
  });

  it('begin when the one before has ended, which they cancel', async () => {
    const operations = new Operations<'import'>();
    const [first, second] = [work(), work()];
    const one = operations.run('import', first.run);
    await turn();
    const two = operations.run('import', second.run);
    await turn();
    expect(first.state.signal?.aborted).toBe(true);
    expect(second.state.begun).toBe(false);
    first.state.end();
    await expect(one).rejects.toMatchObject(CANCELLED);
    second.state.end();
    expect(await two).toBe('done');
  });

  it('that waited and were cancelled meanwhile never begin', async () => {
    const operations = new Operations<'import'>();
    const [first, second, third] = [work(), work(), work()];
    const all = [first, second, third].map(({ run }) => operations.run('import', run));
    const outcomes = Promise.allSettled(all);
    await turn();
    for (const { state } of [first, second, third]) state.end();
    expect((await outcomes).map(({ status }) => status)).toEqual([
      'rejected',
      'rejected',
      'fulfilled',
    ]);
    expect(second.state.begun).toBe(false);
  });

  it('of different kinds leave each other alone, and one that fails makes room', async () => {
    const operations = new Operations<'import' | 'ask'>();
    const asking = work();
    const asked = operations.run('ask', asking.run);
    await expect(
      operations.run('import', () => Promise.reject(new Error('bad file'))),
    ).rejects.toThrow('bad file');
    expect(operations.isRunning('import')).toBe(false);
    expect(operations.isRunning('ask')).toBe(true);
    await operations.cancel('import');
    asking.state.end();
    expect(await asked).toBe('done');
  });
});
