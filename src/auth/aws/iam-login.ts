/**
 * Logins of principals of IAM: a request to STS that they signed, which is put together anew, sent to where STS is, and answered by
 * AWS with who signed it. What can be told without asking anybody is told first.
 */
import { saidEndpoint } from '../../aws/aws-options.ts';
import { type AwsPlaces, requireListed } from '../../aws/aws-places.ts';
import type { Call, Principal } from '../../core/endpoint.ts';
import type { View } from '../../core/view.ts';
import { CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import { type Outgoing, outgoing } from '../../outgoing/https.ts';
import { grantOf, type ReadRole, readRole, roleExpectation } from '../role-records.ts';
import { canonicalArn, parseArn } from './arn.ts';
import type { CallerIdentity } from './caller-identity.ts';
import { type ClientConfig, noClientConfig, readClientConfig } from './client-config.ts';
import { readIdentityConfig } from './identity-config.ts';
import { checkInstance, checkStated, roleOf } from './instance-binds.ts';
import { loginRole } from './login-role.ts';
import { checkPrincipal, FullArns } from './principal-binds.ts';
import type { AwsQuestions } from './questions.ts';
import { askedByStranger } from './refusals.ts';
import type { AwsRole } from './role.ts';
import type { AwsRooms } from './rooms.ts';
import { parseSignedRequest, type SentRequest } from './signed-request.ts';
import { StsDoor } from './sts-door.ts';
import { useSignature } from './used-signatures.ts';

export interface IamLogin {
  readonly request: SentRequest;
  /** Empty for the one named like the caller's role or user. */
  readonly role: string;
}

/** What one mount has of STS and IAM in this process. */
export interface IamDesk {
  readonly places: AwsPlaces;
  readonly door: StsDoor;
  readonly fullArns: FullArns;
}

export function iamDesk(
  places: AwsPlaces,
  { clock }: AwsRooms['environment'],
  out: Outgoing = outgoing,
): IamDesk {
  return { places, door: new StsDoor(out, clock), fullArns: new FullArns(clock) };
}

/** Rejects with `permission_denied` and the reason, which stays inside; with `rate_limited`; or with `AwsError`. */
export async function logInPrincipal(
  rooms: AwsRooms,
  desk: IamDesk,
  call: Call,
  login: IamLogin,
): Promise<Principal> {
  const config = (await readClientConfig(call.view)) ?? noClientConfig;
  const endpoint = configuredEndpoint(config, desk.places);
  const rules = {
    configuredHost: endpoint === undefined ? undefined : new URL(endpoint).host,
    region: config.stsRegionFromClient ? '' : config.stsRegion,
    serverId: config.serverId,
    allowedHeaders: config.allowedHeaders,
  };
  const request = parseSignedRequest(login.request, rules, call.clock.now());
  const named = login.role === '' ? undefined : await loginRole(call, login.role, 'iam');
  const where = endpoint ?? `https://${request.host}`;
  const identity = await desk.door.ask(request, where, call.remoteAddress);
  if (request.sts !== undefined && endpoint === undefined) {
    if (request.sts.partition !== identity.principal.partition)
      throw refused('the caller is of another partition than the STS that was asked');
  }
  const found = named ?? (await loginRole(call, identity.principal.name, 'iam'));
  const questions = askedByStranger(rooms.questionsFor(call.view), rooms.unknown, call.remoteAddress);
  const bound = await boundArn(desk, found.role, identity, questions);
  const fullArn = bound ?? (await desk.fullArns.of(identity, questions));
  await useSignature(rooms.environment, call, request);
  return principalOf(call, found, identity, fullArn);
}

/** As the config says, or whoever runs the server; undefined for AWS's own. */
function configuredEndpoint({ stsEndpoint }: ClientConfig, places: AwsPlaces): string | undefined {
  requireListed('sts_endpoint', [stsEndpoint], places);
  const said = stsEndpoint === '' ? saidEndpoint({ env: places.env }, 'STS') : stsEndpoint;
  return said?.replace(/\/$/, '');
}

/** That all binds hold; answers the caller's ARN with its path, where that had to be known. */
async function boundArn(
  desk: IamDesk,
  role: AwsRole,
  identity: CallerIdentity,
  questions: AwsQuestions,
): Promise<string | undefined> {
  const { fullArn } = await checkPrincipal(role, identity, () => desk.fullArns.of(identity, questions));
  if (role.inferredEntity !== '') await checkInferred(role, identity, questions);
  return fullArn;
}

/**
 * The session of an instance's role is named like the instance. Whoever may assume the role can give any name to a session, so the
 * instance has to have that very role.
 */
async function checkInferred(
  role: AwsRole,
  { principal }: CallerIdentity,
  questions: AwsQuestions,
): Promise<void> {
  const { account, session = '', name } = principal;
  if (!/^i-[0-9a-f]{8,17}$/.test(session)) throw refused('the session is not one of an instance');
  const region = role.inferredRegion;
  checkStated(role, { id: session, account, region });
  const instance = await questions.instance(account, region, session);
  if (instance === undefined) throw refused('there is no such instance in the account');
  if (instance.state !== 'running') throw refused('the instance does not run');
  const own = parseArn((await roleOf(instance, questions)) ?? '');
  if (own?.account !== account || own.name !== name) throw refused('the instance has another role');
  await checkInstance(role, { ...instance, region }, questions);
}

async function principalOf(
  call: Call,
  { role, revision }: ReadRole<AwsRole>,
  identity: CallerIdentity,
  fullArn: string | undefined,
): Promise<Principal> {
  const { iamAlias, iamMetadata } = await readIdentityConfig(call.view);
  const { principal, uniqueId, userId, arn } = identity;
  const canonical = canonicalArn(principal);
  const aliases = { role_id: role.id, unique_id: uniqueId, full_arn: arn, canonical_arn: canonical };
  const inferred = role.inferredEntity !== '';
  const all: Readonly<Record<string, string>> = {
    account_id: principal.account,
    auth_type: 'iam',
    canonical_arn: canonical,
    client_arn: arn,
    client_user_id: userId,
    inferred_aws_region: role.inferredRegion,
    inferred_entity_id: inferred ? (principal.session ?? '') : '',
    inferred_entity_type: role.inferredEntity,
  };
  const grant = grantOf(role);
  return {
    ...grant,
    displayName: `aws-${principal.kind === 'root' ? 'root' : principal.name}`,
    alias: aliases[iamAlias],
    provenAs: provenName(identity, fullArn),
    metadata: {
      role_id: role.id,
      ...Object.fromEntries(Object.entries(all).filter(([name]) => iamMetadata.includes(name))),
    },
    internal: { ...grant.internal, auth_type: 'iam', arn, unique_id: uniqueId, user_id: userId },
    expectations: [roleExpectation(role.name, revision)],
  };
}

/**
 * A role whose path nobody could say is not taken for one without a path: it has a name of its own, which a list for
 * `…:role/NAME` does not mean.
 */
function provenName({ principal }: CallerIdentity, fullArn: string | undefined): string {
  const { account, kind, name, path } = principal;
  if (kind === 'root') return `${account}:root`;
  if (kind !== 'assumed-role') return `${account}:${kind}${path}${name}`;
  const role = fullArn === undefined ? undefined : parseArn(fullArn);
  return role === undefined ? `${account}:assumed-role/${name}` : `${account}:role${role.path}${role.name}`;
}

/** What a renewal asks anew: whether the role still means the caller. Throws `permission_denied`. */
export async function checkStillBound(
  rooms: AwsRooms,
  desk: IamDesk,
  view: View,
  internal: JsonObject,
): Promise<void> {
  const principal = parseArn(String(internal['arn']));
  const read = await readRole<AwsRole>(view, String(internal['role']));
  // That there is no such role any more is told by whoever grants its times.
  if (read === undefined || principal === undefined || read.role.id !== internal['id']) return;
  const identity = {
    arn: String(internal['arn']),
    principal,
    uniqueId: String(internal['unique_id']),
    userId: String(internal['user_id']),
  };
  const questions = rooms.questionsFor(view);
  await boundArn(desk, read.role, identity, questions);
}

function refused(reason: string): CofferError {
  return new CofferError('permission_denied', reason);
}
