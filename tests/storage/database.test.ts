import { describe, expect, it } from 'vitest';
import { InputError } from '../../src/errors';
import { openDatabase, write } from '../../src/storage/database';
import { QuotaError } from '../../src/storage/errors';
import { MIGRATIONS, type Migration } from '../../src/storage/schema';
import { contents, freshDatabase, freshName, quotaExceeded, run } from './fresh-database';

describe('openDatabase', () => {
  it('makes every store at once or version by version, with the same result', async () => {
    const whole = await freshDatabase();
    const name = freshName();
    for (let version = 1; version < MIGRATIONS.length; version++) {
      (await openDatabase({ name, migrations: MIGRATIONS.slice(0, version) })).close();
    }
    const stepwise = await freshDatabase({ name });
    expect(stepwise.version).toBe(MIGRATIONS.length);
    const shape = (database: typeof whole) => {
      const names = [...database.objectStoreNames];
      const transaction = database.transaction(names);
      return names.map((store) => {
        const { keyPath, autoIncrement, indexNames } = transaction.objectStore(store);
        return [store, keyPath, autoIncrement, [...indexNames]];
      });
    };
    expect(shape(stepwise)).toEqual(shape(whole));
    expect(shape(whole).map(([store]) => store)).toEqual([
      'checkpointParts',
      'checkpoints',
      'datasets',
      'metrics',
      'models',
      'runs',
    ]);
  });

  it('keeps what older versions stored', async () => {
    const name = freshName();
    const old = await openDatabase({ name, migrations: MIGRATIONS.slice(0, 1) });
    await old.put('runs', run('a'));
    await old.put('checkpointParts', { sequence: 1, name: 'p', bytes: new Uint8Array([1, 2]) });
    old.close();
    const database = await freshDatabase({ name });
    expect(await database.getAll('runs')).toEqual([run('a')]);
    expect((await database.getAll('checkpointParts'))[0]?.bytes).toEqual(new Uint8Array([1, 2]));
    expect(await database.getAll('models')).toEqual([]);
  });

  it('runs a migration that rewrites records, and none of it when it fails', async () => {
    const name = freshName();
    const first = await openDatabase({ name });
    await first.put('runs', run('a'));
    first.close();
    const rename: Migration = async (_database, transaction) => {
      const runs = transaction.objectStore('runs');
      for (const each of await runs.getAll()) await runs.put({ ...each, name: 'renamed' });
    };
    const fail: Migration = () => Promise.reject(new Error('a migration that fails'));
    await expect(openDatabase({ name, migrations: [...MIGRATIONS, rename, fail] })).rejects.toThrow(
      'a migration that fails',
    );
    const unchanged = await openDatabase({ name });
    expect((await unchanged.get('runs', 'a'))?.name).toBe('Run a');
    unchanged.close();
    const migrated = await freshDatabase({ name, migrations: [...MIGRATIONS, rename] });
    expect((await migrated.get('runs', 'a'))?.name).toBe('renamed');
  });

  it('refuses a database of a newer version with a sentence', async () => {
    const name = freshName();
    const newer = await openDatabase({ name, migrations: [...MIGRATIONS, () => undefined] });
    newer.close();
    await expect(openDatabase({ name })).rejects.toThrow(InputError);
    await expect(openDatabase({ name })).rejects.toThrow('a newer version of the page');
  });

  it('makes way for an upgrade by another tab, and says so', async () => {
    const name = freshName();
    let closed = 0;
    await freshDatabase({ name, onClosed: () => closed++ });
    await freshDatabase({ name, migrations: [...MIGRATIONS, () => undefined] });
    expect(closed).toBe(1);
  });

  it('has an upgrade by another tab wait while a run depends on it', async () => {
    const name = freshName();
    const upgraded = { name, migrations: [...MIGRATIONS, () => undefined] };
    let inUse = true;
    const database = await freshDatabase({ name, isInUse: () => inUse });
    await expect(openDatabase(upgraded)).rejects.toThrow('stop or pause its run');
    await database.put('runs', run('a'));
    expect((await database.get('runs', 'a'))?.name).toBe('Run a');
    inUse = false;
    database.close();
    expect((await freshDatabase(upgraded)).version).toBe(upgraded.migrations.length);
  });
});

describe('write', () => {
  it('does all or nothing, and gives the reason', async () => {
    const database = await freshDatabase();
    const before = await contents(database);
    const failing = write(database, ['runs'], 'the run', async (transaction) => {
      await transaction.objectStore('runs').put(run('a'));
      throw new Error('a fault in between');
    });
    await expect(failing).rejects.toThrow('a fault in between');
    expect(await contents(database)).toEqual(before);
    const full = write(database, ['runs'], 'the run', async (transaction) => {
      await transaction.objectStore('runs').put(run('a'));
      throw quotaExceeded();
    });
    await expect(full).rejects.toThrow(QuotaError);
    expect(await contents(database)).toEqual(before);
    const result = write(database, ['runs'], 'the run', (transaction) =>
      transaction.objectStore('runs').put(run('a')),
    );
    expect(await result).toBe('a');
  });

  it('asks for strict durability', async () => {
    const database = await freshDatabase();
    await write(database, ['runs'], 'the run', (transaction) => {
      expect(transaction.durability).toBe('strict');
      return Promise.resolve();
    });
  });
});
