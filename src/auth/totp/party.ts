/**
 * One of those who show a code: read in one snapshot with everything about them, by the same paths and with the same work whether there
 * is such an account or not.
 */
import type { Attempt, AttemptChange, Lockout } from '../../core/lockout/lockout.ts';
import { encodeStored } from '../../core/stored-json.ts';
import type { View } from '../../core/view.ts';
import { CofferError } from '../../errors.ts';
import {
  accountPath,
  decodeAccount,
  decodeDevice,
  devicePaths,
  type ReadAccount,
  type Sealed,
} from './account.ts';
import type { LiveDevice } from './codes.ts';
import { type AccountName, fullName } from './names.ts';

export interface Party {
  readonly name: AccountName;
  /** Undefined where there is no such account. */
  readonly read: ReadAccount | undefined;
  /** By their places: those that are there and not disabled. */
  readonly devices: readonly (LiveDevice | undefined)[];
  readonly lockPath: string;
  readonly lock: Sealed;
}

/** The paths of all that is to be known of a party, for a multi-get: the account, its lock, its places for devices. */
export function partyPaths(lockout: Lockout, name: AccountName): readonly string[] {
  return [accountPath(name), lockout.pathOf(fullName(name)), ...devicePaths(name)];
}

/** @param paths `partyPaths` @param sealed what these hold, in their order */
export function partyOf(name: AccountName, paths: readonly string[], sealed: readonly Sealed[]): Party {
  const [account, lock, ...places] = sealed;
  const read = decodeAccount(account);
  const devices = places.map((record, slot) => liveDevice(read, slot, record));
  return { name, read, devices, lockPath: paths[1] ?? '', lock };
}

/** A record that the account's list does not vouch for is none: it may be one of a device that is long gone. */
function liveDevice(read: ReadAccount | undefined, slot: number, sealed: Sealed): LiveDevice | undefined {
  const entry = read?.account.devices.find((device) => device.slot === slot);
  if (entry === undefined || entry.disabled || sealed === undefined) return undefined;
  const record = decodeDevice(sealed.open());
  return record.uid === entry.uid ? { entry, record, revision: sealed.revision } : undefined;
}

/** How an attempt stands with the lock-out. */
export type Standing =
  | { readonly kind: 'open'; readonly attempt: Attempt }
  /** No such account: counted elsewhere. */
  | { readonly kind: 'nobody'; readonly attempt: Pick<Attempt, 'failed'> }
  | { readonly kind: 'locked' };

/** Whether a party's codes are looked at from this address now. */
export async function standingOf(
  lockout: Lockout,
  view: View,
  { name, read, lockPath: path, lock: sealed }: Party,
  address: string,
): Promise<Standing> {
  try {
    if (read === undefined) {
      return { kind: 'nobody', attempt: await lockout.attemptOfNobody(path, address) };
    }
    const account = { path: accountPath(name), revision: read.revision };
    const tried = { name: fullName(name), path, sealed, account };
    return { kind: 'open', attempt: lockout.attempt(view, tried, address) };
  } catch (error) {
    if (error instanceof CofferError && error.code === 'permission_denied') return { kind: 'locked' };
    throw error;
  }
}

/** Records that take the writes which an account's failure would: names that are not there fill no store. */
const decoys = 64;

/**
 * What a refusal writes for a party. For a name without an account, and for one whose failure is not to be told from others, a record
 * is written that means nothing: how long the answer takes must not say more than the answer.
 * @param place of the party among those of the attempt
 */
export function refusalOf(party: Party, standing: Standing, counts: boolean, place: number): AttemptChange {
  if (standing.kind === 'open') return standing.attempt.refused({ counts });
  const bucket = Buffer.from(party.lockPath).reduce((sum, byte) => (sum * 31 + byte) % decoys, 0);
  const value = encodeStored({ name: fullName(party.name).slice(0, 64), origins: [] });
  return { writes: [{ path: `decoy/${place}/${bucket}`, value }], expectations: [] };
}
