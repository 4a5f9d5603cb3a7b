/** What holds for a whole mount: how long tokens and invitations live, and what devices that are enrolled here make their codes of. */
import { type Endpoint, endpoint, type Fields, type FieldValues } from '../../core/endpoint.ts';
import { retryOnConflict } from '../../core/retry.ts';
import { decodeStored, encodeStored } from '../../core/stored-json.ts';
import type { CodeSettings } from '../../crypto/one-time-code.ts';
import { CofferError } from '../../errors.ts';
import type { Sealed } from './account.ts';
import { parseAlgorithm, parseDigits, parsePeriod } from './seed.ts';

export interface MountConfig extends CodeSettings {
  /** Seconds, for accounts that say nothing else. */
  readonly tokenTtl: number;
  readonly invitationTtl: number;
  /** Recovery codes that a person gets along with the first device; 0 is none. */
  readonly recoveryCodes: number;
}

/** Quarter of an hour: what is got by a code is meant to be spent at once. */
const standard: MountConfig = {
  tokenTtl: 900,
  invitationTtl: 86_400,
  recoveryCodes: 8,
  algorithm: 'SHA1',
  digits: 6,
  period: 30,
};

export const configPath = 'config';

const longestInvitation = 30 * 86_400;
const mostRecoveryCodes = 20;

const fields = {
  token_ttl: { type: 'duration', help: 'Life of tokens where an account names none; 15 minutes.' },
  invitation_ttl: { type: 'duration', help: 'Life of invitations; a day, at most 30 of them.' },
  recovery_codes: { type: 'int', help: 'Recovery codes with a first device, 0 to 20; 8.' },
  algorithm: { type: 'string', help: 'Of devices enrolled here: SHA1 (the usual), SHA256 or SHA512.' },
  digits: { type: 'int', help: 'Of their codes: 6 (the usual) or 8.' },
  period: { type: 'duration', help: 'Seconds of a step of theirs; 30.' },
} as const satisfies Fields;

export function decodeConfig(sealed: Sealed): MountConfig {
  return sealed === undefined ? standard : decodeStored<MountConfig>(sealed.open());
}

export function configEndpoint(): Endpoint {
  return endpoint({
    pattern: 'config',
    help: 'Shows and sets what holds for the whole mount.',
    fields,
    operations: {
      read: {
        summary: 'Show the configuration',
        response: {
          token_ttl: { type: 'duration' },
          invitation_ttl: { type: 'duration' },
          recovery_codes: { type: 'int' },
          algorithm: { type: 'string' },
          digits: { type: 'int' },
          period: { type: 'duration' },
        },
        handle: async ({ view }) => ({ data: shown(decodeConfig(await view.read(configPath))) }),
      },
      update: {
        summary: 'Set the configuration',
        handle: async (call) => {
          await retryOnConflict(async () => {
            const sealed = await call.view.read(configPath);
            const value = encodeStored(changed(decodeConfig(sealed), call.fields));
            await call.view.commit(
              [{ path: configPath, value }],
              [{ path: configPath, revision: sealed?.revision ?? null }],
            );
          });
          return undefined;
        },
      },
    },
  });
}

function shown(config: MountConfig) {
  const { tokenTtl, invitationTtl, recoveryCodes, algorithm, digits, period } = config;
  return {
    token_ttl: tokenTtl,
    invitation_ttl: invitationTtl,
    recovery_codes: recoveryCodes,
    algorithm,
    digits,
    period,
  };
}

function changed(before: MountConfig, sent: FieldValues<typeof fields>): MountConfig {
  const refuse = (why: string) => new CofferError('invalid_request', why);
  const tokenTtl = sent.token_ttl ?? before.tokenTtl;
  const invitationTtl = sent.invitation_ttl ?? before.invitationTtl;
  const recoveryCodes = sent.recovery_codes ?? before.recoveryCodes;
  if (!(tokenTtl > 0)) throw refuse('token_ttl must be greater than zero');
  if (recoveryCodes < 0 || recoveryCodes > mostRecoveryCodes) {
    throw refuse(`recovery_codes is 0 to ${mostRecoveryCodes}`);
  }
  return {
    tokenTtl,
    invitationTtl: parseInvitationTtl(invitationTtl, 'invitation_ttl'),
    recoveryCodes,
    algorithm: sent.algorithm === undefined ? before.algorithm : parseAlgorithm(sent.algorithm),
    digits: sent.digits === undefined ? before.digits : parseDigits(sent.digits),
    period: sent.period === undefined ? before.period : parsePeriod(sent.period),
  };
}

/** Seconds. Throws `invalid_request`. */
export function parseInvitationTtl(seconds: number, what: string): number {
  if (seconds >= 60 && seconds <= longestInvitation) return seconds;
  throw new CofferError('invalid_request', `${what} is a minute to 30 days`);
}
