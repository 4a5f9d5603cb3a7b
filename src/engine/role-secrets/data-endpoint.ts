/** `data`: values, as clients of kv v2 read and write them. */
import {
  type Call,
  type Endpoint,
  endpoint,
  type FieldValues,
  type Reply,
  type ResponseSchema,
} from '../../core/endpoint.ts';
import { applyMergePatch } from '../../core/merge-patch.ts';
import { RawJson } from '../../core/request.ts';
import { retryOnConflict } from '../../core/retry.ts';
import { parseStored } from '../../core/stored-json.ts';
import { randomUuid } from '../../crypto/random.ts';
import { CofferError, ConflictError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import { isListed } from './principals.ts';
import { administered, checkWrite, present, readable, refused, secretName } from './rights.ts';
import type { RoleMount } from './role-mount.ts';
import { decodeOldVersion, type Secret, secretPath, versionPath } from './secret-record.ts';
import type { Found } from './secrets.ts';
import { isUnreadable, shownVersion, withDeleted, withVersion } from './versions.ts';
import { checkCas, endOf, listOf, textOf } from './written.ts';

export const versionMembers = {
  created_time: { type: 'string', help: 'RFC 3339.' },
  custom_metadata: { type: 'pairs', nullable: true, help: 'There is none.' },
  deletion_time: { type: 'string', help: 'RFC 3339; empty where it has no end. May be yet to come.' },
  destroyed: { type: 'bool' },
  version: { type: 'int' },
} as const satisfies ResponseSchema;

const fields = {
  data: { type: 'object', help: 'The fields of the secret.', sensitive: true },
  value: { type: 'string', help: 'In place of data: the one field `value`.', sensitive: true },
  roles: {
    type: 'list',
    help: 'Who may read it: roles of the own account by name, others as in userpass/ann. Needed for a new name; else the list stays.',
  },
  ttl: { type: 'duration', help: 'The version ends after this time.' },
  expires_at: { type: 'string', help: 'The version ends at this time (RFC 3339).' },
  cas: { type: 'int', help: 'The version that must be the current one; 0 for none yet.' },
  options: {
    type: 'object',
    help: 'cas, as clients of kv send it.',
    // Whatever else somebody puts here by mistake must not stand in the log.
    sensitive: true,
  },
  version: { type: 'int', help: 'Version to read; 0 is the current one.', query: true },
} as const;

type DataCall = Call & { readonly fields: FieldValues<typeof fields> };

export function dataEndpoint(mount: RoleMount): Endpoint {
  return endpoint({
    pattern: 'data/:path*',
    help: 'Reads and writes versions of a secret.',
    fields,
    exists: async (call) => {
      const found = await mount.secrets.read(call.view, secretName(call));
      if (call.asked !== undefined) call.asked.found = found;
      return present(found) !== undefined;
    },
    operations: {
      read: {
        summary: 'Read a version, as one who is on its list',
        ownDecision: true,
        response: {
          data: { type: 'object', sensitive: true, nullable: true },
          metadata: { type: 'object', members: versionMembers },
        },
        handle: (call) => retryOnConflict(() => read(mount, call)),
      },
      update: {
        summary: 'Write a new version',
        ownDecision: true,
        response: versionMembers,
        handle: (call) => write(mount, call),
      },
      patch: {
        summary: 'Write a new version: the current one with a JSON merge patch applied',
        ownDecision: true,
        response: versionMembers,
        handle: (call) => patch(mount, call),
      },
      delete: {
        summary: 'Delete the current version; it can come back',
        ownDecision: true,
        handle: (call) => remove(mount, call),
      },
    },
  });
}

async function read({ secrets }: RoleMount, call: DataCall): Promise<Reply | undefined> {
  const found = await secrets.read(call.view, secretName(call));
  const secret = readable(found, call.caller);
  const number = Math.max(0, call.fields.version ?? 0) || secret.last;
  const row = secret.versions.find((each) => each.number === number);
  if (row === undefined) return undefined;
  const now = call.clock.now();
  const metadata = shownVersion(row, now);
  if (isUnreadable(row, now)) return { status: 404, data: { data: null, metadata } };
  const text = number === secret.last ? secret.text : await oldText(call, found, secret, number);
  if (text === undefined) throw new CofferError('integrity', 'the value of this version is missing');
  return { data: { data: new RawJson(text), metadata } };
}

/** An older value is for who was on its list when it was replaced, and is on the secret's list yet. */
async function oldText(call: DataCall, found: Found, { id }: Secret, number: number): Promise<string> {
  const record = await call.view.read(versionPath(id, number));
  if (record === undefined) {
    const again = await call.view.read(secretPath(found.name));
    // Where the secret changed meanwhile, the version may have gone with that.
    if (again?.revision !== found.revision) throw new ConflictError(found.name);
    throw new CofferError('integrity', 'the value of this version is missing');
  }
  const old = decodeOldVersion(record.open());
  if (old.number !== number) throw new CofferError('integrity', 'a version is not where it was stored');
  if (!isListed(call.caller, old.roles)) throw refused();
  return old.text;
}

async function write(mount: RoleMount, call: DataCall): Promise<Reply> {
  const name = secretName(call);
  let first = call.asked?.found as Found | undefined;
  return retryOnConflict(async () => {
    const found = first ?? (await mount.secrets.read(call.view, name));
    // Another try looks again.
    first = undefined;
    checkWrite(found, call.caller);
    const text = textOf(call.fields);
    return { data: await addVersion(mount, call, found, text) };
  });
}

/**
 * Merges into a value that the caller need not be able to read, and is told nothing of. Whoever may write new versions may: the list
 * stays, unless the same request changes it.
 */
async function patch(mount: RoleMount, call: DataCall): Promise<Reply> {
  const name = secretName(call);
  const { data, value } = call.fields;
  return retryOnConflict(async () => {
    const found = await mount.secrets.read(call.view, name);
    const secret = administered(found, call.caller);
    if (data === undefined || value !== undefined) {
      throw new CofferError(
        'invalid_request',
        'a patch sends data: the fields to set, and null for those to remove',
      );
    }
    const now = call.clock.now();
    const row = secret.versions.at(-1);
    if (row === undefined || isUnreadable(row, now) || secret.text === undefined) {
      return { status: 404, data: shownNewest(secret, now) };
    }
    const merged = applyMergePatch(parseStored<JsonObject>(Buffer.from(secret.text)), data);
    return { data: await addVersion(mount, call, found, textOf({ data: merged as JsonObject })) };
  });
}

/** Throws `conflict` where the check fails, or the secret changed meanwhile. */
async function addVersion(
  { secrets, naming, random }: RoleMount,
  call: DataCall,
  found: Found,
  text: string,
): Promise<JsonObject> {
  const now = call.clock.now();
  const before = present(found);
  const expiresAt = endOf(call.fields, now);
  const sent = call.fields.roles;
  const roles = listOf(sent && naming(found.rules).parse(sent), before?.roles);
  checkCas(call.fields, before?.last ?? 0);
  const change = withVersion(found, { text, roles, expiresAt, id: randomUuid(random) }, now);
  await secrets.commit(call.view, found, change);
  return shownNewest(change.secret, now);
}

function shownNewest({ versions }: Secret, now: number): JsonObject {
  const row = versions.at(-1);
  return row === undefined ? {} : shownVersion(row, now);
}

async function remove({ secrets }: RoleMount, call: DataCall): Promise<undefined> {
  const name = secretName(call);
  await retryOnConflict(async () => {
    const found = await secrets.read(call.view, name);
    const secret = administered(found, call.caller);
    const change = withDeleted(secret, [secret.last], true, call.clock.now());
    if (change !== undefined) await secrets.commit(call.view, found, change);
  });
  return undefined;
}
