/** `sys/locked-users`: which names of which auth methods are locked after failed logins, and letting them in again. */
import type { AuthMethod } from '../../engine/engine.ts';
import { CofferError } from '../../errors.ts';
import { coreEndpoint } from '../core-call.ts';
import type { Endpoint, Reply, ResponseSchema } from '../endpoint.ts';
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

function lockedUsers(rooms: CoreRooms): Endpoint {
  const handle = async (only: string): Promise<Reply> => {
    const mounts = [];
    let total = 0;
    for (const mount of rooms.mounts.table.mounts) {
      const locks = locksOf(mount);
      if (locks === undefined || (only !== '' && mount.entry.accessor !== only)) continue;
      const names = await locks.lockedNames(rooms.view(mount.entry.uuid));
      if (names.length === 0) continue;
      total += names.length;
      mounts.push({ mount_accessor: mount.entry.accessor, counts: names.length, alias_identifiers: names });
    }
    const namespace = { namespace_id: 'root', namespace_path: '', counts: total, mount_accessors: mounts };
    return { data: { by_namespace: total === 0 ? [] : [namespace], total } };
  };
  return coreEndpoint({
    pattern: 'locked-users',
    help: 'Shows the names that are locked after failed logins.',
    fields: { mount_accessor: { type: 'string', help: 'Only the names of this auth method.' } },
    operations: {
      read: {
        summary: 'Show locked names',
        response: {
          by_namespace: { type: 'list', items: namespaceSchema },
          total: { type: 'int' },
        },
        handle: (call) => handle(call.fields.mount_accessor ?? ''),
      },
      list: {
        summary: 'List locked names',
        response: { keys: { type: 'list', help: 'Accessor, a slash, and the name.' } },
        handle: async (call) => ({
          data: { keys: await lockedKeys(rooms, call.fields.mount_accessor ?? '') },
        }),
      },
    },
  });
}

async function lockedKeys(rooms: CoreRooms, only: string): Promise<readonly string[]> {
  const keys: string[] = [];
  for (const mount of rooms.mounts.table.mounts) {
    const { accessor, uuid } = mount.entry;
    if (only !== '' && accessor !== only) continue;
    const names = (await locksOf(mount)?.lockedNames(rooms.view(uuid))) ?? [];
    keys.push(...names.map((name) => `${accessor}/${name}`));
  }
  return keys.toSorted();
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
            throw new CofferError(
              'invalid_request',
              'there is no auth method with this accessor that locks names',
            );
          }
          await locks.unlock(rooms.view(mount.entry.uuid), call.params['alias_identifier'] ?? '');
          return undefined;
        },
      },
    },
  });
}

function locksOf(mount: Mount): AuthMethod['locks'] {
  return mount.entry.kind === 'auth' ? (mount.engine as AuthMethod).locks : undefined;
}
