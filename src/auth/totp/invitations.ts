/** How somebody comes by an invitation: from an administrator, by a recovery code, or by codes of devices that are there. */
import { type Call, type Endpoint, endpoint, type FieldValues, type Reply } from '../../core/endpoint.ts';
import { isWithin } from '../../core/network.ts';
import { retryOnConflict } from '../../core/retry.ts';
import { CofferError } from '../../errors.ts';
import {
  type AccountRecord,
  accountExpectation,
  accountPath,
  encodeAccount,
  readAccount,
} from './account.ts';
import { configPath, decodeConfig, parseInvitationTtl } from './config.ts';
import { accountWrite } from './devices.ts';
import { endOf, type NewInvitation, newInvitation } from './invitation.ts';
import { namedIn, nameOf } from './names.ts';
import { partyOf, partyPaths, refusalOf, standingOf } from './party.ts';
import { prove, readShown, refused } from './proof.ts';
import { parseRecoveryCode, withoutCode } from './recovery.ts';
import type { TotpRooms } from './rooms.ts';
import { demandTold, tellRefusal, tellUnlessDemanded } from './told.ts';

const wishFields = {
  device: { type: 'string', help: 'Id of the device to come; drawn where absent.' },
  replaces: { type: 'string', help: 'Id of a device that goes when the new one comes.' },
} as const;

const inviteFields = {
  ...wishFields,
  ttl: { type: 'duration', help: 'Life of the invitation; the mount’s where absent.' },
} as const;

const recoverFields = {
  issuer: { type: 'string', help: 'The issuer.' },
  account: { type: 'string', help: 'The account.' },
  recovery_code: { type: 'string', help: 'One of its recovery codes.', sensitive: true },
  ...wishFields,
} as const;

const ownFields = {
  issuer: { type: 'string', help: 'The issuer.' },
  account: { type: 'string', help: 'The account.' },
  code: { type: 'string', help: 'A code of a device that is there.', sensitive: true },
  second_account: { type: 'string', help: 'As for a login.' },
  second_code: { type: 'string', help: 'As for a login.', sensitive: true },
  ...wishFields,
} as const;

const invitationSchema = {
  invitation: { type: 'string', sensitive: true },
  issuer: { type: 'string' },
  account: { type: 'string' },
  expire_time: { type: 'string' },
} as const;

/** Seconds that somebody has who asked for themselves. */
const ownTtl = 900;

export function invitationEndpoints(rooms: TotpRooms): readonly Endpoint[] {
  return [inviteEndpoint(rooms), recoverEndpoint(rooms), ownEndpoint(rooms), recoveryEndpoint()];
}

function inviteEndpoint({ environment }: TotpRooms): Endpoint {
  return endpoint({
    pattern: 'invite/:issuer/:account',
    help: 'Makes an invitation to enrol a device, in place of one that was made before. It is good once, and shown once: a wrapped answer is for the person alone.',
    fields: inviteFields,
    operations: {
      update: {
        summary: 'Invite to enrol a device',
        response: invitationSchema,
        handle: (call) =>
          retryOnConflict(async () => {
            const name = namedIn(call.params);
            const { device, replaces, ttl } = call.fields;
            const config = decodeConfig(await call.view.read(configPath));
            const life = ttl === undefined ? config.invitationTtl : parseInvitationTtl(ttl, 'ttl');
            const read = await readAccount(call.view, name);
            if (read === undefined) throw new CofferError('invalid_request', 'there is no such account');
            if (read.account.disabled) throw new CofferError('invalid_request', 'the account is disabled');
            const made = newInvitation(environment, read.account, { device, replaces, ttl: life });
            await call.view.commit(made.writes, [accountExpectation(name, read)], made.due);
            return shown(made);
          }),
      },
      delete: {
        summary: 'Take an invitation back',
        handle: (call) =>
          retryOnConflict(async () => {
            const name = namedIn(call.params);
            const read = await readAccount(call.view, name);
            if (read === undefined || read.account.invitation === null) return undefined;
            const account = { ...read.account, invitation: null };
            await call.view.commit(
              [accountWrite(account), ...endOf(read.account)],
              [accountExpectation(name, read)],
            );
            return undefined;
          }),
      },
    },
  });
}

function shown({ text, account, expiresAt }: NewInvitation): Reply {
  return {
    data: {
      invitation: text,
      issuer: account.issuer,
      account: account.account,
      expire_time: new Date(expiresAt).toISOString(),
    },
    durable: true,
  };
}

function recoverEndpoint(rooms: TotpRooms): Endpoint {
  return endpoint({
    pattern: 'enroll/recover',
    help: 'Trades a recovery code for an invitation. It opens an enrolment and no login.',
    fields: recoverFields,
    operations: {
      update: {
        summary: 'Recover by a recovery code',
        login: true,
        response: invitationSchema,
        handle: (call) => recover(rooms, call),
      },
    },
  });
}

/** The lock-out is that of logins; the road tries again where a commit met a conflict. */
async function recover(
  rooms: TotpRooms,
  call: Call & { readonly fields: FieldValues<typeof recoverFields> },
): Promise<Reply> {
  const { environment, lockout } = rooms;
  const { issuer = '', account = '', device, replaces } = call.fields;
  if (issuer === '' || account === '') throw new CofferError('invalid_request', 'missing issuer or account');
  const code = parseRecoveryCode(call.fields.recovery_code);
  const name = nameOf(issuer, account);
  if (name === undefined) throw refused();
  const paths = partyPaths(lockout, name);
  const party = partyOf(name, paths, await call.view.readMany(paths));
  const standing = await standingOf(lockout, call.view, party, call.remoteAddress);
  if (standing.kind === 'locked') throw new CofferError('permission_denied', 'permission denied');
  const before = party.read?.account;
  const left = withoutCode(environment, before?.id ?? '', before?.recovery ?? [], code);
  if (before === undefined || before.disabled || left === undefined || standing.kind !== 'open') {
    if (lockout.counts) {
      const change = refusalOf(party, standing, true, 0);
      await call.view.commit(change.writes, change.expectations);
    }
    if (standing.kind === 'nobody') await standing.attempt.failed(refused());
    throw refused();
  }
  const made = newInvitation(environment, { ...before, recovery: left }, { device, replaces, ttl: ownTtl });
  const { writes, expectations } = standing.attempt.succeeded();
  const told = {
    outcome: 'invited by a recovery code',
    account: before,
    remoteAddress: call.remoteAddress,
  } as const;
  await demandTold(rooms, before, told);
  await call.view.commit([...made.writes, ...writes], expectations, made.due);
  return { ...shown(made), afterwards: () => tellUnlessDemanded(rooms, before, told) };
}

function ownEndpoint(rooms: TotpRooms): Endpoint {
  return endpoint({
    pattern: 'enroll/invite',
    help: 'Trades codes, as a login does, for an invitation to enrol another device, or one in place of a device that is there.',
    fields: ownFields,
    operations: {
      update: {
        summary: 'Invite oneself by codes',
        login: true,
        response: invitationSchema,
        handle: (call) => inviteOneself(rooms, call),
      },
    },
  });
}

/** Wants of an account what a login wants of it: one device alone does not bring in another where two are asked for. */
async function inviteOneself(
  rooms: TotpRooms,
  call: Call & { readonly fields: FieldValues<typeof ownFields> },
): Promise<Reply> {
  const codes = readShown(call.fields);
  const { remoteAddress } = call;
  const isHere = ({ token: { boundCidrs } }: AccountRecord) =>
    boundCidrs.length === 0 || isWithin(remoteAddress, boundCidrs);
  const proven = await prove(rooms, call, codes, isHere, (account) =>
    tellRefusal(rooms, { outcome: 'refused', account, remoteAddress }),
  );
  const { device, replaces } = call.fields;
  const { account } = proven.read;
  const made = newInvitation(rooms.environment, account, { device, replaces, ttl: ownTtl });
  const secondParty = proven.approvedBy ?? '';
  const told = { outcome: 'invited by codes', account, secondParty, remoteAddress } as const;
  await demandTold(rooms, account, told);
  await call.view.commit([...made.writes, ...proven.writes], proven.expectations, made.due);
  return { ...shown(made), afterwards: () => tellUnlessDemanded(rooms, account, told) };
}

function recoveryEndpoint(): Endpoint {
  return endpoint({
    pattern: 'accounts/:issuer/:account/recovery',
    help: 'Ends all recovery codes of an account. The next enrolment makes new ones.',
    fields: {},
    operations: {
      delete: {
        summary: 'End recovery codes',
        handle: (call) =>
          retryOnConflict(async () => {
            const name = namedIn(call.params);
            const read = await readAccount(call.view, name);
            if (read === undefined || read.account.recovery.length === 0) return undefined;
            const value = encodeAccount({ ...read.account, recovery: [] });
            await call.view.commit([{ path: accountPath(name), value }], [accountExpectation(name, read)]);
            return undefined;
          }),
      },
    },
  });
}
