/**
 * Logins of `jwt` roles: a token that somebody else signed for one of ours. Whatever is wrong with it, whether there is such a
 * role or not, the answer is the same.
 */
import { type Call, type Endpoint, endpoint, type Principal } from '../../core/endpoint.ts';
import { checkLifetime } from '../../crypto/jwt/lifetime.ts';
import type { EngineEnvironment } from '../../engine/engine.ts';
import { CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import type { Outgoing } from '../../outgoing/https.ts';
import { admitsAddress, grantOf, type ReadRole, readRole, roleExpectation } from '../role-records.ts';
import { checkBounds, identityOf } from './claims.ts';
import { configPath, needConfig, type ReadConfig, roleNameOf } from './config.ts';
import { type JwtRole, leewaysOf } from './role.ts';
import { jwtAlgorithmsOf, type Trust } from './trust.ts';

export interface JwtRooms {
  readonly environment: EngineEnvironment;
  readonly outgoing: Outgoing;
  readonly trust: Trust;
}

export function loginEndpoint(rooms: JwtRooms): Endpoint {
  return endpoint({
    pattern: 'login',
    help: 'Trades a JWT for a token.',
    fields: {
      role: { type: 'string', help: 'The role; the configuration’s default role when absent.' },
      jwt: { type: 'string', help: 'The JWT, in compact form.', sensitive: true },
    },
    operations: {
      update: {
        summary: 'Log in with a JWT',
        login: true,
        handle: async (call) => {
          const { jwt = '', role } = call.fields;
          if (jwt === '') throw new CofferError('invalid_request', 'missing jwt');
          return { login: await logIn(rooms, call, jwt, role) };
        },
      },
    },
  });
}

async function logIn(
  rooms: JwtRooms,
  call: Call,
  jwt: string,
  asked: string | undefined,
): Promise<Principal> {
  const read = await needConfig(call.view);
  const name = roleNameOf(asked, read.config);
  return uniform(async () => {
    // The signature comes first, so that a stranger learns of no role by how long an answer takes.
    const claims = await rooms.trust.claimsOf(jwt, read, jwtAlgorithmsOf(read.config));
    const role = await roleFor(call, name, 'jwt');
    checkLifetime(claims, call.clock.now(), leewaysOf(role.role));
    return principalOf(rooms, read, role, claims);
  });
}

/** The role of a login from here. Throws `invalid_request`. */
export async function roleFor(
  call: Call,
  name: string | undefined,
  type: JwtRole['type'],
): Promise<ReadRole<JwtRole>> {
  const read = name === undefined ? undefined : await readRole<JwtRole>(call.view, name);
  if (read === undefined) throw new CofferError('invalid_request', 'there is no such role');
  if (read.role.type !== type) {
    throw new CofferError('invalid_request', 'the role is for logins of the other kind');
  }
  if (!admitsAddress(read.role, call.remoteAddress)) {
    throw new CofferError('invalid_request', 'the role is not for this address');
  }
  return read;
}

/** Who a role says these claims are of. Throws `invalid_request` when they are of nobody. */
export function principalOf(
  { environment }: JwtRooms,
  config: ReadConfig,
  { role, revision }: ReadRole<JwtRole>,
  claims: JsonObject,
): Principal {
  checkBounds(role, claims);
  const { user, groups, mapped } = identityOf(role, claims);
  return {
    ...grantOf(role),
    displayName: `${nameOfMount(environment)}-${user}`,
    alias: user,
    aliasMetadata: mapped,
    // Whom the issuer has in no group any more is in none here; a role that asks for no groups says nothing of them.
    ...(role.groupsClaim === '' ? {} : { groupAliases: groups }),
    metadata: { ...mapped, role: role.name },
    // Whoever changes either while somebody logs in by it means the change to count.
    expectations: [roleExpectation(role.name, revision), { path: configPath, revision: config.revision }],
  };
}

/** `auth/jwt/` is `jwt`. */
function nameOfMount({ mountPath }: EngineEnvironment): string {
  return mountPath
    .replace(/^auth\//, '')
    .replace(/\/$/, '')
    .replaceAll('/', '-');
}

/** One answer for every refusal; what it was stays in the cause. That a provider cannot be reached is told as such. */
export async function uniform<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof CofferError) || error.code !== 'invalid_request') throw error;
    throw new CofferError('invalid_request', 'invalid role or token', { cause: error });
  }
}
