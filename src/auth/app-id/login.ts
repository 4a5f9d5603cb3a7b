/**
 * App-ID's login: both halves must be mapped to each other. Whatever is wrong, one answer: an app id and a user id that belong
 * together are not told from strangers, nor is a wrong network.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { type Call, type Endpoint, endpoint, type Principal } from '../../core/endpoint.ts';
import { isWithin } from '../../core/network.ts';
import type { View } from '../../core/view.ts';
import type { EngineEnvironment } from '../../engine/engine.ts';
import { CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import {
  canonicalId,
  decodeMapping,
  type Mapping,
  mappingKey,
  mappingPath,
  policiesOf,
  sharedAppId,
} from './mapping.ts';
import { type AppIdRooms, legacyNote } from './mappings.ts';

const fields = {
  app_id: { type: 'string', help: 'The app id.', sensitive: true },
  user_id: { type: 'string', help: 'The user id.', sensitive: true },
} as const;

export function loginEndpoints(rooms: AppIdRooms): readonly Endpoint[] {
  return ['login', 'login/:app_id'].map((pattern) =>
    endpoint({
      pattern,
      help: `Trades an app id and a user id for a token. ${legacyNote}`,
      fields,
      operations: {
        update: {
          summary: 'Log in',
          login: true,
          handle: async (call) => {
            const appId = call.params['app_id'] ?? call.fields.app_id ?? '';
            const userId = call.fields.user_id ?? '';
            if (appId === '' || userId === '')
              throw new CofferError('invalid_request', "missing 'app_id' or 'user_id'");
            return { login: await logIn(rooms, call, appId, userId) };
          },
        },
      },
    }),
  );
}

/** Where the records lie that a login asks for. */
interface Paths {
  readonly app: string;
  readonly user: string;
  readonly shared: string;
}

async function logIn(rooms: AppIdRooms, call: Call, appId: string, userId: string): Promise<Principal> {
  const { environment, lockout } = rooms;
  const [foldedApp, foldedUser] = [canonicalId(appId), canonicalId(userId)];
  // Nobody can have such an app id, so nothing is told.
  if (foldedApp === undefined) throw refused();
  const name = mappingKey(environment, 'app-id', foldedApp);
  const paths = pathsOf(environment, name, foldedUser ?? '');
  const lock = lockout.pathOf(name);
  const [app, user, shared, sealed] = await call.view.readMany([paths.app, paths.user, paths.shared, lock]);
  const [readApp, readUser, readShared] = [app, user, shared].map(decodeMapping);
  // The same work for each app id, mapped or not.
  const isPair = holdsExactly(readUser?.mapping.names ?? [], appId);
  const isHere = isAllowed(readUser?.mapping.networks ?? [], call.remoteAddress);
  if (readApp === undefined)
    return (await lockout.attemptOfNobody(lock, call.remoteAddress)).failed(refused());
  const account = { path: paths.app, revision: readApp.revision };
  const attempt = lockout.attempt(call.view, { name, path: lock, sealed, account }, call.remoteAddress);
  if (readUser === undefined || !isPair || !isHere) return attempt.failed(refused());
  const { writes, expectations } = attempt.succeeded();
  const policies = policiesOf(readApp.mapping.names, readShared?.mapping.names);
  return {
    displayName: displayNameOf(readApp.mapping),
    alias: foldedApp,
    policies,
    metadata: { 'app-id': `sha1:${sha1(appId)}`, 'user-id': `sha1:${sha1(userId)}` },
    renewable: true,
    internal: { app: name, user: paths.user, appId, policies },
    writes,
    // A mapping that changes or goes while it is logged in by is read again.
    expectations: [
      ...expectations,
      { path: paths.user, revision: readUser.revision },
      ...(paths.shared === paths.app ? [] : [{ path: paths.shared, revision: readShared?.revision ?? null }]),
    ],
  };
}

const longestDisplayName = 100;

/** What odd characters a mapping's display name has, a token's has not. */
function displayNameOf({ fields: { display_name: name } }: Mapping): string {
  if (typeof name !== 'string' || name === '') return 'app-id';
  return `app-id-${name.slice(0, longestDisplayName).replace(/[^\w.@-]/g, '-')}`;
}

function pathsOf(environment: EngineEnvironment, app: string, userId: string): Paths {
  return {
    app: mappingPath('app-id', app),
    user: mappingPath('user-id', mappingKey(environment, 'user-id', userId)),
    shared: mappingPath('app-id', mappingKey(environment, 'app-id', sharedAppId)),
  };
}

/** Whether one of the names is this one, by the same steps wherever it stands. */
function holdsExactly(names: readonly string[], wanted: string): boolean {
  const digest = sha256(wanted);
  let found = false;
  for (const name of names) found = timingSafeEqual(sha256(name), digest) || found;
  return found;
}

function isAllowed(networks: readonly string[], address: string): boolean {
  return networks.length === 0 || isWithin(address, networks);
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** Of Vault's wire: what tells tokens of one pair from those of another without telling the pair. */
function sha1(text: string): string {
  return createHash('sha1').update(text).digest('hex');
}

function refused(): CofferError {
  return new CofferError('invalid_request', 'invalid user ID or app ID');
}

/** Renewal makes the whole check again, from the address that asks, and refuses when the policies are others by now. */
export async function renewMapped(
  environment: EngineEnvironment,
  internal: JsonObject,
  view: View,
  remoteAddress: string,
): Promise<Record<string, never>> {
  const { app, user, appId, policies } = internal;
  const shared = mappingPath('app-id', mappingKey(environment, 'app-id', sharedAppId));
  const records = await view.readMany([mappingPath('app-id', String(app)), String(user), shared]);
  const [readApp, readUser, readShared] = records.map(decodeMapping);
  const stands =
    readApp !== undefined &&
    readUser !== undefined &&
    holdsExactly(readUser.mapping.names, String(appId)) &&
    isAllowed(readUser.mapping.networks, remoteAddress);
  if (!stands) throw refused();
  const now = policiesOf(readApp.mapping.names, readShared?.mapping.names);
  if (JSON.stringify(now) !== JSON.stringify(policies))
    throw new CofferError('invalid_request', 'policies do not match, not renewing');
  return {};
}
