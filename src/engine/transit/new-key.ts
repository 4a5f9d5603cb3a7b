/** Making a named key. */
import type { View } from '../../core/view.ts';
import { randomUuid } from '../../crypto/random.ts';
import { CofferError, ConflictError } from '../../errors.ts';
import type { Rooms } from './environment.ts';
import { generateVersion } from './generate.ts';
import { type KeyRecord, keyPath } from './key-record.ts';
import { derives, type KeyType } from './key-types.ts';

export interface KeyWish {
  readonly name: string;
  readonly type: KeyType;
  readonly derived: boolean;
  readonly convergent: boolean;
  readonly exportable: boolean;
  readonly allowPlaintextBackup: boolean;
  readonly autoRotatePeriod: number;
  /** Bytes of an hmac key; 0 for the usual. */
  readonly keySize: number;
}

/** Bytes of hmac keys: as long as SHA-256's digest at least (RFC 2104 §3). */
const usualHmacBytes = 32;
export const mostHmacBytes = 512;
const shortestPeriod = 3_600;

/** Throws `invalid_request` for settings that do not go together. */
export function checkWish({ type, derived, convergent, autoRotatePeriod, keySize }: KeyWish): void {
  const refuse = (why: string) => new CofferError('invalid_request', why);
  checkPeriod(autoRotatePeriod);
  if (convergent && !derived) throw refuse('convergent encryption requires derivation to be enabled');
  if (derived && !derives(type)) {
    throw refuse(`key derivation and convergent encryption not supported for keys of type ${type.name}`);
  }
  if (convergent && type.kind !== 'aead') {
    throw refuse(`convergent encryption not supported for keys of type ${type.name}`);
  }
  if (keySize === 0) return;
  if (type.kind !== 'hmac') throw refuse(`key_size is not valid for algorithm ${type.name}`);
  if (keySize < usualHmacBytes || keySize > mostHmacBytes) throw refuse(`invalid key_size ${keySize}`);
}

export function checkHmacBytes(length: number): boolean {
  return length >= usualHmacBytes && length <= mostHmacBytes;
}

export function checkPeriod(seconds: number): void {
  if (seconds === 0 || seconds >= shortestPeriod) return;
  throw new CofferError('invalid_request', 'auto rotate period must be 0 to disable or at least an hour');
}

/** The record of a new key with one version. */
export function newRecord({ environment }: Rooms, wish: KeyWish): KeyRecord {
  const { name, type, derived, convergent, exportable, allowPlaintextBackup, autoRotatePeriod, keySize } =
    wish;
  return {
    id: randomUuid(environment.random),
    name,
    type: type.name,
    derived,
    convergent,
    exportable,
    allowPlaintextBackup,
    deletionAllowed: false,
    autoRotatePeriod,
    keySize: type.kind === 'hmac' ? keySize || usualHmacBytes : 0,
    latestVersion: 1,
    latestAt: environment.clock.now(),
    minAvailableVersion: 0,
    minDecryptionVersion: 1,
    minEncryptionVersion: 0,
    imported: false,
    importedMayRotate: false,
  };
}

/** The key of this name: made now, or there already, whatever it is then. */
export async function createKey(
  rooms: Rooms,
  view: View,
  wish: KeyWish,
): Promise<{ readonly record: KeyRecord; readonly made: boolean }> {
  checkWish(wish);
  const { environment, keys } = rooms;
  const there = await keys.read(view, wish.name);
  if (there !== undefined) return { record: there.record, made: false };
  const record = newRecord(rooms, wish);
  const version = await generateVersion(wish.type, record.keySize, environment.random, record.latestAt);
  try {
    await keys.create(view, record, version);
    return { record, made: true };
  } catch (error) {
    const meanwhile = error instanceof ConflictError && error.key === keyPath(wish.name);
    const other = meanwhile ? await keys.read(view, wish.name) : undefined;
    if (other === undefined) throw error;
    return { record: other.record, made: false };
  }
}
