/** The endpoints of accounts: who they are and what their logins get. No answer has anything of a device's secret. */
import { type Call, type Endpoint, endpoint, type Fields, type FieldValues } from '../../core/endpoint.ts';
import { listPage, pageFields } from '../../core/list-page.ts';
import { retryOnConflict } from '../../core/retry.ts';
import { encodeStored } from '../../core/stored-json.ts';
import { hasControls } from '../../crypto/otpauth.ts';
import { randomUuid } from '../../crypto/random.ts';
import { CofferError } from '../../errors.ts';
import {
  noTokenSettings,
  readTokenSettings,
  shownTokenSettings,
  tokenFields,
  tokenSettingsSchema,
} from '../token-fields.ts';
import {
  type AccountRecord,
  accountExpectation,
  accountFolder,
  accountPath,
  devicePath,
  encodeAccount,
  type ReadAccount,
  readAccount,
  type Second,
  seconds,
} from './account.ts';
import { invitationPath } from './invitation.ts';
import { type AccountName, claimPath, fullName, namedIn, parseName } from './names.ts';
import type { TotpRooms } from './rooms.ts';

const fields = {
  ...tokenFields,
  roles: { type: 'list', help: 'Roles that may be asked for at a login; exact, in either case.' },
  authorizers: {
    type: 'list',
    help: 'Accounts of the same issuer of which one has to show a code too, where second is "person".',
  },
  second: {
    type: 'string',
    help: 'Whom a login needs besides: "" for nobody, "person" for one of the authorizers, "device" for another device of the same person.',
  },
  disabled: { type: 'bool', help: 'No login, no enrolment, and no renewal of tokens.' },
  notify: { type: 'list', help: 'Notifiers that have to accept the notice of a login before it counts.' },
  cas: { type: 'int', help: 'Write only if this is the version that is stored; 0 for none yet.' },
} as const satisfies Fields;

type AccountFields = FieldValues<typeof fields>;

export function accountEndpoints(rooms: TotpRooms): readonly Endpoint[] {
  return [
    listEndpoint('accounts', 'Lists issuers.', 'List issuers', () => accountFolder),
    listEndpoint(
      'accounts/:issuer',
      'Lists an issuer’s accounts.',
      'List accounts',
      ({ issuer = '' }) => `${accountFolder}${parseName(issuer, 'an issuer')}/`,
    ),
    accountEndpoint(rooms),
  ];
}

function listEndpoint(
  pattern: string,
  help: string,
  summary: string,
  folder: (params: Call['params']) => string,
): Endpoint {
  return endpoint({
    pattern,
    help,
    fields: pageFields,
    operations: {
      list: {
        summary,
        response: { keys: { type: 'list' } },
        handle: (call) => {
          const below = folder(call.params);
          return listPage((page) => call.view.children(below, page), call.fields);
        },
      },
    },
  });
}

function accountEndpoint(rooms: TotpRooms): Endpoint {
  return endpoint({
    pattern: 'accounts/:issuer/:account',
    help: 'Shows, writes or deletes an account. With it go its devices, its recovery codes and its invitation.',
    fields,
    exists: async (call) => (await readAccount(call.view, namedIn(call.params))) !== undefined,
    operations: {
      read: {
        summary: 'Show an account',
        response: {
          ...tokenSettingsSchema,
          roles: { type: 'list' },
          authorizers: { type: 'list' },
          second: { type: 'string' },
          disabled: { type: 'bool' },
          notify: { type: 'list' },
          devices: { type: 'list', help: 'Ids.' },
          recovery_codes_left: { type: 'int' },
          invited: { type: 'bool', help: 'An invitation was made last and not used; it may have ended.' },
          version: { type: 'int' },
        },
        handle: async (call) => {
          const read = await readAccount(call.view, namedIn(call.params));
          return read === undefined ? undefined : { data: shown(read.account) };
        },
      },
      update: {
        summary: 'Write an account',
        handle: async (call) => {
          await writeAccount(rooms, call);
          return undefined;
        },
      },
      delete: {
        summary: 'Delete an account',
        handle: async (call) => {
          await deleteAccount(rooms, call);
          return undefined;
        },
      },
    },
  });
}

function shown(account: AccountRecord) {
  return {
    ...shownTokenSettings(account.token),
    roles: account.roles,
    authorizers: account.authorizers,
    second: account.second,
    disabled: account.disabled,
    notify: account.notify,
    devices: account.devices.map(({ id }) => id),
    recovery_codes_left: account.recovery.length,
    invited: account.invitation !== null,
    version: account.version,
  };
}

async function writeAccount(
  { environment }: TotpRooms,
  call: Call & { readonly fields: AccountFields },
): Promise<void> {
  const name = namedIn(call.params);
  await retryOnConflict(async () => {
    const read = await readAccount(call.view, name);
    const { cas } = call.fields;
    if (cas !== undefined && cas !== (read?.account.version ?? 0)) {
      throw new CofferError('conflict', 'check-and-set parameter did not match the current version');
    }
    const before = read?.account ?? newAccount(name, randomUuid(environment.random));
    const value = encodeAccount(changed(before, call.fields));
    const write = { path: accountPath(name), value };
    if (read !== undefined) {
      await call.view.commit([write], [accountExpectation(name, read)]);
      return;
    }
    const claim = claimPath(environment, name);
    const claimed = await call.view.read(claim);
    if (claimed !== undefined) throw lookAlike();
    await call.view.commit(
      [write, { path: claim, value: encodeStored({ name: fullName(name) }) }],
      [accountExpectation(name, undefined), { path: claim, revision: null }],
    );
  });
}

export function lookAlike(): CofferError {
  return new CofferError(
    'invalid_request',
    'there is an account that looks like this one: their names differ only in upper and lower case, in space, or in forms of the same characters',
  );
}

function newAccount(name: AccountName, id: string): AccountRecord {
  return {
    ...name,
    name: fullName(name),
    id,
    version: 0,
    token: noTokenSettings,
    roles: [],
    authorizers: [],
    second: '',
    disabled: false,
    notify: [],
    devices: [],
    recovery: [],
    invitation: null,
  };
}

/** An account that is not there yet, by the rules of its endpoint; nothing is written. Throws `invalid_request`. */
export function madeAccount(
  { environment }: TotpRooms,
  name: AccountName,
  sent: Partial<AccountFields>,
): AccountRecord {
  return changed(newAccount(name, randomUuid(environment.random)), sent);
}

function changed(before: AccountRecord, sent: Partial<AccountFields>): AccountRecord {
  const after: AccountRecord = {
    ...before,
    version: before.version + 1,
    token: readTokenSettings(sent, before.token),
    roles: sent.roles === undefined ? before.roles : parseRoles(sent.roles),
    authorizers:
      sent.authorizers === undefined
        ? before.authorizers
        : unique(sent.authorizers.map((one) => parseName(one, 'an authorizer'))),
    second: sent.second === undefined ? before.second : parseSecond(sent.second),
    disabled: sent.disabled ?? before.disabled,
    notify: sent.notify === undefined ? before.notify : parseNotifiers(sent.notify),
  };
  if (after.authorizers.length > mostNames) throw tooMany('authorizers');
  if (after.second === 'person' && after.authorizers.every((one) => one === after.account)) {
    throw new CofferError(
      'invalid_request',
      'where second is "person", authorizers names somebody else than the account itself',
    );
  }
  return after;
}

/** Of each list of an account. */
const mostNames = 200;
/** Characters: IAM's own names have 64, with a path 512 more. */
const longestRole = 576;

/** Throws `invalid_request`. */
export function parseRoles(roles: readonly string[]): readonly string[] {
  if (roles.length > mostNames) throw tooMany('roles');
  for (const role of roles) {
    if (role === '' || role.length > longestRole || role.trim() !== role || hasControls(role)) {
      throw new CofferError(
        'invalid_request',
        `a role has 1 to ${longestRole} characters, without control characters or space at its ends`,
      );
    }
  }
  return unique(roles);
}

function parseNotifiers(names: readonly string[]): readonly string[] {
  if (names.length > 16) throw new CofferError('invalid_request', 'notify has at most 16 names');
  for (const name of names) {
    if (!/^[\w.-]{1,128}$/.test(name)) {
      throw new CofferError('invalid_request', 'notify is a list of names of notifiers');
    }
  }
  return unique(names);
}

function parseSecond(text: string): Second {
  const second = seconds.find((one) => one === text);
  if (second !== undefined) return second;
  throw new CofferError('invalid_request', 'second is "", "person" or "device"');
}

function tooMany(what: string): CofferError {
  return new CofferError('invalid_request', `${what} has at most ${mostNames} names`);
}

function unique(names: readonly string[]): readonly string[] {
  return [...new Set(names)];
}

async function deleteAccount(rooms: TotpRooms, call: Call): Promise<void> {
  const name = namedIn(call.params);
  await retryOnConflict(async () => {
    const read = await readAccount(call.view, name);
    if (read === undefined) return;
    await call.view.commit(
      everythingOf(rooms, name, read).map((path) => ({ path, value: null })),
      [accountExpectation(name, read)],
    );
  });
}

/** All records that go with an account. */
function everythingOf({ environment, lockout }: TotpRooms, name: AccountName, { account }: ReadAccount) {
  return [
    accountPath(name),
    claimPath(environment, name),
    lockout.pathOf(account.name),
    ...account.devices.map(({ slot }) => devicePath(name, slot)),
    ...(account.invitation === null ? [] : [invitationPath(account.invitation)]),
  ];
}
