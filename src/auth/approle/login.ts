/** AppRole's login: one answer for everything that is wrong, and the secret id's use spent in the commit that makes the token. */

import { type Call, type Endpoint, endpoint, type Principal } from '../../core/endpoint.ts';
import { isNetworkWithin, isWithin } from '../../core/network.ts';
import { decodeStored } from '../../core/stored-json.ts';
import type { View, ViewExpectation, ViewWrite } from '../../core/view.ts';
import { CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import { wantedTokenType } from '../token-fields.ts';
import {
  accessorPath,
  encodeRecord,
  type RoleRecord,
  roleIdPath,
  rolePath,
  type SecretIdRecord,
  secretIdPath,
} from './role.ts';
import { type RoleRooms, readRole } from './roles.ts';

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

export function loginEndpoint(rooms: RoleRooms): Endpoint {
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
          return { login: await logIn(rooms, call, roleId, secretId ?? '') };
        },
      },
    },
  });
}

async function logIn(
  { environment, lockout }: RoleRooms,
  call: Call,
  roleId: string,
  secretId: string,
): Promise<Principal> {
  const { view, remoteAddress } = call;
  const path = lockout.pathOf(roleId);
  const [pointer, sealed] = await view.readMany([roleIdPath(environment.digest(roleId)), path]);
  const read = pointer === undefined ? undefined : await readRole(view, nameIn(pointer.open()));
  // The digest is made whether there is such a role or not: both ways do the same work and say the same.
  const digest = environment.digest(secretId);
  // Which refusal it is depends on what was sent, never on whether there is such a role.
  const refusal = () =>
    secretId === '' ? new CofferError('invalid_request', 'missing secret_id') : refused();
  if (read === undefined) return (await lockout.attemptOfNobody(path, remoteAddress)).failed(refusal());
  const { role, revision } = read;
  // A role that changes while it is logged in to is read again.
  const account = { path: rolePath(role.name), revision };
  const attempt = lockout.attempt(view, { name: roleId, path, sealed, account }, remoteAddress);
  const spent = await proofOf(call, role, secretId, digest);
  const boundCidrs = spent === undefined ? undefined : boundTo(role.token.boundCidrs, spent.tokenCidrs);
  if (spent === undefined || boundCidrs === undefined) return attempt.failed(refusal());
  const { writes, expectations } = attempt.succeeded();
  return {
    ...principalOf(role, spent.metadata, boundCidrs),
    writes: [...writes, ...spent.writes],
    expectations: [...expectations, ...spent.expectations],
  };
}

function nameIn(pointer: Buffer): string {
  return decodeStored<{ role: string }>(pointer).role;
}

function principalOf(
  role: RoleRecord,
  metadata: SpentSecretId['metadata'],
  boundCidrs: readonly string[],
): Principal {
  const { token } = role;
  return {
    displayName: 'approle',
    alias: role.roleId,
    policies: token.policies,
    metadata: { ...metadata, role_name: role.name },
    ttl: token.ttl,
    maxTtl: token.maxTtl,
    explicitMaxTtl: token.explicitMaxTtl,
    period: token.period,
    numUses: token.numUses,
    noDefaultPolicy: token.noDefaultPolicy,
    renewable: true,
    tokenType: wantedTokenType(token),
    boundCidrs,
    internal: { role: role.name, id: role.id },
  };
}

const nothingSpent: SpentSecretId = { metadata: {}, tokenCidrs: [], writes: [], expectations: [] };

/** Undefined when the role asks for something else than what was sent, or for another address. */
async function proofOf(
  call: Call,
  role: RoleRecord,
  secretId: string,
  digest: string,
): Promise<SpentSecretId | undefined> {
  const { bindSecretId, secretIdBoundCidrs } = role;
  if (bindSecretId && secretId === '') return undefined;
  if (secretIdBoundCidrs.length > 0 && !isWithin(call.remoteAddress, secretIdBoundCidrs)) return undefined;
  return bindSecretId ? spend(call, role.id, digest) : nothingSpent;
}

/** The secret id’s networks, as far as they lie in what the role is bound to by now; undefined if none does. */
function boundTo(role: readonly string[], secretId: readonly string[]): readonly string[] | undefined {
  if (secretId.length === 0) return role;
  if (role.length === 0) return secretId;
  const both = secretId.filter((network) => isNetworkWithin(network, role));
  return both.length === 0 ? undefined : both;
}

/** What a login takes from a secret id of the role with this `id`; undefined when there is none that is good here and now. */
async function spend(call: Call, role: string, digest: string): Promise<SpentSecretId | undefined> {
  const path = secretIdPath(role, digest);
  const sealed = await call.view.read(path);
  if (sealed === undefined) return undefined;
  const record = decodeStored<SecretIdRecord>(sealed.open());
  const now = call.clock.now();
  if (record.expiresAt !== null && record.expiresAt <= now) return undefined;
  if (record.cidrs.length > 0 && !isWithin(call.remoteAddress, record.cidrs)) return undefined;
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
