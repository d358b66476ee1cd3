import { openDB, type IDBPTransaction, type StoreNames } from 'idb';
import { InputError } from '../errors';
import { isAbort, quotaErrorOr } from './errors';
import { MIGRATIONS, type Database, type Migration, type Schema } from './schema';

const NAME = 'tunesmith';

export interface OpenOptions {
  name?: string;
  migrations?: readonly Migration[];
  /** Called when this connection was closed because another tab wants to bring the database to a newer version. */
  onClosed?: () => void;
  /** Whether work depends on this connection: then a newer version in another tab is refused instead of closing it. */
  isInUse?: () => boolean;
}

/**
 * Opens the database, made or brought to the current version where needed. All of an upgrade happens, or none of it.
 *
 * @throws InputError where a newer version of the program has been here, or an old tab of it keeps the database from being upgraded
 */
export async function openDatabase({
  name = NAME,
  migrations = MIGRATIONS,
  onClosed,
  isInUse = () => false,
}: OpenOptions = {}): Promise<Database> {
  let failure: unknown;
  let refuse: (error: Error) => void = () => undefined;
  const blocked = new Promise<never>((_, reject) => {
    refuse = reject;
  });
  const opening = openDB<Schema>(name, migrations.length, {
    upgrade(database, oldVersion, newVersion, transaction) {
      const due = migrations.slice(oldVersion, newVersion ?? undefined);
      // How it ends, `opening` tells.
      transaction.done.catch(() => undefined);
      migrate(due, database, transaction).catch((error: unknown) => {
        failure = error;
        abort(transaction);
      });
    },
    blocked() {
      const what =
        'the page is open in another tab in an older version; stop or pause its run, close that tab and reload';
      refuse(new InputError(what));
    },
    blocking(_currentVersion, _blockedVersion, event) {
      if (isInUse()) return;
      (event.target as IDBDatabase).close();
      onClosed?.();
    },
    terminated: onClosed,
  });
  try {
    return await Promise.race([opening, blocked]);
  } catch (error) {
    opening.then(
      (late) => late.close(),
      () => undefined,
    );
    if (error instanceof DOMException && error.name === 'VersionError') {
      const what = 'what is stored here was written by a newer version of the page; reload it';
      throw new InputError(what);
    }
    throw quotaErrorOr(failure ?? error, 'the list of runs');
  }
}

async function migrate(
  due: readonly Migration[],
  ...[database, transaction]: Parameters<Migration>
): Promise<void> {
  for (const migration of due) await migration(database, transaction);
}

export type WriteTransaction<Names extends StoreNames<Schema>[]> = IDBPTransaction<
  Schema,
  Names,
  'readwrite'
>;

/**
 * Does some writing as one transaction that is on disk when the promise resolves: all of it, or nothing when anything fails.
 *
 * @param what is written, for the message when the storage is full
 * @param work may wait for nothing but the transaction's own requests
 * @throws QuotaError when the storage is full
 */
export async function write<Names extends StoreNames<Schema>[], Result>(
  database: Database,
  stores: Names,
  what: string,
  work: (transaction: WriteTransaction<Names>) => Promise<Result>,
): Promise<Result> {
  const transaction = database.transaction(stores, 'readwrite', { durability: 'strict' });
  // Whatever makes a request fail also ends the transaction; looked at below, so that neither goes unhandled.
  const ended = transaction.done.then(
    () => ({ error: undefined }),
    (error: unknown) => ({ error: error ?? new Error(`storing ${what} was cut off`) }),
  );
  let failure: unknown;
  let result: Result | undefined;
  try {
    result = await work(transaction);
  } catch (error) {
    failure = error;
    abort(transaction);
  }
  const { error } = await ended;
  // A request that fails because its transaction was cut off knows less than the transaction.
  const cause = isAbort(failure) ? (error ?? failure) : (failure ?? error);
  if (cause !== undefined) throw quotaErrorOr(cause, what);
  return result as Result;
}

function abort(transaction: { abort(): void }): void {
  try {
    transaction.abort();
  } catch {
    // It has ended by itself.
  }
}
