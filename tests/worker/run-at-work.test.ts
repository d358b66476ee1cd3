import { describe, expect, it } from 'vitest';
import { GpuError } from '../../src/engine/gpu';
import { RunBench } from './run-bench';

async function undisturbed(): Promise<object> {
  const bench = await RunBench.create();
  await bench.begin().done;
  return bench.outcome();
}

/** A run that is told something on the n-th occasion of a kind. */
async function toldAt(
  kind: string,
  n: number,
  work: (bench: RunBench) => Promise<void>,
): Promise<{ bench: RunBench; answered: Promise<void>; after: string[] }> {
  const bench = await RunBench.create();
  let seen = 0;
  let told = false;
  /** What the run still did after it was told. */
  const after: string[] = [];
  const answered = new Promise<void>((resolve, reject) => {
    bench.onOccasion = (name) => {
      if (told) after.push(name);
      if (name !== kind || ++seen !== n || told) return;
      told = true;
      work(bench).then(resolve, reject);
    };
  });
  bench.begin();
  return { bench, answered, after };
}

/** What a run is doing, and how many more calls of what kind may follow before it obeys. */
const MOMENTS = [
  { kind: 'open', n: 1 },
  { kind: 'load', n: 2 },
  { kind: 'token', n: 2 },
  { kind: 'accumulate', n: 3 },
  { kind: 'update', n: 2 },
  { kind: 'evaluate', n: 2 },
];

describe.each(MOMENTS)('while it does "$kind" ($n)', ({ kind, n }) => {
  it('a run pauses before anything else is submitted, and goes on to the same bits', async () => {
    const { bench, answered, after } = await toldAt(kind, n, (at) => at.run.pause());
    await answered;
    expect(bench.run.phase).toBe('paused');
    // The micro-batch or token that was under way, and what a checkpoint takes.
    expect(after.filter((name) => !/^(exportState|readStep|readLoss)$/.test(name))).toEqual([]);
    const idle = after.length;
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(after.length).toBe(idle);
    await bench.run.resume();
    await bench.run.done;
    expect(await bench.outcome()).toEqual(await undisturbed());
  });

  it('a run stops before anything else is submitted, keeps what it has, and can go on', async () => {
    const { bench, answered, after } = await toldAt(kind, n, (at) => at.run.stop());
    await answered;
    const obeying = /^(exportState|readStep|readLoss|discard)$/;
    expect(after.filter((name) => !obeying.test(name))).toEqual([]);
    expect([bench.run.phase, bench.loaded]).toEqual(['stopped', 0]);
    expect(bench.notices).toEqual([]);
    const run = await bench.services.runs.get(bench.record.id);
    const stored = await bench.services.checkpoints.list(bench.record.id);
    if (stored.length > 0) expect((await bench.lastCheckpoint()).progress.step).toBe(run?.step);
    await bench.beginAgain();
    expect(await bench.outcome()).toEqual(await undisturbed());
  });
});

describe('a run at work', () => {
  it('tells what it does besides its steps, and when that is over', async () => {
    const bench = await RunBench.create();
    await bench.begin().done;
    const told = bench.events.flatMap((event) =>
      event.type === 'progress' ? [event.progress] : [],
    );
    const activities = told.map((progress) => progress?.activity ?? null);
    const each = activities.filter((activity, index) => activity !== activities[index - 1]);
    const samples = ['Writing sample 1 of 2', 'Writing sample 2 of 2', null];
    expect(each).toEqual([
      'Loading the model',
      ...samples,
      ...['Evaluating', null],
      ...samples,
      ...['Evaluating', null],
      ...samples,
    ]);
    const tokens = told.filter((progress) => progress?.unit === 'tokens');
    expect(tokens.at(-1)).toEqual({ activity: samples[1], done: 3, total: 3, unit: 'tokens' });
  });

  it('whose memory does not suffice fails with what to do, and another may be begun', async () => {
    const bench = await RunBench.create();
    const message = 'Allocating 3 tensors (embedding): the GPU is out of memory.';
    bench.onOccasion = (name) => {
      if (name === 'load') throw new GpuError({ kind: 'out-of-memory', message });
    };
    await bench.begin().done;
    const run = await bench.services.runs.get(bench.record.id);
    expect(run?.phase).toBe('failed');
    expect(run?.failure).toBe(
      `${message} Take a smaller model, a shorter max_seq_length or a smaller micro_batch_size, and turn gradient checkpointing on.`,
    );
    expect(bench.waits).toEqual([]);
    bench.onOccasion = () => undefined;
    await bench.beginAgain();
    expect(await bench.outcome()).toEqual(await undisturbed());
  });

  it('that was paused at its last moment is finished, not paused', async () => {
    const { bench, answered } = await toldAt('exportState', 5, (at) => at.run.pause());
    await answered;
    await bench.run.done;
    expect(bench.phases).toEqual(['training', 'finished']);
  });

  it('that was renamed meanwhile keeps its new name', async () => {
    const { bench, answered } = await toldAt('update', 2, async ({ services, record }) => {
      await services.runs.rename(record.id, 'Another name');
    });
    await answered;
    await bench.run.done;
    expect((await bench.services.runs.get(bench.record.id))?.name).toBe('Another name');
    expect(bench.summaries.at(-1)?.name).toBe('Another name');
  });
});
