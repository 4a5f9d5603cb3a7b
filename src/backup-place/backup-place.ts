/**
 * The seam of places that backups go to and come from. What the types cannot say:
 *
 * - A backup has its name only once it is whole and lasting, and is never written over anything.
 * - `removable` and `prepare` look at what a schedule of that very store made, and at nothing else.
 * - Nobody but the holder of the duty calls `prepare`, `removable` and `remove`.
 */
import { CofferError } from '../errors.ts';

/** What a backup's header says of it, as far as places ask. */
export interface BackupFacts {
  /** Uuids. */
  readonly id: string;
  readonly storeId: string;
  /** Milliseconds: the moment that its records are of. */
  readonly createdAt: number;
  readonly origin: 'request' | 'schedule' | 'offline';
}

/** A backup in the making. */
export interface NewBackup {
  /** As people see it: where it will be. */
  readonly path: string;
  readonly bytes: number;
  write(piece: Buffer): Promise<void>;
  /** It is there. Rejects with `conflict` if something took the name meanwhile. */
  finish(): Promise<void>;
  /** Leaves nothing behind, as far as that can be done. Never rejects. */
  discard(): Promise<void>;
}

export interface KeptBackup {
  readonly name: string;
  readonly storeId: string;
  /** Milliseconds. */
  readonly createdAt: number;
}

export interface BackupPlace {
  /** As people see it: a directory, `s3://bucket/prefix/`. */
  readonly name: string;
  /** Makes it ready, and takes away what a killed process left half written. Throws where it cannot be used. */
  prepare(storeId: string): Promise<void>;
  /** @param signal gives up what is being sent */
  begin(facts: BackupFacts, signal?: AbortSignal): Promise<NewBackup>;
  /** What schedules of the store made, oldest first. */
  removable(storeId: string): Promise<readonly KeptBackup[]>;
  remove(name: string): Promise<void>;
  /** Every backup of a name as ours, oldest first, whoever made it. */
  list(): Promise<readonly KeptBackup[]>;
  /** Its bytes from the beginning; each call reads anew. */
  read(name: string): AsyncIterable<Buffer>;
  close(): void;
}

/** `coffer-<store id>-<time>`, then `mark`, then `.backup`; times sort as they follow each other. */
export function backupName(
  { storeId, createdAt }: Pick<BackupFacts, 'storeId' | 'createdAt'>,
  mark = '',
): string {
  const time = new Date(createdAt).toISOString().replace(/[-:]/g, '').replace('.', '');
  return `coffer-${storeId}-${time}${mark}.backup`;
}

const named =
  /^coffer-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})-(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\d{3})Z(-[a-z]+)?\.backup$/;

/** Undefined for what is not named as a backup is. */
export function parseBackupName(name: string): (KeptBackup & { readonly mark: string }) | undefined {
  const [, storeId, year, month, day, hour, minute, second, millisecond, mark = ''] = named.exec(name) ?? [];
  if (storeId === undefined) return undefined;
  const createdAt = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}.${millisecond}Z`);
  return Number.isNaN(createdAt) ? undefined : { name, storeId, createdAt, mark };
}

export function inOrder<T extends KeptBackup>(backups: readonly T[]): readonly T[] {
  return backups.toSorted(
    (one, other) => one.createdAt - other.createdAt || (one.name < other.name ? -1 : 1),
  );
}

/** The newest, of one store where it is named. Throws `not_found` where there is none, `invalid_request` where several stores have some. */
export function newestOf(backups: readonly KeptBackup[], where: string, storeId?: string): KeptBackup {
  const fitting = storeId === undefined ? backups : backups.filter((each) => each.storeId === storeId);
  const newest = inOrder(fitting).at(-1);
  if (newest === undefined)
    throw new CofferError(
      'not_found',
      `there is no backup in ${where}: looked for are files of the names that the program gives`,
    );
  const stores = new Set(fitting.map((each) => each.storeId));
  if (stores.size === 1) return newest;
  throw new CofferError(
    'invalid_request',
    `${where} has backups of ${stores.size} stores: name one (${[...stores].slice(0, 5).join(', ')})`,
  );
}
