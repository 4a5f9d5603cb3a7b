/** Roles of an auth method at rest, and what every method does with them in the same way. */
import { type Call, type Endpoint, endpoint, type Principal } from '../core/endpoint.ts';
import { listPage, pageFields } from '../core/list-page.ts';
import { isWithin } from '../core/network.ts';
import { retryOnConflict } from '../core/retry.ts';
import { decodeStored, encodeStored } from '../core/stored-json.ts';
import type { View, ViewExpectation } from '../core/view.ts';
import { CofferError } from '../errors.ts';
import type { JsonObject } from '../json.ts';
import type { Revision } from '../storage/storage.ts';
import { type TokenSettings, tokenFields, wantedTokenType } from './token-fields.ts';

export interface RoleRecord {
  readonly name: string;
  /** A uuid: tokens are of this role, not of whichever has its name later. */
  readonly id: string;
  readonly token: TokenSettings;
  /** Older names of fields by which it was written. */
  readonly oldNames: readonly string[];
}

export interface ReadRole<R extends RoleRecord> {
  readonly role: R;
  readonly revision: Revision;
}

export const roleFolder = 'role/';

/** The fields of every method's tokens, with the names that they had before all methods shared them. */
export const oldTokenFields = {
  ...tokenFields,
  token_ttl: { ...tokenFields.token_ttl, aliases: ['ttl'] },
  token_max_ttl: { ...tokenFields.token_max_ttl, aliases: ['max_ttl'] },
  token_num_uses: { ...tokenFields.token_num_uses, aliases: ['num_uses'] },
  token_bound_cidrs: { ...tokenFields.token_bound_cidrs, aliases: ['bound_cidrs'] },
} as const;

/** Folded to lower case (ASCII) once, then only validated: look-alikes are refused, never merged. Undefined for no name. */
export function canonicalRoleName(text: string): string | undefined {
  const name = text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  return /^[a-z0-9][a-z0-9._-]{0,127}$/.test(name) ? name : undefined;
}

/** Throws `invalid_request`. */
export function parseRoleName(text: string): string {
  const name = canonicalRoleName(text);
  if (name !== undefined) return name;
  throw new CofferError(
    'invalid_request',
    'a role name begins with a letter a–z or a digit, and letters, digits, ".", "_" and "-" follow, 128 in all',
  );
}

/** `name` is canonical. */
export async function readRole<R extends RoleRecord>(
  view: View,
  name: string,
): Promise<ReadRole<R> | undefined> {
  const sealed = await view.read(roleFolder + name);
  return sealed === undefined
    ? undefined
    : { role: decodeStored<R>(sealed.open()), revision: sealed.revision };
}

/** The role that the path names. Throws `invalid_request` for what cannot be a name. */
export function readNamedRole<R extends RoleRecord>(call: Call): Promise<ReadRole<R> | undefined> {
  return readRole<R>(call.view, nameOf(call));
}

/** Makes or changes the role that the path names; `change` is told of no role where there is none. */
export async function writeNamedRole<R extends RoleRecord>(
  call: Call,
  change: (before: R | undefined, name: string) => R,
): Promise<void> {
  const name = nameOf(call);
  await retryOnConflict(async () => {
    const before = await readRole<R>(call.view, name);
    const value = encodeStored(change(before?.role, name));
    await call.view.commit([{ path: roleFolder + name, value }], [roleExpectation(name, before?.revision)]);
  });
}

export async function deleteNamedRole(call: Call): Promise<void> {
  const name = nameOf(call);
  await retryOnConflict(async () => {
    const before = await readRole(call.view, name);
    if (before === undefined) return;
    await call.view.commit(
      [{ path: roleFolder + name, value: null }],
      [roleExpectation(name, before.revision)],
    );
  });
}

/** That a role is still as it was read. */
export function roleExpectation(name: string, revision: Revision | undefined): ViewExpectation {
  return { path: roleFolder + name, revision: revision ?? null };
}

/** @param pattern `roles` where a method's clients ask by that name, too */
export function roleListEndpoint(pattern: 'role' | 'roles' = 'role'): Endpoint {
  return endpoint({
    pattern,
    help: 'Lists roles.',
    fields: pageFields,
    operations: {
      list: {
        summary: 'List roles',
        response: { keys: { type: 'list' } },
        handle: (call) => listPage((page) => call.view.children(roleFolder, page), call.fields),
      },
    },
  });
}

/** Whether logins by a role may come from an address. */
export function admitsAddress({ token }: RoleRecord, address: string): boolean {
  return token.boundCidrs.length === 0 || isWithin(address, token.boundCidrs);
}

/** What a role grants whoever logged in by it. */
export function grantOf({
  name,
  id,
  token,
}: RoleRecord): Omit<Principal, 'displayName' | 'alias' | 'metadata'> {
  return {
    policies: token.policies,
    ttl: token.ttl,
    maxTtl: token.maxTtl,
    explicitMaxTtl: token.explicitMaxTtl,
    period: token.period,
    numUses: token.numUses,
    noDefaultPolicy: token.noDefaultPolicy,
    renewable: true,
    tokenType: wantedTokenType(token),
    boundCidrs: token.boundCidrs,
    internal: { role: name, id },
  };
}

/** Renewal asks whether the role is still there, and grants what it grants now. */
export async function renewByRole(
  internal: JsonObject,
  view: View,
): Promise<{ readonly ttl?: number; readonly maxTtl?: number }> {
  const read = await readRole(view, String(internal['role']));
  if (read === undefined || read.role.id !== internal['id']) {
    throw new CofferError('invalid_request', 'the role of this token does not exist any more');
  }
  const { ttl, maxTtl } = read.role.token;
  return { ...(ttl > 0 ? { ttl } : {}), ...(maxTtl > 0 ? { maxTtl } : {}) };
}

function nameOf(call: Call): string {
  return parseRoleName(call.params['name'] ?? '');
}
