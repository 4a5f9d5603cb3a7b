/** The endpoints of userpass's users. */
import { type Call, type Endpoint, endpoint, type Fields, type FieldValues } from '../../core/endpoint.ts';
import { listPage, pageFields } from '../../core/list-page.ts';
import type { Lockout } from '../../core/lockout/lockout.ts';
import { retryOnConflict } from '../../core/retry.ts';
import { randomUuid } from '../../crypto/random.ts';
import type { EngineEnvironment } from '../../engine/engine.ts';
import { CofferError } from '../../errors.ts';
import {
  noTokenSettings,
  readTokenSettings,
  shownTokenSettings,
  tokenFields,
  tokenSettingsSchema,
  usedOldNames,
  withOldNames,
} from '../token-fields.ts';
import { checkGivenHash, type Passwords } from './passwords.ts';
import {
  checkPassword,
  decodeUser,
  encodeUser,
  parseUserName,
  type ReadUser,
  type UserRecord,
  userFolder,
  userPath,
} from './user.ts';

/** With the names that userpass's fields had before all methods shared them. */
const settingsFields = {
  ...tokenFields,
  token_ttl: { ...tokenFields.token_ttl, aliases: ['ttl'] },
  token_max_ttl: { ...tokenFields.token_max_ttl, aliases: ['max_ttl'] },
  token_bound_cidrs: { ...tokenFields.token_bound_cidrs, aliases: ['bound_cidrs'] },
} as const satisfies Fields;

const passwordFields = {
  password: { type: 'string', help: 'The password; needed for a new user.', sensitive: true },
  password_hash: {
    type: 'string',
    help: 'In its place a scrypt hash as a PHC string.',
    sensitive: true,
  },
} as const satisfies Fields;

const userFields = { ...passwordFields, ...settingsFields } as const satisfies Fields;
const policyFields = { token_policies: tokenFields.token_policies } as const satisfies Fields;

export interface UserRooms {
  readonly environment: EngineEnvironment;
  readonly passwords: Passwords;
  readonly lockout: Lockout;
}

export function userEndpoints(rooms: UserRooms): readonly Endpoint[] {
  return [listEndpoint(), userEndpoint(rooms), passwordEndpoint(rooms), policiesEndpoint(rooms)];
}

function listEndpoint(): Endpoint {
  return endpoint({
    pattern: 'users',
    help: 'Lists users.',
    fields: pageFields,
    operations: {
      list: {
        summary: 'List users',
        response: { keys: { type: 'list' } },
        handle: (call) => listPage((page) => call.view.children(userFolder, page), call.fields),
      },
    },
  });
}

function userEndpoint(rooms: UserRooms): Endpoint {
  return endpoint({
    pattern: 'users/:name',
    help: 'Shows, writes or deletes a user: a password, and what tokens made with it may do.',
    foldsNames: true,
    fields: userFields,
    exists: async (call) => (await readUser(call)) !== undefined,
    operations: {
      read: {
        summary: 'Show a user',
        response: {
          ...tokenSettingsSchema,
          '*': { type: 'any', optional: true, help: 'The same under older names, where these were used.' },
        },
        handle: async (call) => {
          const read = await readUser(call);
          return read === undefined ? undefined : { data: shownUser(read.user) };
        },
      },
      update: {
        summary: 'Write a user',
        handle: async (call) => {
          await writeUser(rooms, call, call.fields);
          return undefined;
        },
      },
      delete: {
        summary: 'Delete a user',
        handle: async (call) => {
          await deleteUser(rooms, call);
          return undefined;
        },
      },
    },
  });
}

function passwordEndpoint(rooms: UserRooms): Endpoint {
  return endpoint({
    pattern: 'users/:name/password',
    help: 'Sets a user’s password. Tokens made with the old one go on.',
    foldsNames: true,
    fields: passwordFields,
    operations: {
      update: {
        summary: 'Set a password',
        handle: async (call) => {
          const { name } = await needUser(call);
          const passwordHash = await givenHash(rooms, call, call.fields);
          if (passwordHash === undefined) throw new CofferError('invalid_request', 'missing password');
          await changeUser(call, name, (user) => ({ ...user, passwordHash }));
          return undefined;
        },
      },
    },
  });
}

function policiesEndpoint(_rooms: UserRooms): Endpoint {
  return endpoint({
    pattern: 'users/:name/policies',
    help: 'Sets the policies of a user’s tokens to come.',
    foldsNames: true,
    fields: policyFields,
    operations: {
      update: {
        summary: 'Set policies',
        handle: async (call) => {
          if (call.fields.token_policies === undefined) {
            throw new CofferError('invalid_request', 'missing field "token_policies"');
          }
          const { name } = await needUser(call);
          await changeUser(call, name, (user) => ({
            ...user,
            token: readTokenSettings(call.fields, user.token),
            oldNames: usedOldNames(policyFields, call.data, user.oldNames),
          }));
          return undefined;
        },
      },
    },
  });
}

async function readUser(call: Call): Promise<ReadUser | undefined> {
  return decodeUser(await call.view.read(userPath(parseUserName(call.params['name'] ?? ''))));
}

async function needUser(call: Call): Promise<UserRecord> {
  const read = await readUser(call);
  if (read === undefined) throw noUser(parseUserName(call.params['name'] ?? ''));
  return read.user;
}

function noUser(name: string): CofferError {
  return new CofferError('invalid_request', `user "${name}" does not exist`);
}

/** Undefined where neither was sent. Deriving comes last of all that may fail: it is what costs. */
async function givenHash(
  { passwords }: UserRooms,
  call: Call,
  sent: FieldValues<typeof passwordFields>,
): Promise<string | undefined> {
  if (sent.password !== undefined && sent.password_hash !== undefined) {
    throw new CofferError('invalid_request', 'give password or password_hash, not both');
  }
  if (sent.password_hash !== undefined) return checkGivenHash(sent.password_hash);
  if (sent.password === undefined) return undefined;
  return passwords.hash(checkPassword(sent.password), call.remoteAddress);
}

async function writeUser(rooms: UserRooms, call: Call, sent: FieldValues<typeof userFields>): Promise<void> {
  const before = await readUser(call);
  const name = parseUserName(call.params['name'] ?? '');
  readTokenSettings(sent, before?.user.token ?? noTokenSettings);
  const passwordHash = await givenHash(rooms, call, sent);
  await retryOnConflict(async () => {
    const read = await readUser(call);
    const user = read?.user ?? newUser(rooms, name, passwordHash);
    const changed: UserRecord = {
      ...user,
      passwordHash: passwordHash ?? user.passwordHash,
      token: readTokenSettings(sent, user.token),
      oldNames: usedOldNames(settingsFields, call.data, user.oldNames),
    };
    await commitUser(call, changed, read);
  });
}

function newUser({ environment }: UserRooms, name: string, passwordHash: string | undefined): UserRecord {
  if (passwordHash === undefined) throw new CofferError('invalid_request', 'missing password');
  return { name, id: randomUuid(environment.random), passwordHash, token: noTokenSettings, oldNames: [] };
}

async function changeUser(call: Call, name: string, change: (user: UserRecord) => UserRecord): Promise<void> {
  await retryOnConflict(async () => {
    const read = await readUser(call);
    if (read === undefined) throw noUser(name);
    await commitUser(call, change(read.user), read);
  });
}

async function commitUser(call: Call, user: UserRecord, before: ReadUser | undefined): Promise<void> {
  const path = userPath(user.name);
  await call.view.commit([{ path, value: encodeUser(user) }], [{ path, revision: before?.revision ?? null }]);
}

/** What is known of failed logins goes with the user. */
async function deleteUser({ lockout }: UserRooms, call: Call): Promise<void> {
  await retryOnConflict(async () => {
    const read = await readUser(call);
    if (read === undefined) return;
    const path = userPath(read.user.name);
    await call.view.commit(
      [
        { path, value: null },
        { path: lockout.pathOf(read.user.name), value: null },
      ],
      [{ path, revision: read.revision }],
    );
  });
}

function shownUser(user: UserRecord) {
  return withOldNames(settingsFields, shownTokenSettings(user.token), user.oldNames);
}
