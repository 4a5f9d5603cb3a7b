/**
 * Logins of service accounts. What can be told from the token alone is told first, so that strangers cannot make us ask the API
 * server about anything; whatever is wrong, the answer is the same.
 */
import { type Call, type Endpoint, endpoint, type Principal } from '../../core/endpoint.ts';
import { jwtAlgorithms } from '../../crypto/jwt/algorithms.ts';
import { audiencesOf } from '../../crypto/jwt/audience.ts';
import { parseCompactJwt } from '../../crypto/jwt/compact.ts';
import { type KeySet, parsePemKey } from '../../crypto/jwt/keys.ts';
import { checkLifetime, defaultLeeways } from '../../crypto/jwt/lifetime.ts';
import { verifyJwt } from '../../crypto/jwt/verify.ts';
import type { EngineEnvironment } from '../../engine/engine.ts';
import { CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import type { Outgoing } from '../../outgoing/https.ts';
import type { FreshCopy } from '../fresh-copy.ts';
import { matchesGlob } from '../glob.ts';
import {
  admitsAddress,
  canonicalRoleName,
  grantOf,
  type ReadRole,
  readRole,
  roleExpectation,
} from '../role-records.ts';
import { configPath, isBearer, type KubernetesConfig, type ReadConfig, readConfig } from './config.ts';
import type { PodFiles } from './pod-files.ts';
import type { KubernetesRole } from './role.ts';
import { type ServiceAccount, serviceAccountOf, userNameOf } from './service-account.ts';
import { reviewToken } from './token-review.ts';

export interface KubernetesRooms {
  readonly environment: EngineEnvironment;
  readonly outgoing: Outgoing;
  readonly podFiles: PodFiles;
  readonly keys: FreshCopy<KeySet>;
}

export function loginEndpoint(rooms: KubernetesRooms): Endpoint {
  return endpoint({
    pattern: 'login',
    help: 'Trades a service account’s token for one of ours.',
    fields: {
      role: { type: 'string', help: 'The role.', required: true },
      jwt: { type: 'string', help: 'The service account’s token.', sensitive: true },
    },
    operations: {
      update: {
        summary: 'Log in with a service account',
        login: true,
        handle: async (call) => {
          const { jwt = '', role } = call.fields;
          if (jwt === '') throw new CofferError('invalid_request', 'missing jwt');
          const read = await readConfig(call.view);
          if (read === undefined) {
            throw new CofferError('invalid_request', 'could not load backend configuration');
          }
          return { login: await uniform(() => logIn(rooms, call, read, jwt.trim(), role)) };
        },
      },
    },
  });
}

async function logIn(
  rooms: KubernetesRooms,
  call: Call,
  read: ReadConfig,
  jwt: string,
  asked: string,
): Promise<Principal> {
  const claims = await claimsOf(rooms, read, jwt);
  const found = await roleFor(call, asked);
  checkClaims(claims, read.config, found.role, call.clock.now());
  const account = serviceAccountOf(claims);
  checkBounds(found.role, account);
  await review(rooms, call, read.config, found.role, jwt, account);
  return principalOf(found, account, read);
}

/** Verified where keys are configured. Elsewhere the API server's word alone counts, which comes later. */
async function claimsOf({ keys }: KubernetesRooms, read: ReadConfig, jwt: string): Promise<JsonObject> {
  const { pemKeys } = read.config;
  if (pemKeys.length === 0) return parseCompactJwt(jwt).claims;
  const known = await keys.read(read.revision, async () => pemKeys.map(parsePemKey));
  const verified = await verifyJwt(jwt, known, jwtAlgorithms);
  if (verified.kind === 'verified') return verified.claims;
  throw refused('no key of pem_keys signed the token');
}

async function roleFor(call: Call, asked: string): Promise<ReadRole<KubernetesRole>> {
  const name = canonicalRoleName(asked);
  const found = name === undefined ? undefined : await readRole<KubernetesRole>(call.view, name);
  if (found === undefined) throw refused('there is no such role');
  if (!admitsAddress(found.role, call.remoteAddress)) throw refused('the role is not for this address');
  return found;
}

/** The issuer of clusters that name none. */
const usualIssuer = 'kubernetes/serviceaccount';

function checkClaims(claims: JsonObject, config: KubernetesConfig, role: KubernetesRole, now: number): void {
  // Tokens of secrets name no time: they are good until the secret is deleted, which the API server knows.
  if (['exp', 'nbf', 'iat'].some((name) => Object.hasOwn(claims, name))) {
    checkLifetime(claims, now, defaultLeeways);
  }
  const issuer = config.issuer === '' ? usualIssuer : config.issuer;
  if (!config.disableIssuerValidation && claims['iss'] !== issuer)
    throw refused('the token is of another issuer');
  const audiences = audiencesOf(claims);
  if (role.audience !== '' && audiences.length > 0 && !audiences.includes(role.audience)) {
    throw refused('the token is for another audience');
  }
}

function checkBounds(role: KubernetesRole, { name, namespace }: ServiceAccount): void {
  const fits = (patterns: readonly string[], text: string) =>
    patterns.some((pattern) => matchesGlob(pattern, text));
  if (!fits(role.namespaces, namespace)) throw refused('namespace not authorized');
  if (!fits(role.accountNames, name)) throw refused('service account name not authorized');
}

async function review(
  { outgoing, podFiles }: KubernetesRooms,
  call: Call,
  config: KubernetesConfig,
  role: KubernetesRole,
  token: string,
  account: ServiceAccount,
): Promise<void> {
  const local = config.disableLocalCaJwt ? undefined : await podFiles.read();
  const own = config.reviewerJwt === '' ? (local?.token ?? '') : config.reviewerJwt;
  const bearer = own === '' ? token : own;
  if (!isBearer(bearer)) throw refused('the token cannot be sent');
  const { userName, uid } = await reviewToken(outgoing, {
    host: config.host,
    ca: config.ca === '' ? (local?.ca ?? '') : config.ca,
    bearer,
    token,
    audience: role.audience,
    signal: call.signal(),
  });
  if (userName !== userNameOf(account) || uid !== account.uid) {
    throw refused('the API server says the token is of somebody else');
  }
}

function principalOf(
  { role, revision }: ReadRole<KubernetesRole>,
  { namespace, name, uid, secretName }: ServiceAccount,
  config: ReadConfig,
): Principal {
  const account = {
    service_account_name: name,
    service_account_namespace: namespace,
    service_account_secret_name: secretName,
    service_account_uid: uid,
  };
  return {
    ...grantOf(role),
    displayName: `kubernetes-${namespace}-${name}`,
    alias: role.aliasNameSource === 'serviceaccount_uid' ? uid : `${namespace}/${name}`,
    aliasMetadata: account,
    metadata: { ...account, role: role.name },
    // Whoever changes either while somebody logs in by it means the change to count.
    expectations: [roleExpectation(role.name, revision), { path: configPath, revision: config.revision }],
  };
}

/** One answer for every refusal; what it was stays in the cause. That nobody can be asked is told as such. */
async function uniform<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof CofferError) || error.code !== 'invalid_request') throw error;
    throw new CofferError('permission_denied', 'permission denied', { cause: error });
  }
}

function refused(reason: string): CofferError {
  return new CofferError('invalid_request', reason);
}
