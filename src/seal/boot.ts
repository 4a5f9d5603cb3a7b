/**
 * What makes a place a store: three records that are there from its first commit on and can be found before any key is known. The
 * header and the slots are in the clear; the keyring is sealed under the root key that a slot yields.
 */
import { CofferError } from '../errors.ts';
import { parseStorageKey, type Revision, type Storage, type Write } from '../storage/storage.ts';
import { decodeBootRecord } from './boot-record.ts';
import { decodeMigrationMark, markedRefusal, migratingKey } from './migration-mark.ts';
import { decodeSlots, encodeSlots, isUuid, type Slot } from './slots.ts';

export const bootKeys = {
  header: parseStorageKey('boot/store'),
  slots: parseStorageKey('boot/slots'),
  keyring: parseStorageKey('core/keyring'),
} as const;

/** There while a backup is being restored into this place, and after a restore that was cut off. In the clear. */
export const restoringKey = parseStorageKey('boot/restoring');

/** There while somebody has sealed the store on purpose. In the clear. */
export const sealMarkKey = parseStorageKey('boot/seal-state');

/** There in a safe of the command line's own, which no server serves. In the clear: a `format` and nothing else. */
export const safeKey = parseStorageKey('boot/safe');

/** Whether a server serves a store, or the command line opens it by itself. */
export type StoreUse = 'server' | 'safe';

const format = 1;

export interface StoreHeader {
  readonly format: typeof format;
  /** A uuid in lower case; keyfiles, slots and the keyring are bound to it. */
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
}

export type Boot =
  /** Nothing at all is stored here. */
  | { readonly kind: 'empty' }
  | {
      readonly kind: 'store';
      readonly header: StoreHeader;
      readonly slots: readonly Slot[];
      /** For an expectation when slots are changed. */
      readonly slotsRevision: Revision;
      /** Whether somebody has sealed it on purpose, as of the same snapshot. */
      readonly markedSealed: boolean;
    };

/**
 * Looks what rests in this place. Throws `store_unusable` if a newer Coffer wrote it, if it is for another use, or if it is neither
 * empty nor a whole store, saying what is missing; `integrity` if what is there is damaged.
 */
export async function readBoot(storage: Storage, use: StoreUse = 'server'): Promise<Boot> {
  const seen = await look(storage, use);
  if (seen.kind !== 'foreign') return seen;
  // Another process may have made the store between the two reads of a look. A store is made in one commit: of one that
  // has shown anything the next look sees all.
  const again = await look(storage, use);
  if (again.kind !== 'foreign') return again;
  throw new CofferError(
    'store_unusable',
    'this place holds data, but no store of Coffer: is it the right place?',
  );
}

async function look(storage: Storage, use: StoreUse): Promise<Boot | { readonly kind: 'foreign' }> {
  const [header, slots, keyring, restoring, migrating, safe, sealMark] = await storage.readMany([
    bootKeys.header,
    bootKeys.slots,
    bootKeys.keyring,
    restoringKey,
    migratingKey,
    safeKey,
    sealMarkKey,
  ]);
  if (safe !== undefined && use === 'server') {
    throw new CofferError(
      'store_unusable',
      'this is a safe of the command line and no store of a server: open it with --safe file:PATH',
    );
  }
  if (migrating !== undefined) throw markedRefusal(decodeMigrationMark(migrating.value));
  if (restoring !== undefined) {
    throw new CofferError(
      'store_unusable',
      'a backup is being restored into this place, or its restore was cut off: run `coffer operator restore` again',
    );
  }
  if (header === undefined && slots === undefined && keyring === undefined) {
    const { items } = await storage.children('', { limit: 1 });
    return items.length === 0 ? { kind: 'empty' } : { kind: 'foreign' };
  }
  // The header first: if a newer Coffer wrote it, what else there should be is not for us to say.
  const decoded = header && decodeHeader(header.value);
  if (decoded === undefined || slots === undefined || keyring === undefined) {
    throw halfWritten([
      [bootKeys.header, header],
      [bootKeys.slots, slots],
      [bootKeys.keyring, keyring],
    ]);
  }
  if (safe !== undefined) decodeBootRecord(safe.value, { name: 'the mark of a safe', format, members: [] });
  else if (use === 'safe') {
    throw new CofferError(
      'store_unusable',
      "this is a server's store and no safe of the command line: name the server with --safe https://HOST:PORT/MOUNT",
    );
  }
  return {
    kind: 'store',
    header: decoded,
    slots: decodeSlots(slots.value),
    slotsRevision: slots.revision,
    markedSealed: sealMark !== undefined,
  };
}

/** The clear part of the commit that makes a store. Throws `invalid_request` for slots or an id that make no sense. */
export function bootWrites(header: StoreHeader, slots: readonly Slot[]): readonly Write[] {
  return [
    { key: bootKeys.header, value: encodeHeader(header) },
    { key: bootKeys.slots, value: encodeSlots(slots) },
  ];
}

/** What `safeKey` holds. */
export function encodeSafeMark(): Buffer {
  return Buffer.from(JSON.stringify({ format }));
}

export function encodeHeader({ id, createdAt }: StoreHeader): Buffer {
  if (!isUuid(id) || !isTime(createdAt)) {
    throw new CofferError('invalid_request', 'a store has a uuid in lower case and a time of creation');
  }
  return Buffer.from(JSON.stringify({ format, id, created_at: createdAt }));
}

/** Throws `store_unusable` for a later format, `integrity` for what is no header. */
export function decodeHeader(bytes: Buffer): StoreHeader {
  const name = "the store's header";
  const { id, created_at: createdAt } = decodeBootRecord(bytes, {
    name,
    format,
    members: ['id', 'created_at'],
  });
  if (!isUuid(id) || !isTime(createdAt)) throw new CofferError('integrity', `${name} is damaged`);
  return { format, id, createdAt };
}

function isTime(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function halfWritten(records: readonly (readonly [string, unknown])[]): CofferError {
  const missing = records.filter(([, record]) => record === undefined).map(([key]) => key);
  return new CofferError(
    'store_unusable',
    `half-written store: ${missing.join(' and ')} missing. Restore it from a backup, or begin again in an empty place`,
  );
}
