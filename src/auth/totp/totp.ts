/** The totp method: people log in with one-time codes (RFC 6238), their own and, where an account wants it, a second one. */
import { type AwsPlaces, noAwsPlaces } from '../../aws/aws-places.ts';
import { defaultLockout, type LockoutSettings } from '../../core/lockout/lock-state.ts';
import { Lockout } from '../../core/lockout/lockout.ts';
import { codeAt } from '../../crypto/one-time-code.ts';
import type { AuthMethodType, NameLocks } from '../../engine/engine.ts';
import { CofferError } from '../../errors.ts';
import { holdersBelow } from '../token-fields.ts';
import { accountFolder } from './account.ts';
import { accountEndpoints } from './accounts.ts';
import type { DeriveCode } from './codes.ts';
import { configEndpoint } from './config.ts';
import { deviceEndpoints } from './devices.ts';
import { enrolmentEndpoints } from './enrolment.ts';
import { inboxEndpoints, type OpenInbox } from './inbox.ts';
import { isInvitationEnd, onInvitationDue } from './invitation.ts';
import { invitationEndpoints } from './invitations.ts';
import { loginEndpoint, renewAccount } from './login.ts';
import { fullName, nameOfText } from './names.ts';
import { isMarkEnd } from './taking.ts';

const day = 86_400_000;

/**
 * Three of a million codes of a device are right at any time, so failures are remembered for a day and locks grow up to one. Whoever
 * goes on guessing has some twenty tries a day at an account from all addresses that never logged in to it.
 */
const settings: LockoutSettings = {
  ...defaultLockout,
  reset: day,
  longest: day,
  strangersThreshold: 20,
  strangersLongest: day,
};

export interface TotpOptions {
  readonly derive?: DeriveCode;
  /** Where a mount may have the server go at AWS; nowhere that a config has to name unless told. */
  readonly places?: AwsPlaces;
  /** In place of AWS's own, in tests. */
  readonly openInbox?: OpenInbox;
}

export function totpWith({ derive = codeAt, places = noAwsPlaces, openInbox }: TotpOptions): AuthMethodType {
  return {
    type: 'totp',
    summary: 'one-time codes for people, with second parties',
    locksNames: true,
    create: (environment) => {
      const { clock, random, lockout: told, nobodies } = environment;
      const lockout = new Lockout({
        clock,
        digest: (name) => environment.digest(name),
        settings,
        told,
        nobodies,
      });
      const decoy = { key: random.bytes(20), algorithm: 'SHA1', digits: 6, period: 30 } as const;
      const rooms = { environment, lockout, derive, decoy };
      return {
        endpoints: [
          loginEndpoint(rooms),
          configEndpoint(),
          ...accountEndpoints(rooms),
          ...deviceEndpoints(rooms),
          ...invitationEndpoints(rooms),
          ...enrolmentEndpoints(rooms),
          ...inboxEndpoints(rooms, places, openInbox),
        ],
        onDue: async (name, view) => {
          if (isInvitationEnd(name)) await onInvitationDue(name, view, clock.now());
          if (isMarkEnd(name)) await view.commit([{ path: name, value: null }]);
        },
        renewPrincipal: renewAccount,
        holders: (view) => holdersBelow(view, accountFolder),
        locks: locksOf(lockout),
      };
    },
  };
}

/** By `issuer/account`. */
function locksOf(lockout: Lockout): NameLocks {
  return {
    lockedNames: (view, after) => lockout.lockedNames(view, after),
    unlock: (view, text) => {
      const name = nameOfText(text);
      if (name === undefined) throw new CofferError('invalid_request', 'a name here is ISSUER/ACCOUNT');
      return lockout.unlock(view, fullName(name));
    },
  };
}

export const totp: AuthMethodType = totpWith({});
