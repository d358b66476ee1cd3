import { afterEach, describe, expect, it, vi } from 'vitest';
import { InputError } from '../../src/errors';
import { QuotaError } from '../../src/storage/errors';
import type { RunRequest, TrainerEvent } from '../../src/worker/api';
import { Asking } from '../../src/worker/asking';
import { GpuAccess } from '../../src/worker/gpu-access';
import type { ModelShelf } from '../../src/worker/models';
import { LockError } from '../../src/worker/tab-lock';
import { TrainerService } from '../../src/worker/trainer-service';
import { withFailingWrite } from '../storage/fresh-database';
import { FakeLocks } from './fake-locks';
import { CONFIG, RunBench } from './run-bench';

const REQUEST: RunRequest = {
  name: '',
  modelId: 'tiny',
  datasetId: 'data',
  config: CONFIG,
  precision: 'auto',
  prompts: [],
  sampleEverySteps: 3,
};

/** A tab's service over the storage that all tabs of a bench share, and what it tells. */
async function openTab(bench: RunBench, locks: LockManager) {
  const shelf = {
    ...bench.models,
    list: () => Promise.resolve([{ id: 'tiny', name: 'Tiny', state: 'installed' }]),
  } as unknown as ModelShelf;
  const gpu = new GpuAccess(() => bench.gpu.instance);
  const { wait, openModel } = bench;
  const service = new TrainerService(bench.services, shelf, gpu, { locks, wait, openModel });
  const events: TrainerEvent[] = [];
  await service.listen((event) => events.push(event));
  const lockStates = () => events.flatMap((event) => (event.type === 'lock' ? [event.lock] : []));
  const until = async (isTold: (event: TrainerEvent) => boolean): Promise<void> => {
    while (!events.some(isTold)) await new Promise((resolve) => setImmediate(resolve));
  };
  return { service, events, lockStates, until };
}

/** Asks what is answered until it is cancelled. */
async function askEndlessly(service: TrainerService, runId: string, onCancel: () => void) {
  const asking = vi.spyOn(Asking.prototype, 'ask').mockImplementation(
    (_run, _request, _listeners, signal) =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => {
          onCancel();
          reject(signal.reason as Error);
        });
      }),
  );
  const request = { runId, question: 'Where?', maximumTokens: 9, temperature: 0, seed: 1 };
  const noop = (): void => undefined;
  service.ask(request, noop, noop).catch(noop);
  await vi.waitFor(() => expect(asking).toHaveBeenCalled());
}

const isPhase = (phase: string) => (event: TrainerEvent) =>
  event.type === 'run' && event.run.phase === phase;
const isLock = (lock: string) => (event: TrainerEvent) =>
  event.type === 'lock' && event.lock === lock;

afterEach(() => {
  vi.restoreAllMocks();
});

describe('the trainer service', () => {
  it('trains one run at a time and gives the lock back when it ends', async () => {
    const bench = await RunBench.create();
    const { service, until, lockStates } = await openTab(bench, new FakeLocks().of('a'));
    expect(service.isTraining).toBe(false);
    const [begun, second] = await Promise.allSettled([
      service.train(REQUEST),
      service.train(REQUEST),
    ]);
    expect(begun).toMatchObject({ status: 'fulfilled', value: { phase: 'preparing' } });
    expect(second).toMatchObject({ status: 'rejected', reason: expect.any(InputError) as unknown });
    expect(service.isTraining).toBe(true);
    const { id } = (await service.runs())[0] ?? { id: '' };
    await expect(service.deleteRun(id)).rejects.toThrow('the run is at work; stop it first');
    await expect(service.removeModel('tiny')).rejects.toThrow('needs this model');
    await until(isPhase('finished'));
    await until(isLock('here'));
    expect(lockStates()).toEqual(['free', 'here', 'free']);
    expect(service.isTraining).toBe(false);
    expect(await service.lastRun()).toMatchObject({ id, phase: 'finished', step: 5 });
    expect((await service.openRun(id)).metrics.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5]);
    await expect(service.resume(id)).rejects.toThrow('the run is finished; start a new one');
    await service.deleteRun(id);
    // As a second tab does that still shows it.
    await service.deleteRun(id);
    // The bench's own record is all that is left.
    expect(await service.runs()).toHaveLength(1);
  });

  it('of a second tab keeps off a run at work in the first, and takes it over when that is killed', async () => {
    const bench = await RunBench.create();
    const locks = new FakeLocks();
    const first = await openTab(bench, locks.of('a'));
    const second = await openTab(bench, locks.of('b'));
    let hangs: () => void = () => undefined;
    const hanging = new Promise<void>((resolve) => (hangs = resolve));
    let reads = 0;
    bench.onOccasion = async (name) => {
      if (name !== 'readStep' || (reads += 1) !== 3) return;
      hangs();
      // A tab that is killed does nothing more.
      await new Promise(() => undefined);
    };
    const { id } = await first.service.train(REQUEST);
    await hanging;
    await second.until(isLock('elsewhere'));
    await expect(second.service.train(REQUEST)).rejects.toThrow(LockError);
    await expect(second.service.resume(id)).rejects.toThrow(LockError);
    await expect(second.service.deleteRun(id)).rejects.toThrow('at work in another tab');
    expect((await second.service.openRun(id)).phase).toBe('elsewhere');
    // The bench's own record, which nobody is at work on, is another matter.
    const other = (await second.service.runs()).find((run) => run.id !== id);
    expect(other?.phase).toBe('interrupted');

    locks.kill('a');
    bench.loaded = 0;
    await second.until((event) => event.type === 'lock' && event.lock === 'free');
    expect((await second.service.openRun(id)).phase).toBe('interrupted');
    await second.service.resume(id);
    await second.until(isPhase('finished'));
    expect((await second.service.openRun(id)).metrics.map(({ step }) => step)).toEqual([
      1, 2, 3, 4, 5,
    ]);
  });

  it('tells a run that is renamed at work as it stands, not as it was stored last', async () => {
    const bench = await RunBench.create();
    const { service, events, until } = await openTab(bench, new FakeLocks().of('a'));
    const config = { ...CONFIG, save_steps: 50, eval_fraction: 0 };
    const { id } = await service.train({ ...REQUEST, config, sampleEverySteps: 50 });
    await until((event) => event.type === 'steps' && event.metrics[0]?.step === 2);
    await service.renameRun(id, 'Another name');
    const told = events.findLast((event) => event.type === 'run');
    expect(told).toMatchObject({ run: { name: 'Another name' } });
    expect(told?.run.step).toBeGreaterThanOrEqual(2);
    await until(isPhase('finished'));
  });

  it('tells at once that a run which goes on is being prepared', async () => {
    const bench = await RunBench.create();
    const { service, events, until } = await openTab(bench, new FakeLocks().of('a'));
    let loads: () => void = () => undefined;
    bench.onOccasion = (name) =>
      name === 'load' ? new Promise((resolve) => (loads = resolve)) : undefined;
    // As a tab leaves it that ends in the middle.
    await bench.services.runs.update(bench.record.id, { phase: 'training' });
    const before = events.length;
    await service.resume(bench.record.id);
    const told = events.slice(before).flatMap((event) => (event.type === 'run' ? event.run : []));
    expect(told.map(({ phase }) => phase)).toEqual(['preparing']);
    bench.onOccasion = () => undefined;
    await vi.waitFor(() => {
      loads();
      expect(service.isTraining).toBe(false);
    });
    await until(isPhase('finished'));
  });

  it.each<[string, (service: TrainerService, id: string) => Promise<unknown>]>([
    ['goes on', (service, id) => service.resume(id)],
    ['is stopped', (service) => service.stop()],
  ])('ends an answer before the run that is asked %s', async (_, act) => {
    const bench = await RunBench.create();
    const { service, events, until } = await openTab(bench, new FakeLocks().of('a'));
    const { id } = await service.train(REQUEST);
    await until(isPhase('training'));
    await service.pause();
    const paused = events.length;
    let told = 0;
    await askEndlessly(service, id, () => (told = events.length));
    await act(service, id);
    expect(told).toBe(paused);
    expect(events.length).toBeGreaterThan(paused);
    await service.stop();
  });

  it('ends an answer before another run begins', async () => {
    const bench = await RunBench.create();
    const { service, until } = await openTab(bench, new FakeLocks().of('a'));
    const forget = vi.spyOn(Asking.prototype, 'forget');
    const cancelled = vi.fn(() => expect(forget).not.toHaveBeenCalled());
    await askEndlessly(service, bench.record.id, cancelled);
    await service.train(REQUEST);
    expect(cancelled).toHaveBeenCalledTimes(1);
    expect(forget).toHaveBeenCalledTimes(1);
    await until(isPhase('finished'));
  });

  it('that cannot store a new run says so, keeps nothing of it, and can train when there is room', async () => {
    const bench = await RunBench.create();
    const { service, until } = await openTab(bench, new FakeLocks().of('a'));
    const { datasets, runs } = bench.services;
    const before = [await datasets.list(), await runs.list()];
    for (let n = 1; n <= 2; n++) {
      await withFailingWrite(n, 'in the call', async () => {
        await expect(service.train(REQUEST)).rejects.toThrow(QuotaError);
      });
      expect([await datasets.list(), await runs.list()]).toEqual(before);
    }
    await service.train(REQUEST);
    await until(isPhase('finished'));
  });

  it('refuses what cannot be trained and leaves the lock alone', async () => {
    const bench = await RunBench.create();
    const { service, lockStates } = await openTab(bench, new FakeLocks().of('a'));
    const train = (change: Partial<RunRequest>) => service.train({ ...REQUEST, ...change });
    await expect(train({ modelId: 'other' })).rejects.toThrow('the model is not installed');
    await expect(train({ datasetId: 'gone' })).rejects.toThrow('drop its files again');
    const shorter = { ...CONFIG, max_seq_length: CONFIG.max_seq_length / 2 };
    await expect(train({ config: shorter })).rejects.toThrow('tokenised for another model');
    await expect(train({ config: { ...CONFIG, r: -1 } })).rejects.toThrow(/^r is -1/);
    await expect(service.resume('gone')).rejects.toThrow('not stored here any more');
    expect(lockStates().at(-1)).toBe('free');
  });
});
