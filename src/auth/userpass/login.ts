/**
 * Userpass's login. Whatever is wrong, whether there is such a user or not, the answer is the same and one password was derived
 * for it.
 */
import { type Call, type Endpoint, endpoint, type Principal } from '../../core/endpoint.ts';
import { isWithin } from '../../core/network.ts';
import type { View } from '../../core/view.ts';
import { CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import { wantedTokenType } from '../token-fields.ts';
import { canonicalName, checkPassword, decodeUser, encodeUser, type ReadUser, userPath } from './user.ts';
import type { UserRooms } from './users.ts';

/** What was found out for one request: when its commit meets a conflict, the same password need not be derived again. */
type Checked = WeakMap<Call, { readonly hash: string | undefined; readonly right: boolean }>;

export function loginEndpoint(rooms: UserRooms): Endpoint {
  const checked: Checked = new WeakMap();
  return endpoint({
    pattern: 'login/:name',
    help: 'Trades a user’s password for a token.',
    foldsNames: true,
    fields: { password: { type: 'string', help: 'The password.', sensitive: true } },
    operations: {
      update: {
        summary: 'Log in',
        login: true,
        handle: async (call) => ({
          login: await logIn(rooms, checked, call, checkPassword(call.fields.password)),
        }),
      },
    },
  });
}

async function logIn(rooms: UserRooms, checked: Checked, call: Call, password: string): Promise<Principal> {
  const { lockout } = rooms;
  const name = canonicalName(call.params['name'] ?? '');
  // Nobody can have such a name, so nothing is told.
  if (name === undefined) throw refused();
  const path = lockout.pathOf(name);
  const [sealedUser, sealed] = await call.view.readMany([userPath(name), path]);
  const read = decodeUser(sealedUser);
  if (read === undefined) {
    const attempt = await lockout.attemptOfNobody(path, call.remoteAddress);
    await isRight(rooms, checked, call, password, undefined);
    return attempt.failed(refused());
  }
  const account = { path: userPath(name), revision: read.revision };
  const attempt = lockout.attempt(call.view, { name, path, sealed, account }, call.remoteAddress);
  const right = await isRight(rooms, checked, call, password, read.user.passwordHash);
  const { boundCidrs } = read.user.token;
  const isHere = boundCidrs.length === 0 || isWithin(call.remoteAddress, boundCidrs);
  if (!right || !isHere) return attempt.failed(refused());
  const { writes, expectations } = attempt.succeeded();
  const strengthened = await strongerHash(rooms, call, password, read);
  return { ...principalOf(read), writes: [...writes, ...strengthened], expectations };
}

async function isRight(
  { passwords }: UserRooms,
  checked: Checked,
  call: Call,
  password: string,
  hash: string | undefined,
): Promise<boolean> {
  const before = checked.get(call);
  if (before !== undefined && before.hash === hash) return before.right;
  const right = await passwords.check(password, hash, call.remoteAddress);
  checked.set(call, { hash, right });
  return right;
}

/** The user's record with a hash at today's cost, where theirs is cheaper. Only now the password is at hand. */
async function strongerHash({ passwords }: UserRooms, call: Call, password: string, { user }: ReadUser) {
  if (!passwords.isWeak(user.passwordHash)) return [];
  const passwordHash = await passwords.hash(password, call.remoteAddress);
  return [{ path: userPath(user.name), value: encodeUser({ ...user, passwordHash }) }];
}

function principalOf({ user }: ReadUser): Principal {
  const { token } = user;
  return {
    displayName: `userpass-${user.name}`,
    alias: user.name,
    policies: token.policies,
    metadata: { username: user.name },
    ttl: token.ttl,
    maxTtl: token.maxTtl,
    explicitMaxTtl: token.explicitMaxTtl,
    period: token.period,
    numUses: token.numUses,
    noDefaultPolicy: token.noDefaultPolicy,
    renewable: true,
    tokenType: wantedTokenType(token),
    boundCidrs: token.boundCidrs,
    internal: { user: user.name, id: user.id, policies: token.policies },
  };
}

function refused(): CofferError {
  return new CofferError('invalid_request', 'invalid username or password');
}

/** Renewal asks whether the user is still there with the same policies, and grants what the user is granted now. */
export async function renewUser(
  internal: JsonObject,
  view: View,
): Promise<{ readonly ttl?: number; readonly maxTtl?: number }> {
  const read = decodeUser(await view.read(userPath(String(internal['user']))));
  if (read === undefined || read.user.id !== internal['id']) {
    throw new CofferError('invalid_request', 'the user of this token does not exist any more');
  }
  const { policies, ttl, maxTtl } = read.user.token;
  if (JSON.stringify(policies) !== JSON.stringify(internal['policies'])) {
    throw new CofferError('invalid_request', 'policies have changed, not renewing');
  }
  return { ...(ttl > 0 ? { ttl } : {}), ...(maxTtl > 0 ? { maxTtl } : {}) };
}
