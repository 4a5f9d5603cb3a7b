/**
 * Logins of instances by their identity document. What the document alone can tell is told first, so that strangers cannot make us
 * ask AWS about anything: only what AWS has signed is ever asked about.
 */

import type { Call, Principal } from '../../core/endpoint.ts';
import { randomUuid } from '../../crypto/random.ts';
import { CofferError } from '../../errors.ts';
import { grantOf, type ReadRole, roleExpectation } from '../role-records.ts';
import { type AccessRules, admitInstance, longestNonce, readEntry } from './access-list.ts';
import { readIdentityConfig } from './identity-config.ts';
import type { IdentityDocument } from './identity-document.ts';
import type { IdentityProof } from './identity-proof.ts';
import { checkInstance, checkStated, type PlacedInstance, provenName } from './instance-binds.ts';
import { loginRole } from './login-role.ts';
import type { AwsQuestions } from './questions.ts';
import { askedByStranger } from './refusals.ts';
import type { AwsRole } from './role.ts';
import { type TagGrant, tagGrant } from './role-tag.ts';
import type { AwsRooms } from './rooms.ts';

export interface Ec2Login {
  readonly proof: IdentityProof;
  /** Empty for the one named like the instance's image. */
  readonly role: string;
  /** Undefined where none was sent. */
  readonly nonce: string | undefined;
}

/** Rejects with `permission_denied` and the reason, which stays inside; or with `AwsError`. */
export async function logInInstance(rooms: AwsRooms, call: Call, login: Ec2Login): Promise<Principal> {
  const { nonce } = login;
  if (nonce !== undefined && nonce.length > longestNonce) throw refused('the nonce is too long');
  const document = await rooms.documents.of(login.proof, call.view);
  const found = await loginRole(call, login.role === '' ? document.imageId : login.role, 'ec2');
  checkStated(found.role, { ...document, account: document.accountId, id: document.instanceId });
  const questions = askedByStranger(rooms.questionsFor(call.view), rooms.unknown, call.remoteAddress);
  const instance = await runningInstance(document, questions);
  await checkInstance(found.role, instance, questions);
  const tag = await tagGrant(rooms, call.view, found.role, instance);
  const now = call.clock.now();
  const { ignoreNonce } = found.role;
  const made = nonce === undefined && !ignoreNonce ? randomUuid(rooms.environment.random) : undefined;
  const kept = made ?? nonce ?? '';
  const admission = admitInstance(
    document,
    await readEntry(call.view, document.instanceId),
    kept === '' || ignoreNonce ? '' : rooms.environment.digest(`nonce/${kept}`),
    rulesOf(found.role, tag),
    now,
    rooms.environment.maxTtl * 1_000,
  );
  return {
    ...(await principalOf(call, found, instance, tag, questions)),
    metadata: await metadataOf(call, found.role, instance, tag),
    ...(made === undefined ? {} : { secretMetadata: { nonce: made } }),
    writes: admission.writes,
    expectations: [roleExpectation(found.role.name, found.revision), ...admission.expectations],
  };
}

function rulesOf(role: AwsRole, tag: TagGrant | undefined): AccessRules {
  return {
    role: role.name,
    ignoreNonce: role.ignoreNonce,
    firstWithin: (role.firstLoginWithin ?? 0) * 1_000,
    allowMigration: role.allowInstanceMigration || tag?.allowInstanceMigration === true,
    disallowReauthentication: role.disallowReauthentication || tag?.disallowReauthentication === true,
  };
}

/** As EC2 says now. Rejects with `permission_denied`, or `AwsError`. */
async function runningInstance(
  { accountId, region, instanceId, imageId }: IdentityDocument,
  questions: AwsQuestions,
): Promise<PlacedInstance> {
  const instance = await questions.instance(accountId, region, instanceId);
  if (instance === undefined) throw refused('there is no such instance in the account');
  if (instance.state !== 'running') throw refused('the instance does not run');
  if (instance.imageId !== imageId) throw refused('the instance is of another image than its document');
  return { ...instance, region };
}

/** Who it is, apart from what the login leaves behind. */
async function principalOf(
  call: Call,
  { role }: ReadRole<AwsRole>,
  instance: PlacedInstance,
  tag: TagGrant | undefined,
  questions: AwsQuestions,
): Promise<Omit<Principal, 'metadata' | 'secretMetadata' | 'writes' | 'expectations'>> {
  const { ec2Alias } = await readIdentityConfig(call.view);
  const grant = grantOf(role);
  const provenAs = await provenName(instance, questions);
  const aliases = { role_id: role.id, instance_id: instance.id, image_id: instance.imageId };
  return {
    ...grant,
    policies: tag?.policies ?? grant.policies,
    ...(tag === undefined ? {} : { maxTtl: shorter(grant.maxTtl ?? 0, tag.maxTtl) }),
    displayName: `aws-${instance.id}`,
    alias: aliases[ec2Alias],
    provenAs,
    internal: {
      ...grant.internal,
      auth_type: 'ec2',
      instance_id: instance.id,
      account_id: instance.account,
      region: instance.region,
      proven_as: provenAs,
    },
  };
}

async function metadataOf(
  call: Call,
  role: AwsRole,
  instance: PlacedInstance,
  tag: TagGrant | undefined,
): Promise<Principal['metadata']> {
  const { ec2Metadata } = await readIdentityConfig(call.view);
  const all: Readonly<Record<string, string>> = {
    account_id: instance.account,
    ami_id: instance.imageId,
    auth_type: 'ec2',
    instance_id: instance.id,
    region: instance.region,
    role: role.name,
    role_tag_max_ttl: `${tag?.maxTtl ?? 0}s`,
  };
  return Object.fromEntries(Object.entries(all).filter(([name]) => ec2Metadata.includes(name)));
}

/** Of two times in seconds, where 0 is none. */
function shorter(one: number, other: number): number {
  return one === 0 || other === 0 ? one + other : Math.min(one, other);
}

function refused(reason: string): CofferError {
  return new CofferError('permission_denied', reason);
}
