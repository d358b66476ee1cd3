import { describe, expect, it } from 'vitest';
import type { measureTrainingPace, PacedTraining } from '../../src/model/training-pace';
import { GpuAccess } from '../../src/worker/gpu-access';
import { MeasuredPace } from '../../src/worker/measured-pace';
import { FakeGpu } from './fake-gpu';

const PACE = { secondsPerLaunch: 1e-5, secondsPerMultiplyAdd: 1e-9 };
/** What is measured is the fake's affair. */
const TRAINING = {} as PacedTraining;

function bench(measure: typeof measureTrainingPace) {
  const fake = new FakeGpu();
  const state = { free: true, measured: 0 };
  const gpu = new GpuAccess(() => fake.instance);
  const pace = new MeasuredPace({
    gpu,
    isFree: () => Promise.resolve(state.free),
    wait: () => new Promise((resolve) => setImmediate(resolve)),
    measure: (...parts) => {
      state.measured += 1;
      return measure(...parts);
    },
  });
  return { fake, gpu, pace, state };
}

/** Ends when it is put aside. */
const endless: typeof measureTrainingPace = (_, __, signal) =>
  new Promise((___, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error));
  });

describe('the measured pace', () => {
  it('is measured once for each kind of run, also where two ask at once', async () => {
    const { pace, state } = bench(() => Promise.resolve(PACE));
    expect(await Promise.all([pace.of('a', TRAINING), pace.of('a', TRAINING)])).toEqual([
      PACE,
      PACE,
    ]);
    expect(await pace.of('a', TRAINING)).toEqual(PACE);
    expect(state.measured).toBe(1);
    await pace.of('b', TRAINING);
    expect(state.measured).toBe(2);
  });

  it('is not measured while someone else is at work, but later', async () => {
    const { fake, pace, state } = bench(() => Promise.resolve(PACE));
    state.free = false;
    expect(await pace.of('a', TRAINING)).toBeNull();
    expect(fake.opened).toBe(0);
    state.free = true;
    expect(await pace.of('a', TRAINING)).toEqual(PACE);
  });

  it('is put aside at once for whoever needs the GPU, and measured when it is asked for again', async () => {
    const { pace, state } = bench(endless);
    const asked = pace.of('a', TRAINING);
    while (state.measured === 0) await new Promise((resolve) => setImmediate(resolve));
    pace.putAside();
    expect(await asked).toBeNull();
    void pace.of('a', TRAINING);
    while (state.measured === 1) await new Promise((resolve) => setImmediate(resolve));
    pace.putAside();
  });

  it('is not even begun when it was put aside while the GPU was opened', async () => {
    const { pace, state } = bench(endless);
    const asked = pace.of('a', TRAINING);
    pace.putAside();
    expect(await asked).toBeNull();
    expect(state.measured).toBe(0);
  });

  it('gives way to that of another kind', async () => {
    const { pace } = bench((...parts) =>
      parts[1] === TRAINING ? endless(...parts) : Promise.resolve(PACE),
    );
    const first = pace.of('a', TRAINING);
    expect(await pace.of('b', { ...TRAINING })).toEqual(PACE);
    expect(await first).toBeNull();
  });

  it('survives the loss of the GPU, and is not tried again', async () => {
    const made = bench(() => {
      made.fake.lose();
      return Promise.reject(new Error('the device is lost'));
    });
    expect(await made.pace.of('a', TRAINING)).toBeNull();
    expect(made.gpu.current).toBeUndefined();
    expect(await made.pace.of('a', TRAINING)).toBeNull();
    expect(made.state.measured).toBe(1);
  });

  it('counts a loss as the browser does: after the second in two minutes nothing is measured', async () => {
    const made = bench(() => {
      made.fake.lose();
      return Promise.reject(new Error('the device is lost'));
    });
    await made.pace.of('a', TRAINING);
    expect(made.gpu.waitMilliseconds).toBe(0);
    await made.pace.of('b', TRAINING);
    expect(made.gpu.waitMilliseconds).toBeGreaterThan(0);
    expect(await made.pace.of('c', TRAINING)).toBeNull();
    expect(made.fake.opened).toBe(2);
  });
});
