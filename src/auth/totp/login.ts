/** The login: codes for a token. */
import { type Call, type Endpoint, endpoint, type FieldValues, type Reply } from '../../core/endpoint.ts';
import { isWithin } from '../../core/network.ts';
import type { View } from '../../core/view.ts';
import { CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import { type TokenSettings, wantedTokenType } from '../token-fields.ts';
import { type AccountRecord, accountExpectation, readAccount } from './account.ts';
import { configPath, decodeConfig, type MountConfig } from './config.ts';
import { nameOfText } from './names.ts';
import { type Proven, prove, readShown, rememberedDevices } from './proof.ts';
import type { TotpRooms } from './rooms.ts';
import { demandTold, type Told, tell, tellRefusal } from './told.ts';

const fields = {
  issuer: { type: 'string', help: 'The issuer.' },
  account: { type: 'string', help: 'The account.' },
  code: { type: 'string', help: 'A code of one of its devices.', sensitive: true },
  second_account: {
    type: 'string',
    help: 'Who approves, of the same issuer; for accounts that need somebody.',
  },
  second_code: {
    type: 'string',
    help: 'Their code; or one of another device, for accounts that need that.',
    sensitive: true,
  },
  role: { type: 'string', help: 'One of the account’s roles, which the token’s metadata then says.' },
} as const;

type LoginCall = Call & { readonly fields: FieldValues<typeof fields> };

export function loginEndpoint(rooms: TotpRooms): Endpoint {
  return endpoint({
    pattern: 'login',
    help: 'Trades one-time codes for a token. Each code is taken once.',
    fields,
    operations: {
      update: { summary: 'Log in', login: true, handle: (call) => logIn(rooms, call) },
    },
  });
}

async function logIn(rooms: TotpRooms, call: LoginCall): Promise<Reply> {
  const shown = readShown(call.fields);
  const role = call.fields.role ?? '';
  const isFit = (account: AccountRecord) =>
    (role === '' || account.roles.includes(role)) && isHere(account, call.remoteAddress);
  const told = (outcome: Told['outcome'], account: AccountRecord): Told => ({
    outcome,
    account,
    // A refused caller's own words are not passed on to people.
    role: account.roles.includes(role) ? role : '',
    secondParty:
      shown.second !== undefined && account.authorizers.includes(shown.second.account)
        ? shown.second.account
        : '',
    remoteAddress: call.remoteAddress,
  });
  const proven = await prove(rooms, call, shown, isFit, (account) =>
    tellRefusal(rooms, told('refused', account)),
  );
  const { account } = proven.read;
  const granted = told('granted', account);
  const principal = principalOf(proven, role);
  if (account.notify.length === 0) {
    const { writes, expectations } = proven;
    return { login: { ...principal, writes, expectations }, afterwards: () => tell(rooms, granted) };
  }
  // Used up first: of the same codes sent twice, people are told of one login. What was told of and came to nothing is no harm.
  await call.view.commit(proven.writes, proven.expectations);
  await demandTold(rooms, account, granted);
  const expectations = [accountExpectation(account, proven.read)];
  return { login: { ...principal, expectations } };
}

function isHere({ token: { boundCidrs } }: AccountRecord, address: string): boolean {
  return boundCidrs.length === 0 || isWithin(address, boundCidrs);
}

function principalOf({ read: { account }, config, devices, approvedBy }: Proven, role: string) {
  const { token } = account;
  return {
    displayName: `totp-${account.name}`,
    alias: account.name,
    policies: token.policies,
    metadata: {
      issuer: account.issuer,
      account: account.account,
      ...(role === '' ? {} : { role }),
      ...(approvedBy === undefined ? {} : { approved_by: approvedBy }),
    },
    ttl: ttlOf(token, config),
    maxTtl: token.maxTtl,
    explicitMaxTtl: token.explicitMaxTtl,
    period: token.period,
    numUses: token.numUses,
    noDefaultPolicy: token.noDefaultPolicy,
    renewable: true,
    tokenType: wantedTokenType(token),
    boundCidrs: token.boundCidrs,
    internal: { account: account.name, id: account.id, role, ...rememberedDevices(devices) },
  };
}

function ttlOf({ ttl, period }: TokenSettings, { tokenTtl }: MountConfig): number {
  return ttl > 0 || period > 0 ? ttl : tokenTtl;
}

/**
 * Renewal asks whether the account, each device that showed a code, and the role that was asked for are there yet and not disabled, and
 * grants what the account grants now.
 */
export async function renewAccount(
  internal: JsonObject,
  view: View,
): Promise<{ readonly ttl?: number; readonly maxTtl?: number }> {
  const refuse = (why: string) => new CofferError('invalid_request', why);
  const name = nameOfText(String(internal['account']));
  const read = name === undefined ? undefined : await readAccount(view, name);
  if (read === undefined || read.account.id !== internal['id'] || read.account.disabled) {
    throw refuse('the account of this token does not exist any more, or is disabled');
  }
  const { devices, roles, token } = read.account;
  const used: readonly unknown[] = Array.isArray(internal['devices']) ? internal['devices'] : [undefined];
  if (used.some((uid) => !devices.some((device) => device.uid === uid && !device.disabled))) {
    throw refuse('the device of this token does not exist any more, or is disabled');
  }
  const role = internal['role'];
  if (role !== '' && !roles.some((one) => one === role))
    throw refuse('the account lost the role of this token');
  const ttl = ttlOf(token, decodeConfig(await view.read(configPath)));
  return { ...(ttl > 0 ? { ttl } : {}), ...(token.maxTtl > 0 ? { maxTtl: token.maxTtl } : {}) };
}
