/** An account and its devices at rest. Each device is a record of its own: what makes codes lies by itself, and is never shown. */
import { decodeStored, encodeStored } from '../../core/stored-json.ts';
import type { View, ViewExpectation } from '../../core/view.ts';
import type { Revision } from '../../storage/storage.ts';
import type { TokenSettings } from '../token-fields.ts';
import { type AccountName, fullName } from './names.ts';
import type { Seed } from './seed.ts';

/** Whom a login needs besides: nobody, somebody else of the account's list, or another device of the same person. */
export const seconds = ['', 'person', 'device'] as const;
export type Second = (typeof seconds)[number];

/** Devices of an account: as many places, whether they are taken or not, are looked at for each login. */
export const mostDevices = 4;

export interface DeviceEntry {
  /** As its administrator or its owner calls it. */
  readonly id: string;
  /** A uuid: tokens go back to this device, not to whichever has its id later. */
  readonly uid: string;
  /** Its place among the account's, from 0. */
  readonly slot: number;
  readonly disabled: boolean;
  /** How it came: with a URL by an administrator, or by the person's own hand, with a server or without. */
  readonly source: 'import' | 'enrolment' | 'inbox';
  /** Milliseconds. */
  readonly addedAt: number;
}

export interface AccountRecord extends AccountName {
  /** Both names, as `fullName` has them. */
  readonly name: string;
  /** A uuid: tokens are of this account, not of whichever has its name later. */
  readonly id: string;
  /** Counts changes by administrators, for check-and-set. */
  readonly version: number;
  readonly token: TokenSettings;
  /** What may be asked for at a login; exact, in either case. */
  readonly roles: readonly string[];
  /** Accounts of the same issuer who may be the second person. */
  readonly authorizers: readonly string[];
  readonly second: Second;
  readonly disabled: boolean;
  /** Notifiers that accept the notice of a login before it counts. */
  readonly notify: readonly string[];
  readonly devices: readonly DeviceEntry[];
  /** Keyed hashes of recovery codes that were not used. */
  readonly recovery: readonly string[];
  /** Keyed hash of the one invitation that is good. */
  readonly invitation: string | null;
}

export interface DeviceRecord extends Seed {
  readonly uid: string;
  /** The latest step whose code was accepted; -1 for none. It and all before it are used up. */
  readonly lastStep: number;
}

export interface ReadAccount {
  readonly account: AccountRecord;
  readonly revision: Revision;
}

/** What a view answers for a path. */
export type Sealed = Awaited<ReturnType<View['read']>>;

export const accountFolder = 'account/';

export function accountPath(name: AccountName): string {
  return accountFolder + fullName(name);
}

/** Each place of a device has a path of its own, which is the identity that its record is sealed for. */
export function devicePath(name: AccountName, slot: number): string {
  return `device/${fullName(name)}/${slot}`;
}

export function devicePaths(name: AccountName): readonly string[] {
  return Array.from({ length: mostDevices }, (_, slot) => devicePath(name, slot));
}

export function decodeAccount(sealed: Sealed): ReadAccount | undefined {
  return sealed === undefined
    ? undefined
    : { account: decodeStored<AccountRecord>(sealed.open()), revision: sealed.revision };
}

export function encodeAccount(account: AccountRecord): Buffer {
  return encodeStored(account);
}

export async function readAccount(view: View, name: AccountName): Promise<ReadAccount | undefined> {
  return decodeAccount(await view.read(accountPath(name)));
}

/** That an account is still as it was read; absent where there was none. */
export function accountExpectation(name: AccountName, read: ReadAccount | undefined): ViewExpectation {
  return { path: accountPath(name), revision: read?.revision ?? null };
}

export function encodeDevice({ key, ...rest }: DeviceRecord): Buffer {
  return encodeStored({ ...rest, key: key.toString('base64') });
}

export function decodeDevice(bytes: Buffer): DeviceRecord {
  const stored = decodeStored<Omit<DeviceRecord, 'key'> & { readonly key: string }>(bytes);
  return { ...stored, key: Buffer.from(stored.key, 'base64') };
}

/** The first place that no device has; undefined where all are taken. */
export function freeSlot({ devices }: AccountRecord): number | undefined {
  for (let slot = 0; slot < mostDevices; slot++) {
    if (devices.every((device) => device.slot !== slot)) return slot;
  }
  return undefined;
}
