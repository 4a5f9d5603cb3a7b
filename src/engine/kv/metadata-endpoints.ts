/** `metadata` of kv v2: what is known of secrets beside their values, and their names. */
import {
  type Call,
  type Endpoint,
  endpoint,
  type FieldValues,
  type Reply,
  type ResponseSchema,
} from '../../core/endpoint.ts';
import { pageFields } from '../../core/list-page.ts';
import { applyMergePatch } from '../../core/merge-patch.ts';
import { retryOnConflict } from '../../core/retry.ts';
import { scanNames } from '../../core/scan-names.ts';
import { randomUuid } from '../../crypto/random.ts';
import { CofferError } from '../../errors.ts';
import { isJsonObject, type JsonObject } from '../../json.ts';
import { parseCustomMetadata } from './custom-metadata.ts';
import { listNames, listSchema } from './listing.ts';
import { newSecret, type SecretRecord, shownSecret } from './metadata.ts';
import { secretPath } from './secret-path.ts';
import { pointerFolder, type Secrets } from './secrets.ts';
import { checkMaxVersions, type MountSettings } from './settings.ts';
import { type Place, removeSecret } from './versions.ts';

const fields = {
  max_versions: { type: 'int', help: 'Versions to keep; 0 is the mount’s number.' },
  cas_required: { type: 'bool', help: 'Writes must name the version they follow.' },
  delete_version_after: { type: 'duration', help: 'New versions delete themselves after this time.' },
  custom_metadata: { type: 'object', help: 'Texts of your own; a patch removes those that are null.' },
  ...pageFields,
} as const;

type MetadataCall = Call & { readonly fields: FieldValues<typeof fields> };

const secretSchema = {
  cas_required: { type: 'bool' },
  created_time: { type: 'string', help: 'RFC 3339.' },
  current_version: { type: 'int', help: '0 before the first.' },
  custom_metadata: { type: 'pairs', nullable: true },
  delete_version_after: { type: 'string', help: 'As Go writes a duration.' },
  max_versions: { type: 'int' },
  oldest_version: { type: 'int', help: '0 while none was dropped.' },
  updated_time: { type: 'string', help: 'RFC 3339.' },
  versions: {
    type: 'object',
    help: 'By number: created_time, deletion_time, destroyed.',
    members: {
      '*': {
        type: 'object',
        members: {
          created_time: { type: 'string' },
          deletion_time: { type: 'string' },
          destroyed: { type: 'bool' },
        },
      },
    },
  },
} as const satisfies ResponseSchema;

export function metadataEndpoint(secrets: Secrets, place: (call: Call) => Place): Endpoint {
  const folder = (call: Call) => pointerFolder + (call.params['path'] ?? '');
  return endpoint({
    pattern: 'metadata/:path*',
    help: 'Shows, sets or removes what is known of a secret; lists secrets.',
    fields,
    exists: async (call) => (await secrets.read(call.view, secretPath(call))) !== undefined,
    operations: {
      read: {
        summary: 'Show metadata',
        response: secretSchema,
        handle: async (call) => {
          const read = await secrets.read(call.view, secretPath(call));
          return read === undefined ? undefined : { data: shownSecret(read.secret) };
        },
      },
      list: {
        summary: 'List secrets',
        response: listSchema,
        handle: (call) => listNames(call.view, folder(call), call.fields),
      },
      scan: {
        summary: 'List secrets in all folders below',
        response: listSchema,
        handle: (call) => scanNames(call.view, folder(call), call.fields),
      },
      update: { summary: 'Set metadata', handle: (call) => write(place(call), call) },
      patch: { summary: 'Change metadata by a JSON merge patch', handle: (call) => patch(place(call), call) },
      delete: {
        summary: 'Remove a secret with all versions',
        handle: async (call) => void (await removeSecret(place(call))),
      },
    },
  });
}

type Settable = Pick<SecretRecord, 'maxVersions' | 'casRequired' | 'deleteVersionAfter' | 'customMetadata'>;
type Wish = (secret: SecretRecord) => Partial<Settable>;

/** What was sent, without what was not. */
function sentSettings({ fields }: MetadataCall): Partial<Settable> {
  checkMaxVersions(fields.max_versions);
  return {
    ...(fields.max_versions === undefined ? {} : { maxVersions: fields.max_versions }),
    ...(fields.cas_required === undefined ? {} : { casRequired: fields.cas_required }),
    ...(fields.delete_version_after === undefined ? {} : { deleteVersionAfter: fields.delete_version_after }),
  };
}

async function write(place: Place, call: MetadataCall): Promise<Reply | undefined> {
  const custom = call.fields.custom_metadata;
  const wish = {
    ...sentSettings(call),
    ...(custom === undefined ? {} : { customMetadata: parseCustomMetadata(custom) }),
  };
  return change(place, call, () => wish, 'create');
}

/** Null takes back what was set, and members of `custom_metadata` that are null are removed (RFC 7396). */
async function patch(place: Place, call: MetadataCall): Promise<Reply | undefined> {
  const isNull = (name: string) => Object.hasOwn(call.data, name) && call.data[name] === null;
  const plain = {
    ...(isNull('max_versions') ? { maxVersions: 0 } : {}),
    ...(isNull('cas_required') ? { casRequired: false } : {}),
    ...(isNull('delete_version_after') ? { deleteVersionAfter: 0 } : {}),
    ...(isNull('custom_metadata') ? { customMetadata: null } : {}),
    ...sentSettings(call),
  };
  const custom = call.fields.custom_metadata;
  const wish: Wish = (secret) =>
    custom === undefined ? plain : { ...plain, customMetadata: patchedTexts(secret, custom) };
  return change(place, call, wish, 'only-there');
}

function patchedTexts(secret: SecretRecord, custom: JsonObject): Readonly<Record<string, string>> {
  const merged = applyMergePatch(secret.customMetadata ?? {}, custom);
  return parseCustomMetadata(isJsonObject(merged) ? merged : {});
}

async function change(
  { secrets, random, path }: Place,
  call: MetadataCall,
  wish: Wish,
  absent: 'create' | 'only-there',
): Promise<Reply | undefined> {
  const settings = await retryOnConflict(async () => {
    const now = call.clock.now();
    const { before, settings } = await secrets.readWithSettings(call.view, path);
    if (before === undefined && absent === 'only-there') {
      throw new CofferError('not_found', 'there is no such secret to patch');
    }
    const secret = before?.secret ?? newSecret(randomUuid(random), now);
    const changed = { ...secret, ...wish(secret), updatedAt: now };
    await secrets.commit(call.view, path, before, { secret: changed });
    return settings;
  });
  return casWarning(call, settings);
}

function casWarning({ fields }: MetadataCall, settings: MountSettings): Reply | undefined {
  if (fields.cas_required !== false || !settings.casRequired) return undefined;
  return {
    warnings: ['"cas_required" set to false, but is mandated by backend config. This value will be ignored.'],
  };
}
