/**
 * Invitations to enrol a device: secrets that are good once, each for one account, kept by a keyed hash. An account has one at a time;
 * another one takes its place. Between start and finish it holds what the new device makes its codes of.
 */
import { retryOnConflict } from '../../core/retry.ts';
import { decodeStored, encodeStored } from '../../core/stored-json.ts';
import type { DueEntry, View, ViewExpectation, ViewWrite } from '../../core/view.ts';
import type { EngineEnvironment } from '../../engine/engine.ts';
import { CofferError } from '../../errors.ts';
import {
  type AccountRecord,
  accountExpectation,
  accountPath,
  encodeAccount,
  freeSlot,
  mostDevices,
  type ReadAccount,
  readAccount,
} from './account.ts';
import { parseDeviceId } from './devices.ts';
import type { AccountName } from './names.ts';
import type { Seed } from './seed.ts';

export interface Invitation extends AccountName {
  /** Of the account it is for, not of whichever has its name later. */
  readonly accountId: string;
  /** Id of the device to come. */
  readonly device: string;
  /** Uid of the device that goes when it comes; empty for none. */
  readonly replaces: string;
  /** Milliseconds. */
  readonly expiresAt: number;
  /** Pairs of codes that were wrong. */
  readonly wrong: number;
  /** Undefined until it is started. */
  readonly seed: Seed | undefined;
}

export interface ReadInvitation {
  readonly invitation: Invitation;
  readonly digest: string;
  readonly read: ReadAccount;
  /** That it and its account are as they were read. */
  readonly expectations: readonly ViewExpectation[];
}

const folder = 'invitation/';
/** Bytes: nobody guesses it. */
const textBytes = 32;

/** @param digest keyed hash of the invitation's text */
export function invitationPath(digest: string): string {
  return folder + digest;
}

function digestOf(environment: Pick<EngineEnvironment, 'digest'>, text: string): string {
  return environment.digest(`totp-invitation/${text}`);
}

export function encodeInvitation({ seed, ...rest }: Invitation): Buffer {
  const kept = seed === undefined ? null : { ...seed, key: seed.key.toString('base64') };
  return encodeStored({ ...rest, seed: kept });
}

function decodeInvitation(bytes: Buffer): Invitation {
  const { seed, ...rest } = decodeStored<
    Omit<Invitation, 'seed'> & { readonly seed: (Omit<Seed, 'key'> & { readonly key: string }) | null }
  >(bytes);
  return { ...rest, seed: seed === null ? undefined : { ...seed, key: Buffer.from(seed.key, 'base64') } };
}

export interface InvitationWish {
  /** Id of the device to come; undefined keeps that of the one it replaces, or draws one. */
  readonly device: string | undefined;
  /** Id of a device that goes when the new one comes. */
  readonly replaces: string | undefined;
  /** Seconds. */
  readonly ttl: number;
}

export interface NewInvitation {
  readonly text: string;
  readonly expiresAt: number;
  readonly account: AccountRecord;
  /** With the account's own among them, and the end of an earlier invitation. */
  readonly writes: readonly ViewWrite[];
  readonly due: readonly DueEntry[];
}

/** Draws an invitation without writing anything. Throws `invalid_request` for what the account has no room for. */
export function newInvitation(
  environment: EngineEnvironment,
  before: AccountRecord,
  { device, replaces = '', ttl }: InvitationWish,
): NewInvitation {
  const { random, clock } = environment;
  const old = before.devices.find(({ id }) => id === replaces);
  if (replaces !== '' && old === undefined) {
    throw new CofferError('invalid_request', 'there is no such device to replace');
  }
  const drawn = old?.id ?? `device-${random.bytes(4).toString('hex')}`;
  const id = device === undefined || device === '' ? drawn : parseDeviceId(device);
  if (before.devices.some((one) => one.id === id && one !== old)) {
    throw new CofferError('invalid_request', 'there is a device of this id: choose another, or replace it');
  }
  if (old === undefined && freeSlot(before) === undefined) {
    throw new CofferError(
      'invalid_request',
      `an account has at most ${mostDevices} devices: say which one to replace`,
    );
  }
  const text = random.bytes(textBytes).toString('base64url');
  const digest = digestOf(environment, text);
  const expiresAt = clock.now() + ttl * 1_000;
  const account = { ...before, invitation: digest };
  const invitation: Invitation = {
    issuer: before.issuer,
    account: before.account,
    accountId: before.id,
    device: id,
    replaces: old?.uid ?? '',
    expiresAt,
    wrong: 0,
    seed: undefined,
  };
  const writes = [
    { path: accountPath(account), value: encodeAccount(account) },
    { path: invitationPath(digest), value: encodeInvitation(invitation) },
    ...endOf(before),
  ];
  return { text, expiresAt, account, writes, due: [{ at: expiresAt, name: invitationPath(digest) }] };
}

/** What ends an account's invitation, if it has one. */
export function endOf({ invitation }: AccountRecord): readonly ViewWrite[] {
  return invitation === null ? [] : [{ path: invitationPath(invitation), value: null }];
}

/**
 * The invitation of this text, for an account that is there and not disabled. Throws one refusal for what is unknown, used, expired or
 * was taken back.
 */
export async function readInvitation(
  environment: EngineEnvironment,
  view: View,
  text: string | undefined,
): Promise<ReadInvitation> {
  if (text === undefined || text === '') throw new CofferError('invalid_request', 'missing invitation');
  const digest = digestOf(environment, text);
  const path = invitationPath(digest);
  const sealed = await view.read(path);
  if (sealed === undefined) throw badInvitation();
  const invitation = decodeInvitation(sealed.open());
  const read = await readAccount(view, invitation);
  const isGood =
    invitation.expiresAt > environment.clock.now() &&
    read?.account.id === invitation.accountId &&
    read.account.invitation === digest &&
    !read.account.disabled;
  if (!isGood || read === undefined) throw badInvitation();
  return {
    invitation,
    digest,
    read,
    expectations: [{ path, revision: sealed.revision }, accountExpectation(invitation, read)],
  };
}

export function badInvitation(): CofferError {
  return new CofferError(
    'invalid_request',
    'the invitation is not good: it is unknown, was used, has ended or was taken back; ask for another one',
  );
}

export function isInvitationEnd(name: string): boolean {
  return name.startsWith(folder);
}

/** Takes away an invitation that has ended. */
export function onInvitationDue(name: string, view: View, now: number): Promise<void> {
  return retryOnConflict(() => takeAway(name, view, now));
}

async function takeAway(name: string, view: View, now: number): Promise<void> {
  const sealed = await view.read(name);
  if (sealed === undefined) return;
  const invitation = decodeInvitation(sealed.open());
  if (invitation.expiresAt > now) return;
  const read = await readAccount(view, invitation);
  const isIts = read !== undefined && invitationPath(read.account.invitation ?? '') === name;
  const expected = [{ path: name, revision: sealed.revision }];
  if (!isIts) {
    await view.commit([{ path: name, value: null }], expected);
    return;
  }
  const account = { ...read.account, invitation: null };
  await view.commit(
    [
      { path: name, value: null },
      { path: accountPath(account), value: encodeAccount(account) },
    ],
    [...expected, accountExpectation(account, read)],
  );
}
