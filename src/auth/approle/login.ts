/** AppRole's login: one answer for everything that is wrong, and the secret id's use spent in the commit that makes the token. */

import { type Call, type Endpoint, endpoint, type Principal } from '../../core/endpoint.ts';
import { isNetworkWithin, isWithin } from '../../core/network.ts';
import { decodeStored } from '../../core/stored-json.ts';
import type { View, ViewExpectation, ViewWrite } from '../../core/view.ts';
import type { EngineEnvironment } from '../../engine/engine.ts';
import { CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import {
  accessorPath,
  encodeRecord,
  roleIdPath,
  rolePath,
  type SecretIdRecord,
  secretIdPath,
} from './role.ts';
import { type ReadRole, readRole } from './roles.ts';

const fields = {
  role_id: { type: 'string', help: 'The role id.' },
  secret_id: { type: 'string', help: 'The secret id.', sensitive: true },
} as const;

interface SpentSecretId {
  readonly metadata: Readonly<Record<string, string>>;
  readonly tokenCidrs: readonly string[];
  readonly writes: readonly ViewWrite[];
  readonly expectations: readonly ViewExpectation[];
}

export function loginEndpoint(environment: EngineEnvironment): Endpoint {
  return endpoint({
    pattern: 'login',
    help: 'Trades a role id and a secret id for a token.',
    fields,
    operations: {
      update: {
        summary: 'Log in',
        login: true,
        handle: async (call) => {
          const { role_id: roleId, secret_id: secretId } = call.fields;
          if (roleId === undefined || roleId === '')
            throw new CofferError('invalid_request', 'missing role_id');
          return { login: await logIn(environment, call, roleId, secretId ?? '') };
        },
      },
    },
  });
}

async function logIn(
  environment: EngineEnvironment,
  call: Call,
  roleId: string,
  secretId: string,
): Promise<Principal> {
  const { view } = call;
  const read = await roleOf(environment, view, roleId);
  // The digest is made whether there is such a role or not: both ways do the same work and say the same.
  const digest = environment.digest(secretId);
  // Which refusal it is depends on what was sent, never on whether there is such a role.
  const refusal = secretId === '' ? new CofferError('invalid_request', 'missing secret_id') : refused();
  if (read === undefined || (read.role.bindSecretId && secretId === '')) throw refusal;
  const { role, revision } = read;
  if (role.secretIdBoundCidrs.length > 0 && !isWithin(call.remoteAddress, role.secretIdBoundCidrs))
    throw refusal;
  const spent = role.bindSecretId ? await spend(call, role.id, digest) : undefined;
  const { token } = role;
  return {
    displayName: 'approle',
    alias: role.roleId,
    policies: token.policies,
    metadata: { ...spent?.metadata, role_name: role.name },
    ttl: token.ttl,
    maxTtl: token.maxTtl,
    explicitMaxTtl: token.explicitMaxTtl,
    period: token.period,
    numUses: token.numUses,
    noDefaultPolicy: token.noDefaultPolicy,
    renewable: true,
    boundCidrs: boundTo(token.boundCidrs, spent?.tokenCidrs ?? []),
    internal: { role: role.name, id: role.id },
    writes: spent?.writes ?? [],
    // A role that changes while it is logged in to is read again.
    expectations: [{ path: rolePath(role.name), revision }, ...(spent?.expectations ?? [])],
  };
}

/** The secret id's networks, as far as they lie in what the role is bound to by now. Throws the one refusal if none does. */
function boundTo(role: readonly string[], secretId: readonly string[]): readonly string[] {
  if (secretId.length === 0) return role;
  if (role.length === 0) return secretId;
  const both = secretId.filter((network) => isNetworkWithin(network, role));
  if (both.length === 0) throw refused();
  return both;
}

async function roleOf(
  environment: EngineEnvironment,
  view: View,
  roleId: string,
): Promise<ReadRole | undefined> {
  const pointer = await view.read(roleIdPath(environment.digest(roleId)));
  return pointer === undefined
    ? undefined
    : readRole(view, decodeStored<{ role: string }>(pointer.open()).role);
}

/** What a login takes from a secret id of the role with this `id`. Throws the one refusal. */
async function spend(call: Call, role: string, digest: string): Promise<SpentSecretId> {
  const path = secretIdPath(role, digest);
  const sealed = await call.view.read(path);
  if (sealed === undefined) throw refused();
  const record = decodeStored<SecretIdRecord>(sealed.open());
  const now = call.clock.now();
  if (record.expiresAt !== null && record.expiresAt <= now) throw refused();
  if (record.cidrs.length > 0 && !isWithin(call.remoteAddress, record.cidrs)) throw refused();
  const { metadata, tokenCidrs } = record;
  // Whether spent or not, it must still be there when the token is made.
  const expectations = [{ path, revision: sealed.revision }];
  if (record.usesLeft === null) return { metadata, tokenCidrs, writes: [], expectations };
  const usesLeft = record.usesLeft - 1;
  const writes: ViewWrite[] =
    usesLeft > 0
      ? [{ path, value: encodeRecord({ ...record, usesLeft, updatedAt: now }) }]
      : [
          { path, value: null },
          { path: accessorPath(role, record.accessor), value: null },
        ];
  return { metadata, tokenCidrs, writes, expectations };
}

function refused(): CofferError {
  return new CofferError('invalid_request', 'invalid role or secret ID');
}

/** Renewal asks whether the role is still there, and grants what it grants now. */
export async function renewRole(
  internal: JsonObject,
  view: View,
): Promise<{ readonly ttl?: number; readonly maxTtl?: number }> {
  const read = await readRole(view, String(internal['role']));
  if (read === undefined || read.role.id !== internal['id'])
    throw new CofferError('invalid_request', 'the role of this token does not exist any more');
  const { ttl, maxTtl } = read.role.token;
  return { ...(ttl > 0 ? { ttl } : {}), ...(maxTtl > 0 ? { maxTtl } : {}) };
}
