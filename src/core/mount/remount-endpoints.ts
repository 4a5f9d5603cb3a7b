/** `sys/remount`: moving a mount, and what came of it (Vault API, "remount"). */
import { CofferError } from '../../errors.ts';
import { coreEndpoint } from '../core-call.ts';
import type { Endpoint, Fields, ResponseSchema } from '../endpoint.ts';
import type { CoreRooms } from '../rooms.ts';
import { moveMount, remountType } from './remount.ts';

const fields = {
  from: {
    type: 'string',
    help: 'The path of the mount; of auth methods with `auth/` in front.',
    required: true,
  },
  to: { type: 'string', help: 'Its path to be.', required: true },
} as const satisfies Fields;

const statusSchema = {
  migration_id: { type: 'string' },
  migration_info: {
    type: 'object',
    members: {
      source_mount: { type: 'string' },
      target_mount: { type: 'string' },
      status: { type: 'string', help: '`success`: a move that fails is refused and changes nothing.' },
    },
  },
} as const satisfies ResponseSchema;

export function remountEndpoints(rooms: CoreRooms): readonly Endpoint[] {
  return [remount(rooms), status(rooms)];
}

function remount(rooms: CoreRooms): Endpoint {
  return coreEndpoint({
    pattern: 'remount',
    help: 'Moves a mount to another path. Its secrets, leases and tokens stay its own; rules and quotas stay with the path.',
    fields,
    operations: {
      update: {
        summary: 'Move a mount',
        sudo: true,
        spendsFirst: true,
        repeatData: true,
        response: { migration_id: { type: 'string' } },
        handle: async (call) => {
          const { from, to } = call.fields;
          const id = await moveMount(
            rooms,
            { from, to },
            { token: call.token?.record.id ?? '', displayName: call.caller?.displayName ?? '' },
          );
          return {
            data: { migration_id: id },
            warnings: ['The mount has moved. Policies and quotas for its old path are as they were.'],
          };
        },
      },
    },
  });
}

function status(rooms: CoreRooms): Endpoint {
  return coreEndpoint({
    pattern: 'remount/status/:migration_id',
    help: 'What came of moving a mount. Kept for seven days.',
    fields: { migration_id: { type: 'string', help: 'As the move answered it.' } },
    operations: {
      read: {
        summary: 'Show what came of moving a mount',
        response: statusSchema,
        handle: async (call) => {
          const id = call.params['migration_id'] ?? '';
          const record = (await rooms.jobs.read(id))?.record;
          if (record?.type !== remountType) throw new CofferError('not_found', 'migration ID not found');
          return { data: { migration_id: id, migration_info: { ...record.result, status: 'success' } } };
        },
      },
    },
  });
}
