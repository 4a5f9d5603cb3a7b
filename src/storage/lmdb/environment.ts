import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import type { RootDatabase, RootDatabaseOptions } from 'lmdb';
import { CofferError } from '../../errors.ts';
import { privateFile, storeFiles } from './directory.ts';
import { Gate } from './gate.ts';

export type Database = RootDatabase<Buffer, string>;

export interface Environment {
  readonly database: Database;
  /** Absent where the directory may not be written: LMDB then writes nothing there either. */
  readonly gate: Gate | undefined;
}

/** Keys as UTF-8, which is what orders them, written straight into LMDB's key buffer. */
const keyEncoder = {
  writeKey: (key: string, target: Buffer, start: number): number => start + target.write(key, start, 'utf8'),
  readKey: (source: Buffer, start: number, end: number): string => source.toString('utf8', start, end),
};

interface EnvironmentOptions extends RootDatabaseOptions {
  readonly path: string;
  /** Mode of the files; lmdb hands it to `open(2)`. */
  readonly permissionsMode: number;
  /** Set on the database whose closing closes the environment. */
  readonly isRoot?: boolean;
}

/** What `openAsClass` gives back, which lmdb's own types do not describe as it is. */
type DatabaseConstructor = new (name: null, options: EnvironmentOptions) => Database;

/** Opens LMDB in a directory that has been prepared. Throws `store_unusable` with LMDB's word as the cause. */
export async function openEnvironment(directory: string, readOnly: boolean): Promise<Environment> {
  const lmdb = await import('lmdb');
  const options: EnvironmentOptions = {
    path: directory,
    // A directory named `store.d` would otherwise be taken for a file.
    noSubdir: false,
    readOnly,
    permissionsMode: privateFile,
    // With overlapping syncs a commit would resolve before it is on disk.
    overlappingSync: false,
    // One transaction is queued at a time (see group-commit.ts). lmdb's own batches would add a promise that nobody holds,
    // and when a commit fails its rejection would end the process.
    eventTurnBatching: false,
    encoding: 'binary',
    keyEncoder,
    cache: false,
    compression: false,
  };
  let gate: Gate | undefined;
  try {
    gate = openGate(lmdb.open, directory, readOnly);
    // Only opening the environment is behind the gate: making the database handle takes the store's write lock, whose
    // holder may be waiting for the gate.
    const openClass = () => lmdb.openAsClass(options) as unknown as DatabaseConstructor;
    const Class = gate === undefined ? openClass() : gate.run(openClass);
    const database = new Class(null, { ...options, isRoot: true });
    // Readers of processes that were killed would keep old pages from being used again.
    database.readerCheck();
    return { database, gate };
  } catch (cause) {
    await gate?.close();
    throw new CofferError('store_unusable', `LMDB can't open the store in ${directory}`, { cause });
  }
}

function openGate(
  open: (options: EnvironmentOptions) => unknown,
  directory: string,
  readOnly: boolean,
): Gate | undefined {
  if (readOnly && !isWritable(directory)) return undefined;
  const environment = open({
    path: join(directory, storeFiles.gate),
    noSubdir: true,
    permissionsMode: privateFile,
    overlappingSync: false,
    encoding: 'binary',
  });
  return new Gate(environment as Database);
}

function isWritable(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
