/** `sys/mounts`, `sys/auth` and `sys/internal/ui/mounts`. */
import { CofferError } from '../../errors.ts';
import type { JsonValue } from '../../json.ts';
import { type CoreCall, coreEndpoint } from '../core-call.ts';
import type { Endpoint, Fields, FieldValues, Reply, ResponseSchema } from '../endpoint.ts';
import type { AnswerData } from '../request.ts';
import type { CoreRooms } from '../rooms.ts';
import { checkPlugin, parseConfig } from './config.ts';
import type { MountKind } from './entry.ts';
import { mountInfo, mountInfoSchema, tuneInfo, tuneSchema } from './info.ts';
import { fullPath, shownPath } from './mount-path.ts';
import { remountEndpoints } from './remount-endpoints.ts';
import type { Mount } from './table.ts';
import { coerceTuning, configured, tuneFields, tuneMount } from './tune.ts';

const mountFields = {
  type: { type: 'string', help: 'Type of engine or method; needed to enable one.' },
  description: { type: 'string', help: 'For people.' },
  config: { type: 'object', help: 'The settings that tune takes.' },
  options: { type: 'pairs', help: 'The engine’s own options, for example version.' },
  local: {
    type: 'bool',
    help: 'Kept and shown; every mount is on every node of its store, and on no other.',
  },
  seal_wrap: { type: 'bool', help: 'Kept and shown; everything is sealed.' },
  external_entropy_access: { type: 'bool', help: 'Not supported; must be false.' },
  plugin_name: {
    type: 'string',
    help: 'The type where `type` is `plugin`, else the type once more, or empty.',
  },
  plugin_version: { type: 'string', help: 'There is one version of each engine; must be empty.' },
} as const satisfies Fields;

/** By mount path, with its `/`. */
const mountsSchema = { '*': { type: 'object', members: mountInfoSchema } } as const satisfies ResponseSchema;

/** A mount, or its settings where the path ends in `tune`. */
const eitherSchema = { '*': { type: 'any' } } as const satisfies ResponseSchema;

/** Without a token a mount shows three members only. */
const visibleSchema = {
  type: 'object',
  members: {
    '*': {
      type: 'object',
      members: {
        type: { type: 'string' },
        description: { type: 'string' },
        options: { type: 'pairs', nullable: true },
        '*': { type: 'any' },
      },
    },
  },
} as const;

export function mountEndpoints(rooms: CoreRooms): readonly Endpoint[] {
  return [
    ...tableEndpoints(rooms, 'secret'),
    ...tableEndpoints(rooms, 'auth'),
    ...remountEndpoints(rooms),
    ...internalEndpoints(rooms),
  ];
}

function tableEndpoints(rooms: CoreRooms, kind: MountKind): readonly Endpoint[] {
  const base = kind === 'auth' ? 'auth' : 'mounts';
  const noun = kind === 'auth' ? 'auth method' : 'secrets engine';
  const sudo = kind === 'auth';
  const spendsFirst = true;
  const one = (call: CoreCall) => {
    const path = fullPath(kind, call.params['path'] ?? '');
    const mount = path === undefined ? undefined : rooms.mounts.table.at(path);
    if (mount === undefined || mount.entry.kind !== kind) {
      throw notMounted(kind, call.params['path'] ?? '');
    }
    return mount;
  };
  const list = coreEndpoint({
    pattern: base,
    help: `Lists every ${noun}.`,
    fields: {},
    operations: {
      read: {
        summary: `List every ${noun}`,
        repeatData: true,
        response: mountsSchema,
        handle: async () => ({ data: shownMounts(rooms, kind) }),
      },
    },
  });
  const tune = coreEndpoint({
    pattern: `${base}/:path/tune`,
    help: `Shows and changes the settings in force of one ${noun}.`,
    fields: tuneFields,
    operations: {
      read: {
        summary: `Settings of one ${noun}`,
        sudo,
        repeatData: true,
        response: tuneSchema,
        handle: async (call) => ({ data: tuneInfo(one(call).entry) }),
      },
      update: {
        summary: `Change settings of one ${noun}`,
        sudo,
        spendsFirst,
        handle: (call) => tuneMount(rooms, one(call).entry, call.fields),
      },
    },
  });
  const mount = coreEndpoint({
    pattern: `${base}/:path*`,
    help: `Shows, enables or disables one ${noun}.`,
    fields: mountFields,
    operations: {
      read: {
        summary: `Show one ${noun}`,
        sudo,
        repeatData: true,
        response: eitherSchema,
        handle: async (call) => {
          const tuned = tunedPath(call.params['path'] ?? '');
          if (tuned !== undefined) return { data: tuneInfo(tunedMount(rooms, kind, tuned).entry) };
          return { data: mountInfo(one(call as CoreCall).entry) };
        },
      },
      update: {
        summary: `Enable a ${noun}`,
        sudo,
        spendsFirst,
        handle: (call) => {
          const tuned = tunedPath(call.params['path'] ?? '');
          return tuned === undefined
            ? enable(rooms, kind, call.params['path'] ?? '', call.fields)
            : tuneMount(rooms, tunedMount(rooms, kind, tuned).entry, coerceTuning(call.data));
        },
      },
      delete: {
        summary: `Disable a ${noun}`,
        sudo,
        spendsFirst,
        handle: async (call) => void (await rooms.mounts.disable(kind, call.params['path'] ?? '')),
      },
    },
  });
  return [list, tune, mount];
}

/** The mount whose settings are asked for by a path that the pattern with one segment does not take: `a/b/tune`. */
function tunedPath(path: string): string | undefined {
  return path.endsWith('/tune') ? path.slice(0, -'/tune'.length) : undefined;
}

/** The settings of auth methods are also found below `sys/mounts/auth/`. */
function tunedMount(rooms: CoreRooms, kind: MountKind, path: string): Mount {
  const full = fullPath(kind, path);
  const mount = full === undefined ? undefined : rooms.mounts.table.at(full);
  if (mount === undefined) throw notMounted(kind, path);
  return mount;
}

function notMounted(kind: MountKind, path: string): CofferError {
  const what = kind === 'auth' ? 'auth engine' : 'secret engine mount';
  return new CofferError('invalid_request', `No ${what} at ${path.replace(/\/$/, '')}/`);
}

async function enable(
  rooms: CoreRooms,
  kind: MountKind,
  path: string,
  fields: FieldValues<typeof mountFields>,
): Promise<undefined> {
  // Not a required field of the endpoint: reading and disabling a mount go without it.
  const { type: word, config = {} } = fields;
  const named = fields.plugin_name || scalar(config['plugin_name']);
  const type = word === 'plugin' ? named : word;
  if (type === undefined || type === '') {
    throw new CofferError('invalid_request', 'Field validation failed: missing field "type"');
  }
  if (fields.external_entropy_access === true) {
    throw new CofferError('invalid_request', 'there is no external source of entropy: leave it false');
  }
  const alias = /^kv-v([12])$/.exec(type);
  const engine = alias === null ? type : 'kv';
  checkPlugin(engine, named === type ? '' : named, fields.plugin_version);
  const options = { ...fields.options, ...(alias === null ? {} : { version: alias[1] ?? '2' }) };
  await rooms.nodes.requireEverywhere(`${kind}/${engine}`);
  await rooms.mounts.enable({
    kind,
    path,
    type: engine,
    description: fields.description ?? '',
    options,
    config: parseConfig({ ...config, plugin_name: '' }, configured(rooms, { kind, type: engine })),
    local: fields.local,
    sealWrap: fields.seal_wrap,
  });
}

function scalar(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : '';
}

function shownMounts(rooms: CoreRooms, kind: MountKind): AnswerData {
  const mounts: Record<string, AnswerData> = Object.create(null);
  for (const { entry } of rooms.mounts.table.mounts) {
    if (entry.kind === kind) mounts[shownPath(entry)] = mountInfo(entry);
  }
  return mounts;
}

/** What a login page and the kv commands ask first. They decide by themselves what the caller may see, and spend no use. */
function internalEndpoints(rooms: CoreRooms): readonly Endpoint[] {
  const visible = (mount: Mount, call: CoreCall) =>
    call.acl === undefined
      ? mount.entry.config.listingVisibility === 'unauth'
      : call.acl.reaches(mount.entry.path);
  const shown = (mount: Mount, call: CoreCall): AnswerData =>
    call.acl === undefined
      ? { type: mount.entry.type, description: mount.entry.description, options: mount.entry.options }
      : mountInfo(mount.entry);
  const all = coreEndpoint({
    pattern: 'internal/ui/mounts',
    help: 'Lists the mounts that the caller may use.',
    fields: {},
    operations: {
      read: {
        summary: 'List the mounts the caller may use',
        useExempt: true,
        login: true,
        response: { secret: visibleSchema, auth: visibleSchema },
        handle: async (call) => {
          const answer: Record<MountKind, Record<string, AnswerData>> = { secret: {}, auth: {} };
          for (const mount of rooms.mounts.table.mounts) {
            if (visible(mount, call)) answer[mount.entry.kind][shownPath(mount.entry)] = shown(mount, call);
          }
          return { data: answer };
        },
      },
    },
  });
  const one = coreEndpoint({
    pattern: 'internal/ui/mounts/:path*',
    help: 'Shows the mount that holds a path.',
    fields: {},
    operations: {
      read: {
        summary: 'Show the mount that holds a path',
        useExempt: true,
        response: { ...mountInfoSchema, path: { type: 'string' } },
        handle: async (call) => preflight(rooms, call),
      },
    },
  });
  return [all, one];
}

async function preflight(rooms: CoreRooms, call: CoreCall): Promise<Reply> {
  const path = call.params['path'] ?? '';
  const found = rooms.mounts.table.route(path);
  const reaches = call.acl !== undefined && found !== undefined && call.acl.reaches(found.mount.entry.path);
  if (
    found === undefined ||
    !(reaches || (call.caller?.principal !== undefined && decidesItself(found.mount)))
  ) {
    throw new CofferError(
      'permission_denied',
      `preflight capability check returned 403, please ensure client's policies grant access to path "${path.replace(/\/$/, '')}/"`,
    );
  }
  const { entry } = found.mount;
  return { data: { ...mountInfo(entry), path: entry.path } };
}

/** Its engine decides who may what: who was proven to be somebody may be let in without any rule. */
function decidesItself({ engine }: Mount): boolean {
  return engine.endpoints.some(({ operations }) =>
    Object.values(operations).some((spec) => spec.ownDecision === true),
  );
}
