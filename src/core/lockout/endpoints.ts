/** `sys/locked-users`: which names of which mounts are locked after failed logins, and letting them in again. */
import type { NameLocks } from '../../engine/engine.ts';
import { CofferError } from '../../errors.ts';
import { coreEndpoint } from '../core-call.ts';
import type { Endpoint, Reply, ResponseSchema } from '../endpoint.ts';
import { checkAfter, gather, type Listed, type ListWish, pageFields } from '../list-page.ts';
import type { Mount } from '../mount/table.ts';
import type { CoreRooms } from '../rooms.ts';

const namespaceSchema = {
  namespace_id: { type: 'string' },
  namespace_path: { type: 'string' },
  counts: { type: 'int' },
  mount_accessors: {
    type: 'list',
    items: {
      mount_accessor: { type: 'string' },
      counts: { type: 'int' },
      alias_identifiers: { type: 'list', help: 'The names.' },
    },
  },
} as const satisfies ResponseSchema;

export function lockoutEndpoints(rooms: CoreRooms): readonly Endpoint[] {
  return [lockedUsers(rooms), unlocking(rooms)];
}

/** Names that one answer shows where the caller sets no limit. */
const mostShown = 10_000;

function lockedUsers(rooms: CoreRooms): Endpoint {
  return coreEndpoint({
    pattern: 'locked-users',
    help: 'Shows the names that are locked after failed logins.',
    fields: {
      mount_accessor: { type: 'string', help: 'Only the names of this auth method.', query: true },
      ...pageFields,
    },
    operations: {
      read: {
        summary: 'Show locked names',
        response: {
          by_namespace: { type: 'list', items: namespaceSchema },
          total: { type: 'int' },
        },
        handle: (call) => byMount(rooms, call.fields),
      },
      list: {
        summary: 'List locked names',
        response: { keys: { type: 'list', help: 'Accessor, a slash, and the name.' } },
        handle: async (call) => {
          const { items, ...rest } = await gatherLocked(rooms, call.fields);
          return { data: { keys: items.map(keyOf) }, ...rest };
        },
      },
    },
  });
}

interface LockedWish extends ListWish {
  readonly mount_accessor?: string | undefined;
}

interface LockedName {
  readonly accessor: string;
  readonly name: string;
}

function keyOf({ accessor, name }: LockedName): string {
  return `${accessor}/${name}`;
}

async function byMount(rooms: CoreRooms, wish: LockedWish): Promise<Reply> {
  const { items, ...rest } = await gatherLocked(rooms, wish);
  const names = new Map<string, string[]>();
  for (const { accessor, name } of items) names.set(accessor, [...(names.get(accessor) ?? []), name]);
  const mounts = [...names].map(([accessor, each]) => ({
    mount_accessor: accessor,
    counts: each.length,
    alias_identifiers: each,
  }));
  const total = items.length;
  const namespace = { namespace_id: 'root', namespace_path: '', counts: total, mount_accessors: mounts };
  return { data: { by_namespace: total === 0 ? [] : [namespace], total }, ...rest };
}

/** Sorted where it is all of them; a piece comes in the store's order, so that it costs what it shows. */
async function gatherLocked(rooms: CoreRooms, wish: LockedWish): Promise<Listed<LockedName>> {
  checkAfter(wish.after);
  const found = await gather(lockedNames(rooms, wish), wish, mostShown);
  const whole = !wish.after && !wish.limit && found.warnings === undefined;
  return whole ? { items: found.items.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1)) } : found;
}

/** By accessor, and within one in the order of its method. */
async function* lockedNames(rooms: CoreRooms, wish: LockedWish): AsyncGenerator<LockedName> {
  const { mount_accessor: only = '', after = '' } = wish;
  const slash = after.indexOf('/');
  const last = slash < 0 ? after : after.slice(0, slash);
  const mounts = rooms.mounts.table.mounts.toSorted((a, b) => (a.entry.accessor < b.entry.accessor ? -1 : 1));
  for (const mount of mounts) {
    const { accessor, uuid } = mount.entry;
    if (accessor < last || (only !== '' && accessor !== only)) continue;
    const from = accessor === last && slash >= 0 ? after.slice(slash + 1) : undefined;
    const names = locksOf(mount)?.lockedNames(rooms.view(uuid), from);
    if (names !== undefined) for await (const name of names) yield { accessor, name };
  }
}

function unlocking(rooms: CoreRooms): Endpoint {
  return coreEndpoint({
    pattern: 'locked-users/:mount_accessor/unlock/:alias_identifier*',
    help: 'Lets a name in again before its lock ends. A name that is not locked is no error.',
    fields: {},
    operations: {
      update: {
        summary: 'Unlock a name',
        spendsFirst: true,
        handle: async (call) => {
          const accessor = call.params['mount_accessor'] ?? '';
          const mount = rooms.mounts.table.mounts.find(({ entry }) => entry.accessor === accessor);
          const locks = mount === undefined ? undefined : locksOf(mount);
          if (mount === undefined || locks === undefined) {
            throw new CofferError('invalid_request', 'there is no mount with this accessor that locks names');
          }
          await locks.unlock(rooms.view(mount.entry.uuid), call.params['alias_identifier'] ?? '');
          return undefined;
        },
      },
    },
  });
}

function locksOf({ engine }: Mount): NameLocks | undefined {
  return engine.locks;
}
