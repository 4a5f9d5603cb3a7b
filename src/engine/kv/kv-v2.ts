/** The versioned key/value engine (kv v2). */
import { timestamp } from '../../clock.ts';
import { type Call, type Endpoint, endpoint, type Reply, type ResponseSchema } from '../../core/endpoint.ts';
import { RawJson } from '../../core/request.ts';
import { retryOnConflict } from '../../core/retry.ts';
import { parseStored } from '../../core/stored-json.ts';
import { formatDuration } from '../../core/ttl.ts';
import type { View, ViewWrite } from '../../core/view.ts';
import { randomUuid } from '../../crypto/random.ts';
import { CofferError } from '../../errors.ts';
import type { Engine, EngineEnvironment } from '../engine.ts';
import { copyFolder, onCopyDue } from './copy.ts';
import {
  checkCustomMetadata,
  isDeleted,
  newSecret,
  type SecretRecord,
  shownVersion,
  shownVersionText,
} from './metadata.ts';
import { pointerFolder, Secrets } from './secrets.ts';
import { kvTree } from './tree.ts';
import { addVersion, destroyVersions, type Place, removeSecret, setDeleted } from './versions.ts';

const versionSchema = {
  created_time: { type: 'string' },
  custom_metadata: { type: 'pairs', nullable: true },
  deletion_time: { type: 'string' },
  destroyed: { type: 'bool' },
  version: { type: 'int' },
} as const satisfies ResponseSchema;

const readSchema = {
  data: { type: 'object', sensitive: true, nullable: true },
  metadata: { type: 'object', members: versionSchema },
} as const satisfies ResponseSchema;

const secretSchema = {
  cas_required: { type: 'bool' },
  created_time: { type: 'string' },
  current_version: { type: 'int' },
  custom_metadata: { type: 'pairs', nullable: true },
  delete_version_after: { type: 'string' },
  max_versions: { type: 'int' },
  oldest_version: { type: 'int' },
  updated_time: { type: 'string' },
  versions: {
    type: 'object',
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

const versionsField = {
  versions: { type: 'ints', help: 'Version numbers.' },
} as const;

export function kvV2(environment: EngineEnvironment): Engine {
  const secrets = new Secrets(environment.random);
  const place = (call: Call): Place => ({
    secrets,
    random: environment.random,
    call,
    path: secretPath(call),
  });
  return {
    endpoints: [
      dataEndpoint(secrets, place),
      metadataEndpoint(secrets, place),
      versionsEndpoint('delete', 'Soft-deletes versions.', place, (at, versions) =>
        setDeleted(at, versions, true),
      ),
      versionsEndpoint('undelete', 'Restores soft-deleted versions.', place, (at, versions) =>
        setDeleted(at, versions, false),
      ),
      versionsEndpoint('destroy', 'Removes the values of versions for good.', place, destroyVersions),
      wrongPath(),
    ],
    onDue: (name, view) => {
      if (name.startsWith('upload/')) return secrets.onUploadDue(view, name);
      return name.startsWith(copyFolder) ? onCopyDue(view, name) : emptyTrash(view, name);
    },
    secrets: kvTree(secrets, environment),
  };
}

function secretPath(call: Call): string {
  const path = call.params['path'] ?? '';
  if (path === '' || path.endsWith('/')) throw new CofferError('invalid_request', 'a secret needs a name');
  return path;
}

function dataEndpoint(secrets: Secrets, place: (call: Call) => Place): Endpoint {
  return endpoint({
    pattern: 'data/:path*',
    help: 'Reads and writes versions of a secret.',
    fields: {
      data: { type: 'object', help: 'The fields of the secret.', sensitive: true },
      options: {
        type: 'object',
        help: 'cas: the version that must be the current one; 0 for none yet.',
        // Whatever else somebody puts here by mistake must not stand in the log.
        sensitive: true,
      },
      version: { type: 'int', help: 'Version to read; 0 is the current one.', query: true },
    },
    exists: async (call) => (await secrets.read(call.view, secretPath(call))) !== undefined,
    operations: {
      read: {
        summary: 'Read a version',
        response: readSchema,
        handle: (call) => readVersion(secrets, call, call.fields.version ?? 0),
      },
      update: {
        summary: 'Write a new version',
        response: versionSchema,
        handle: async (call) => {
          if (call.fields.data === undefined) throw new CofferError('invalid_request', 'no data provided');
          return {
            data: await addVersion(place(call), call.fields.data, casOf(call.fields.options?.['cas'])),
          };
        },
      },
      delete: {
        summary: 'Soft-delete the current version',
        handle: async (call) => void (await setDeleted(place(call), 'current', true)),
      },
    },
  });
}

async function readVersion(secrets: Secrets, call: Call, wanted: number): Promise<Reply | undefined> {
  const read = await secrets.readVersion(call.view, secretPath(call), Math.max(0, wanted));
  const version = read?.secret.versions[read.number];
  if (read === undefined || version === undefined) return undefined;
  const metadata = shownVersionText(read.secret, read.number, version);
  if (version.destroyed || isDeleted(version, call.clock.now())) {
    return { status: 404, data: { data: null, metadata } };
  }
  if (read.text === undefined) throw new CofferError('integrity', 'the value of this version is missing');
  return { data: { data: new RawJson(read.text), metadata } };
}

function casOf(value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined;
  const cas = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value;
  if (typeof cas !== 'number' || !Number.isSafeInteger(cas) || cas < 0) {
    throw new CofferError('invalid_request', 'options.cas is a version number, or 0');
  }
  return cas;
}

function metadataEndpoint(secrets: Secrets, place: (call: Call) => Place): Endpoint {
  return endpoint({
    pattern: 'metadata/:path*',
    help: 'Shows, sets or removes what is known of a secret; lists secrets.',
    fields: {
      max_versions: { type: 'int', help: 'Versions to keep; 0 is the engine’s number, 10.' },
      cas_required: { type: 'bool', help: 'Writes must name the version they follow.' },
      delete_version_after: { type: 'duration', help: 'New versions delete themselves after this time.' },
      custom_metadata: { type: 'pairs', help: 'Texts of your own.' },
      after: { type: 'string', help: 'List names after this one.', query: true },
      limit: { type: 'int', help: 'Most names to list.', query: true },
    },
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
        response: { keys: { type: 'list' } },
        handle: (call) => listSecrets(call, call.fields.after, call.fields.limit),
      },
      update: { summary: 'Set metadata', handle: (call) => setMetadata(place(call), call.fields) },
      delete: {
        summary: 'Remove a secret with all versions',
        handle: async (call) => void (await removeSecret(place(call))),
      },
    },
  });
}

interface MetadataWish {
  readonly max_versions: number | undefined;
  readonly cas_required: boolean | undefined;
  readonly delete_version_after: number | undefined;
  readonly custom_metadata: Readonly<Record<string, string>> | undefined;
}

async function setMetadata({ secrets, random, call, path }: Place, wish: MetadataWish): Promise<undefined> {
  const { max_versions: maxVersions, custom_metadata: customMetadata } = wish;
  if (maxVersions !== undefined && (maxVersions < 0 || maxVersions > 1_000)) {
    throw new CofferError('invalid_request', 'max_versions is a number from 0 to 1000');
  }
  if (customMetadata !== undefined) checkCustomMetadata(customMetadata);
  await retryOnConflict(async () => {
    const now = call.clock.now();
    const before = await secrets.read(call.view, path);
    const secret = before?.secret ?? newSecret(randomUuid(random), now);
    await secrets.commit(call.view, path, before, {
      secret: {
        ...secret,
        maxVersions: maxVersions ?? secret.maxVersions,
        casRequired: wish.cas_required ?? secret.casRequired,
        deleteVersionAfter: wish.delete_version_after ?? secret.deleteVersionAfter,
        customMetadata: customMetadata ?? secret.customMetadata,
        updatedAt: now,
      },
    });
  });
  return undefined;
}

function shownSecret(secret: SecretRecord): NonNullable<Reply['data']> {
  const versions = Object.entries(secret.versions).map(([number, version]) => {
    const { created_time, deletion_time, destroyed } = shownVersion(secret, Number(number), version);
    return [number, { created_time, deletion_time, destroyed }];
  });
  return {
    cas_required: secret.casRequired,
    created_time: timestamp(secret.createdAt),
    current_version: secret.current,
    custom_metadata: secret.customMetadata,
    delete_version_after: formatDuration(secret.deleteVersionAfter),
    max_versions: secret.maxVersions,
    oldest_version: secret.oldest,
    updated_time: timestamp(secret.updatedAt),
    versions: Object.fromEntries(versions),
  };
}

const mostListed = 1_000_000;

async function listSecrets(call: Call, from: string | undefined, limit: number | undefined): Promise<Reply> {
  const folder = pointerFolder + (call.params['path'] ?? '');
  const most = limit !== undefined && limit > 0 ? limit : mostListed;
  const keys: string[] = [];
  let after = from === '' ? undefined : from;
  do {
    const page = await call.view.children(folder, {
      limit: Math.min(1_000, most - keys.length),
      ...(after === undefined ? {} : { after }),
    });
    keys.push(...page.items);
    after = page.next;
  } while (after !== undefined && keys.length < most);
  return { data: { keys } };
}

function versionsEndpoint(
  verb: string,
  help: string,
  place: (call: Call) => Place,
  act: (at: Place, versions: readonly number[]) => Promise<void>,
): Endpoint {
  return endpoint({
    pattern: `${verb}/:path*`,
    help,
    fields: versionsField,
    operations: {
      update: {
        summary: help,
        handle: async (call) => {
          const { versions } = call.fields;
          if (versions === undefined || versions.length === 0) {
            throw new CofferError('invalid_request', 'No version number provided');
          }
          if (versions.length > 1_000)
            throw new CofferError('invalid_request', 'at most 1000 versions at once');
          await act(place(call), versions);
        },
      },
    },
  });
}

/** Clients of kv v1 ask without `data/`: they are told what to say instead. */
function wrongPath(): Endpoint {
  const spec = {
    summary: 'Not a path of a versioned engine',
    response: {},
    handle: async () => ({
      status: 404,
      warnings: [
        'Invalid path for a versioned K/V secrets engine. See the API docs for the appropriate API endpoints to use: data/ and metadata/ go before the name.',
      ],
    }),
  };
  return endpoint({
    pattern: ':path*',
    help: 'Nothing is here: data/, metadata/, delete/, undelete/ or destroy/ goes before the name.',
    fields: {},
    openFields: true,
    operations: { read: spec, list: spec, update: spec, delete: spec },
  });
}

/** Duty: values of a removed secret that did not fit its last commit. */
async function emptyTrash(view: View, name: string): Promise<void> {
  const record = await view.read(name);
  if (record === undefined) return;
  const paths = parseStored<string[]>(record.open());
  for (let start = 0; start < paths.length; start += 40) {
    const writes: ViewWrite[] = paths.slice(start, start + 40).map((path) => ({ path, value: null }));
    await view.commit(writes);
  }
  await view.commit([{ path: name, value: null }]);
}
