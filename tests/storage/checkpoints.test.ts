import { describe, expect, it } from 'vitest';
import { readAll } from '../../src/formats/byte-source';
import { bestCheckpoint, CheckpointStore } from '../../src/storage/checkpoints';
import { QuotaError } from '../../src/storage/errors';
import type { Database } from '../../src/storage/schema';
import type { CheckpointFile } from '../../src/train/checkpoint-files';
import { contents, freshDatabase, withFailingWrite } from './fresh-database';

/** Files whose bytes tell their step. */
const files = (step: number): CheckpointFile[] =>
  ['parameters.safetensors', 'metrics.jsonl', 'checkpoint.json'].map((name, i) => ({
    name,
    bytes: new Uint8Array(100 + i).fill(step),
  }));

async function saveAll(
  database: Database,
  evalLosses: (number | null)[],
): Promise<CheckpointStore> {
  const store = new CheckpointStore(database);
  for (const [index, evalLoss] of evalLosses.entries()) {
    await store.save({ runId: 'a', step: index + 1, evalLoss }, files(index + 1));
  }
  return store;
}

/** The steps of a run's checkpoints, newest first, each read back whole. */
async function intactSteps(store: CheckpointStore, runId = 'a'): Promise<number[]> {
  const records = await store.list(runId);
  for (const record of records) {
    const folder = store.folder(record);
    const found: CheckpointFile[] = [];
    for (const name of folder.files) {
      const source = await folder.open(name);
      if (source !== undefined) found.push({ name, bytes: await readAll(source, 1000) });
    }
    expect(found).toEqual(files(record.step));
    expect(await folder.open('nothing')).toBeUndefined();
  }
  return records.map(({ step }) => step);
}

describe('CheckpointStore', () => {
  it.each([
    [[null], [1]],
    [
      [null, null, null, null],
      [4, 3],
    ],
    [
      [3, 1, 2, 2.5, null],
      [5, 4, 2],
    ],
    [
      [3, 2, 1, 0.5],
      [4, 3],
    ],
    [
      [1, 1, 1, 1],
      [4, 3, 1],
    ],
    [
      [NaN, 2, NaN, NaN],
      [4, 3, 2],
    ],
  ])(
    'after evaluation losses %j keeps the steps %j: the last two and the best',
    async (losses, kept) => {
      const database = await freshDatabase();
      expect(await intactSteps(await saveAll(database, losses))).toEqual(kept);
      expect((await database.getAll('checkpointParts')).length).toBe(3 * kept.length);
    },
  );

  it('takes the checkpoint saved last as the newest, also when a run went back', async () => {
    const store = await saveAll(await freshDatabase(), [null, null, null]);
    await store.save({ runId: 'a', step: 2, evalLoss: null }, files(2));
    expect(await intactSteps(store)).toEqual([2, 3]);
  });

  it('leaves the checkpoints of other runs alone', async () => {
    const store = await saveAll(await freshDatabase(), [1, 2, 3]);
    for (const step of [1, 2, 3])
      await store.save({ runId: 'b', step, evalLoss: null }, files(step));
    expect(await intactSteps(store)).toEqual([3, 2, 1]);
    expect(await intactSteps(store, 'b')).toEqual([3, 2]);
  });

  it('names the best, the older of two equals', async () => {
    const store = await saveAll(await freshDatabase(), [2, 1, 1]);
    const records = await store.list('a');
    expect(bestCheckpoint(records)?.step).toBe(2);
    expect(bestCheckpoint([])).toBeUndefined();
  });

  it.each(['in the call', 'afterwards'] as const)(
    'loses nothing when the storage is full at the n-th write, for every n (%s)',
    async (way) => {
      const losses = [1, 3, 2];
      for (let n = 1; ; n++) {
        const database = await freshDatabase();
        const store = await saveAll(database, losses);
        const before = await contents(database);
        let failure: unknown;
        const wasReached = await withFailingWrite(n, way, () =>
          store.save({ runId: 'a', step: 4, evalLoss: null }, files(4)).catch((error: unknown) => {
            failure = error;
          }),
        );
        if (!wasReached) {
          // One record, its three parts, and the deletion of the one that is superseded, parts and record.
          expect(n - 1).toBe(6);
          expect(failure).toBeUndefined();
          expect(await intactSteps(store)).toEqual([4, 3, 1]);
          return;
        }
        expect(failure).toBeInstanceOf(QuotaError);
        expect((failure as QuotaError).message).toContain('the checkpoint could not be stored');
        expect(await contents(database)).toEqual(before);
        expect(await intactSteps(store)).toEqual([3, 2, 1]);
        // With room again, the same save goes through.
        await store.save({ runId: 'a', step: 4, evalLoss: null }, files(4));
        expect(await intactSteps(store)).toEqual([4, 3, 1]);
      }
    },
  );
});
