/** The endpoints of App-ID's mappings. */
import { type Call, type Endpoint, endpoint, type Fields, type Reply } from '../../core/endpoint.ts';
import { listPage, pageFields } from '../../core/list-page.ts';
import type { Lockout } from '../../core/lockout/lockout.ts';
import { parseNetwork } from '../../core/network.ts';
import { parseAssignablePolicies } from '../../core/policy/assignable.ts';
import { encodeStored } from '../../core/stored-json.ts';
import type { ViewWrite } from '../../core/view.ts';
import type { EngineEnvironment } from '../../engine/engine.ts';
import { CofferError } from '../../errors.ts';
import { emptyObject, type JsonObject } from '../../json.ts';
import {
  canonicalId,
  decodeMapping,
  type Mapping,
  type MappingKind,
  mappingFolder,
  mappingKey,
  mappingPath,
  type ReadMapping,
} from './mapping.ts';

export interface AppIdRooms {
  readonly environment: EngineEnvironment;
  readonly lockout: Lockout;
}

/** Said wherever somebody reads about the method before using it. */
export const legacyNote =
  'App-ID is a legacy method, kept for what was built on it: a user id is often easy to guess. New applications use AppRole.';

/** App ids that one user id may name: each login looks at all of them. */
const mostAppIds = 256;

interface KindSpec {
  readonly help: string;
  readonly fields: Fields;
  /** The names in `value`. Throws `invalid_request`. */
  readonly names: (items: readonly string[]) => readonly string[];
  readonly sensitiveValue: boolean;
}

const kinds: Readonly<Record<MappingKind, KindSpec>> = {
  'app-id': {
    help: 'Shows, writes or deletes what tokens of an app id may do. A write replaces all of it.',
    fields: {
      value: { type: 'list', help: 'Policies, with commas between them.' },
      display_name: { type: 'string', help: 'Part of the display name of its tokens.' },
    },
    names: (items) => parseAssignablePolicies(items, { root: false }),
    sensitiveValue: false,
  },
  'user-id': {
    help: 'Shows, writes or deletes the app ids that a user id may log in as. A write replaces all of it.',
    fields: {
      value: { type: 'list', help: 'App ids, with commas between them.', sensitive: true },
      cidr_block: { type: 'list', help: 'Networks that logins may come from; any when absent.' },
    },
    names: parseAppIds,
    sensitiveValue: true,
  },
};

export function mappingEndpoints(rooms: AppIdRooms): readonly Endpoint[] {
  return (['app-id', 'user-id'] as const).flatMap((kind) => [
    listEndpoint(kind),
    mappingEndpoint(rooms, kind),
  ]);
}

function listEndpoint(kind: MappingKind): Endpoint {
  const keys = (call: Call<typeof pageFields>) =>
    listPage((page) => call.view.children(mappingFolder(kind), page), call.fields);
  const operation = {
    summary: `List ${kind}s`,
    response: { keys: { type: 'list', help: 'Digests: the ids themselves are not shown.' } },
    handle: keys,
  } as const;
  return endpoint({
    pattern: `map/${kind}`,
    help: `Lists ${kind}s by their keyed digests. ${legacyNote}`,
    fields: pageFields,
    operations: { list: operation, read: operation },
  });
}

function mappingEndpoint(rooms: AppIdRooms, kind: MappingKind): Endpoint {
  const { help, fields, sensitiveValue } = kinds[kind];
  return endpoint({
    pattern: `map/${kind}/:id`,
    help: `${help} ${legacyNote}`,
    foldsNames: true,
    openFields: true,
    fields,
    exists: async (call) => (await read(rooms, call, kind)) !== undefined,
    operations: {
      read: {
        summary: `Show an ${kind}`.replace('an user', 'a user'),
        response: {
          key: { type: 'string', help: 'The id.', sensitive: true },
          value: { type: 'string', sensitive: sensitiveValue },
          '*': {
            type: 'any',
            optional: true,
            sensitive: true,
            help: 'The other fields, as they were written.',
          },
        },
        handle: async (call): Promise<Reply> => {
          const found = await read(rooms, call, kind);
          // What is not mapped is an answer without data, not a 404: clients of this method read it so.
          return {
            data: found === undefined ? null : { ...found.mapping.fields, key: call.params['id'] ?? '' },
          };
        },
      },
      update: {
        summary: `Write an ${kind}`.replace('an user', 'a user'),
        handle: async (call) => {
          const mapping = mappingOf(call, kind);
          await call.view.commit([{ path: pathOf(rooms, call, kind), value: encodeStored(mapping) }]);
          return undefined;
        },
      },
      delete: {
        summary: `Delete an ${kind}`.replace('an user', 'a user'),
        handle: async (call) => {
          await remove(rooms, call, kind);
          return undefined;
        },
      },
    },
  });
}

async function read(rooms: AppIdRooms, call: Call, kind: MappingKind): Promise<ReadMapping | undefined> {
  return decodeMapping(await call.view.read(pathOf(rooms, call, kind)));
}

async function remove(rooms: AppIdRooms, call: Call, kind: MappingKind): Promise<void> {
  const key = keyOf(rooms, call, kind);
  const writes: ViewWrite[] = [{ path: mappingPath(kind, key), value: null }];
  // What is known of failed logins goes with the app id that it is about.
  if (kind === 'app-id') writes.push({ path: rooms.lockout.pathOf(key), value: null });
  await call.view.commit(writes);
}

function pathOf(rooms: AppIdRooms, call: Call, kind: MappingKind): string {
  return mappingPath(kind, keyOf(rooms, call, kind));
}

/** Throws `unsupported_path` for what is no id, as Vault does: a MAC address has colons, its digest has none. */
function keyOf({ environment }: AppIdRooms, call: Call, kind: MappingKind): string {
  const id = canonicalId(call.params['id'] ?? '');
  if (id === undefined) {
    throw new CofferError(
      'unsupported_path',
      `unsupported path: an ${kind} has letters, digits, "_" and "-" only`.replace('an user', 'a user'),
    );
  }
  return mappingKey(environment, kind, id);
}

/** What a write says. Throws `invalid_request`. */
function mappingOf(call: Call, kind: MappingKind): Mapping {
  const { value, cidr_block: networks } = call.fields as {
    readonly value: readonly string[] | undefined;
    readonly cidr_block?: readonly string[] | undefined;
  };
  if (value === undefined) {
    const what = kind === 'app-id' ? 'the policies of the app id' : 'the app ids of the user id';
    throw new CofferError('invalid_request', `missing field "value": ${what}, with commas between them`);
  }
  return {
    fields: shownFields(call.data),
    names: kinds[kind].names(value),
    networks: (networks ?? []).map(parseNetwork),
  };
}

/** Bytes of JSON: a mapping is read at every login. */
const longestMapping = 64 * 1024;

/** All that was sent. Lists of the method's own fields are shown as the texts that its clients know. */
function shownFields(sent: JsonObject): JsonObject {
  const fields = emptyObject();
  for (const [name, value] of Object.entries(sent)) {
    const isOwn = name === 'value' || name === 'cidr_block';
    fields[name] = isOwn && Array.isArray(value) ? value.join(',') : isOwn ? String(value) : value;
  }
  if (Buffer.byteLength(JSON.stringify(fields)) > longestMapping)
    throw new CofferError('invalid_request', 'a mapping has at most 64 KiB of fields');
  return fields;
}

/** Throws `invalid_request`, without what was written: app ids are half of a login. */
function parseAppIds(items: readonly string[]): readonly string[] {
  const wrong = items.findIndex((item) => canonicalId(item) === undefined);
  if (wrong !== -1) {
    throw new CofferError(
      'invalid_request',
      `entry ${wrong + 1} of "value" is no app id: it has letters, digits, "_" and "-" only`,
    );
  }
  if (items.length === 0) throw new CofferError('invalid_request', '"value" names no app id');
  if (items.length > mostAppIds) {
    throw new CofferError('invalid_request', `"value" names more than ${mostAppIds} app ids`);
  }
  return items;
}
