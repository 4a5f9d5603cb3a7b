/** The endpoints of AppRole's secret ids: shown once, stored as a keyed hash. */
import { timestamp } from '../../clock.ts';
import {
  type Call,
  type Endpoint,
  endpoint,
  type Fields,
  type FieldValues,
  type Reply,
} from '../../core/endpoint.ts';
import { listPage, pageFields } from '../../core/list-page.ts';
import { isNetworkWithin, parseNetwork } from '../../core/network.ts';
import { retryOnConflict } from '../../core/retry.ts';
import { decodeStored } from '../../core/stored-json.ts';
import type { DueEntry, View } from '../../core/view.ts';
import { randomUuid } from '../../crypto/random.ts';
import type { EngineEnvironment } from '../../engine/engine.ts';
import { CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import {
  accessorFolder,
  accessorPath,
  encodeRecord,
  leftoversOf,
  type RoleRecord,
  rolePath,
  type SecretIdRecord,
  secretIdPath,
} from './role.ts';
import { needRole, removeLeftovers } from './roles.ts';

const newFields = {
  metadata: {
    type: 'pairs',
    help: 'Texts kept with the secret id and given to its tokens; JSON text or an object.',
  },
  cidr_list: { type: 'list', help: 'Networks a login may come from.' },
  token_bound_cidrs: { type: 'list', help: 'Networks the token may be used from.' },
  num_uses: { type: 'int', help: 'Logins the secret id is good for; the role’s number when absent.' },
  ttl: { type: 'duration', help: 'Life of the secret id; the role’s when absent.' },
} as const satisfies Fields;

const givenField = {
  secret_id: { type: 'string', help: 'The secret id.', sensitive: true, required: true },
} as const satisfies Fields;
const accessorField = {
  secret_id_accessor: { type: 'string', help: 'The secret id’s accessor.', required: true },
} as const satisfies Fields;

const newSchema = {
  secret_id: { type: 'string', sensitive: true },
  secret_id_accessor: { type: 'string' },
  secret_id_num_uses: { type: 'int' },
  secret_id_ttl: { type: 'int' },
} as const;

const secretIdSchema = {
  cidr_list: { type: 'list' },
  creation_time: { type: 'string' },
  expiration_time: { type: 'string' },
  last_updated_time: { type: 'string' },
  metadata: { type: 'pairs' },
  secret_id_accessor: { type: 'string' },
  secret_id_num_uses: { type: 'int' },
  secret_id_ttl: { type: 'duration' },
  token_bound_cidrs: { type: 'list' },
} as const;

export function secretIdEndpoints(environment: EngineEnvironment): readonly Endpoint[] {
  return [
    endpoint({
      pattern: 'role/:name/secret-id',
      help: 'Makes a secret id, or lists the accessors of those there are.',
      fields: { ...newFields, ...pageFields },
      operations: {
        update: {
          summary: 'Make a secret id',
          response: newSchema,
          handle: (call) => makeSecretId(environment, call, call.fields, randomUuid(environment.random)),
        },
        list: {
          summary: 'List accessors of secret ids',
          response: { keys: { type: 'list' } },
          handle: async (call) => {
            const folder = accessorFolder((await needRole(call)).role.id);
            return listPage((page) => call.view.children(folder, page), call.fields);
          },
        },
      },
    }),
    endpoint({
      pattern: 'role/:name/custom-secret-id',
      help: 'Takes a secret id of the caller’s choosing.',
      fields: { ...newFields, ...givenField },
      operations: {
        update: {
          summary: 'Set a secret id',
          response: newSchema,
          handle: (call) => makeSecretId(environment, call, call.fields, checkGiven(call.fields.secret_id)),
        },
      },
    }),
    ...lookups(environment),
    ...destructions(environment),
  ];
}

function checkGiven(secretId: string): string {
  if (/^[\x21-\x7e]{16,200}$/.test(secretId)) return secretId;
  throw new CofferError('invalid_request', 'secret_id has 16 to 200 visible ASCII characters');
}

async function makeSecretId(
  environment: EngineEnvironment,
  call: Call,
  fields: FieldValues<typeof newFields>,
  secretId: string,
): Promise<Reply> {
  const digest = environment.digest(secretId);
  const record = await retryOnConflict(() => storeSecretId(environment, call, fields, digest));
  return {
    data: {
      secret_id: secretId,
      secret_id_accessor: record.accessor,
      secret_id_num_uses: record.usesLeft ?? 0,
      secret_id_ttl: record.ttl,
    },
  };
}

/** Throws `conflict` when the role changed meanwhile: then it is read again. */
async function storeSecretId(
  environment: EngineEnvironment,
  call: Call,
  fields: FieldValues<typeof newFields>,
  digest: string,
): Promise<SecretIdRecord> {
  const { role, revision } = await needRole(call);
  if (!role.bindSecretId) throw new CofferError('invalid_request', 'bind_secret_id is not set on the role');
  const record = newSecretId(environment, role, fields, call.clock.now());
  const path = secretIdPath(role.id, digest);
  if ((await call.view.read(path)) !== undefined) {
    throw new CofferError('invalid_request', 'secret_id is already registered');
  }
  const due: DueEntry[] = record.expiresAt === null ? [] : [{ at: record.expiresAt, name: path }];
  await call.view.commit(
    [
      { path, value: encodeRecord(record) },
      { path: accessorPath(role.id, record.accessor), value: encodeRecord({ digest }) },
    ],
    [
      { path, revision: null },
      { path: rolePath(role.name), revision },
    ],
    due,
  );
  return record;
}

function newSecretId(
  environment: EngineEnvironment,
  role: RoleRecord,
  fields: FieldValues<typeof newFields>,
  now: number,
): SecretIdRecord {
  const numUses = fields.num_uses ?? role.secretIdNumUses;
  const ttl = fields.ttl ?? role.secretIdTtl;
  if (numUses < 0) throw new CofferError('invalid_request', 'num_uses cannot be negative');
  if (role.secretIdNumUses > 0 && (numUses === 0 || numUses > role.secretIdNumUses)) {
    throw new CofferError('invalid_request', 'num_uses cannot be more than the role’s secret_id_num_uses');
  }
  if (role.secretIdTtl > 0 && (ttl === 0 || ttl > role.secretIdTtl)) {
    throw new CofferError('invalid_request', 'ttl cannot be longer than the role’s secret_id_ttl');
  }
  return {
    accessor: randomUuid(environment.random),
    createdAt: now,
    updatedAt: now,
    expiresAt: ttl > 0 ? now + ttl * 1_000 : null,
    ttl,
    usesLeft: numUses > 0 ? numUses : null,
    metadata: { ...fields.metadata },
    cidrs: networks('cidr_list', fields.cidr_list, role.secretIdBoundCidrs),
    tokenCidrs: networks('token_bound_cidrs', fields.token_bound_cidrs, role.token.boundCidrs),
  };
}

/** Whoever makes secret ids may narrow what the role is bound to, never widen it. */
function networks(
  name: string,
  sent: readonly string[] | undefined,
  role: readonly string[],
): readonly string[] {
  const parsed = sent?.map(parseNetwork) ?? [];
  if (role.length > 0 && !parsed.every((network) => isNetworkWithin(network, role))) {
    throw new CofferError('invalid_request', `${name} cannot be wider than the role’s networks`);
  }
  return parsed;
}

interface FoundSecretId {
  /** The role's `id`. */
  readonly role: string;
  readonly path: string;
  readonly record: SecretIdRecord;
}

async function byText(
  environment: EngineEnvironment,
  call: Call,
  secretId: string,
): Promise<FoundSecretId | undefined> {
  const { role } = await needRole(call);
  return readFound(call.view, role.id, environment.digest(secretId));
}

/** Accessors are looked up below their own role only: another role's is not found. */
async function byAccessor(call: Call, accessor: string): Promise<FoundSecretId> {
  const { role } = await needRole(call);
  const usable = /^[0-9a-f-]{36}$/.test(accessor);
  const pointer = usable ? await call.view.read(accessorPath(role.id, accessor)) : undefined;
  const found =
    pointer === undefined
      ? undefined
      : await readFound(call.view, role.id, decodeStored<{ digest: string }>(pointer.open()).digest);
  if (found === undefined)
    throw new CofferError('not_found', 'failed to find accessor entry for this secret_id_accessor');
  return found;
}

async function readFound(view: View, role: string, digest: string): Promise<FoundSecretId | undefined> {
  const path = secretIdPath(role, digest);
  const sealed = await view.read(path);
  return sealed === undefined
    ? undefined
    : { role, path, record: decodeStored<SecretIdRecord>(sealed.open()) };
}

function lookups(environment: EngineEnvironment): readonly Endpoint[] {
  return [
    endpoint({
      pattern: 'role/:name/secret-id/lookup',
      help: 'Shows what is known of a secret id.',
      fields: givenField,
      operations: {
        update: {
          summary: 'Look a secret id up',
          response: secretIdSchema,
          handle: async (call): Promise<Reply | undefined> => {
            const found = await byText(environment, call, call.fields.secret_id);
            return found === undefined ? undefined : { data: shownSecretId(found.record) };
          },
        },
      },
    }),
    endpoint({
      pattern: 'role/:name/secret-id-accessor/lookup',
      help: 'Shows what is known of a secret id, by its accessor.',
      fields: accessorField,
      operations: {
        update: {
          summary: 'Look a secret id up by accessor',
          response: secretIdSchema,
          handle: async (call) => ({
            data: shownSecretId((await byAccessor(call, call.fields.secret_id_accessor)).record),
          }),
        },
      },
    }),
  ];
}

function destructions(environment: EngineEnvironment): readonly Endpoint[] {
  const byGiven = async (call: Call<typeof givenField>) => {
    const found = await byText(environment, call, call.fields.secret_id);
    if (found !== undefined) await destroySecretId(call.view, found);
    return undefined;
  };
  const byHandle = async (call: Call<typeof accessorField>) => {
    await destroySecretId(call.view, await byAccessor(call, call.fields.secret_id_accessor));
    return undefined;
  };
  return [
    endpoint({
      pattern: 'role/:name/secret-id/destroy',
      help: 'Ends a secret id.',
      fields: givenField,
      operations: {
        update: { summary: 'End a secret id', handle: byGiven },
        delete: { summary: 'End a secret id', handle: byGiven },
      },
    }),
    endpoint({
      pattern: 'role/:name/secret-id-accessor/destroy',
      help: 'Ends a secret id, by its accessor.',
      fields: accessorField,
      operations: {
        update: { summary: 'End a secret id by accessor', handle: byHandle },
        delete: { summary: 'End a secret id by accessor', handle: byHandle },
      },
    }),
  ];
}

async function destroySecretId(view: View, found: FoundSecretId): Promise<void> {
  await view.commit([
    { path: found.path, value: null },
    { path: accessorPath(found.role, found.record.accessor), value: null },
  ]);
}

/** Duty: a secret id whose time has come is removed, and what a deleted role left. */
export async function onSecretIdDue(name: string, view: View, now: number): Promise<void> {
  const [, role, digest] = name.split('/');
  if (role !== undefined && name === leftoversOf(role)) return removeLeftovers(view, role);
  if (role === undefined || digest === undefined) return;
  const found = await readFound(view, role, digest);
  if (found !== undefined && found.record.expiresAt !== null && found.record.expiresAt <= now) {
    await destroySecretId(view, found);
  }
}

function shownSecretId(record: SecretIdRecord): JsonObject {
  return {
    cidr_list: record.cidrs,
    creation_time: timestamp(record.createdAt),
    expiration_time: record.expiresAt === null ? '0001-01-01T00:00:00Z' : timestamp(record.expiresAt),
    last_updated_time: timestamp(record.updatedAt),
    metadata: record.metadata,
    secret_id_accessor: record.accessor,
    secret_id_num_uses: record.usesLeft ?? 0,
    secret_id_ttl: record.ttl,
    token_bound_cidrs: record.tokenCidrs,
  };
}
