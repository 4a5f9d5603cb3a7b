/** `sys/leases/…` and the older `sys/renew` and `sys/revoke`. */

import { timestamp } from '../../clock.ts';
import { CofferError } from '../../errors.ts';
import { type CoreCall, coreEndpoint } from '../core-call.ts';
import type { Endpoint, Fields, Reply, ResponseSchema } from '../endpoint.ts';
import type { CoreRooms } from '../rooms.ts';
import { cappedWarning } from '../ttl-rule.ts';
import { leaseListEndpoints } from './list-endpoints.ts';
import { reachOf } from './reach.ts';

const leaseFields = {
  lease_id: { type: 'string', help: 'The lease; also as the rest of the path.' },
  increment: { type: 'duration', help: 'Life asked for.' },
  sync: { type: 'bool', help: 'Accepted; revoking always answers when it is done.' },
} as const satisfies Fields;

const leaseSchema = {
  id: { type: 'string' },
  path: { type: 'string' },
  issue_time: { type: 'string' },
  expire_time: { type: 'string' },
  last_renewal: { type: 'string', nullable: true },
  renewable: { type: 'bool' },
  ttl: { type: 'duration' },
} as const satisfies ResponseSchema;

type LeaseCall = CoreCall<typeof leaseFields>;

export function leaseEndpoints(rooms: CoreRooms): readonly Endpoint[] {
  return [
    lookup(rooms),
    ...leaseListEndpoints(rooms),
    ...['leases/renew', 'leases/renew/:lease*', 'renew', 'renew/:lease*'].map((pattern) =>
      renewal(rooms, pattern),
    ),
    ...['leases/revoke', 'leases/revoke/:lease*', 'revoke', 'revoke/:lease*'].map((pattern) =>
      revocation(rooms, pattern),
    ),
    ...['leases/revoke-prefix/:prefix*', 'revoke-prefix/:prefix*'].map((pattern) =>
      byPrefix(rooms, pattern, false),
    ),
    ...['leases/revoke-force/:prefix*', 'revoke-force/:prefix*'].map((pattern) =>
      byPrefix(rooms, pattern, true),
    ),
  ];
}

function lookup(rooms: CoreRooms): Endpoint {
  return coreEndpoint({
    pattern: 'leases/lookup',
    help: 'Shows when a lease was given and when it ends.',
    fields: leaseFields,
    operations: {
      update: {
        summary: 'Look a lease up',
        response: leaseSchema,
        handle: async (call) => {
          const stored = await rooms.leases.read(leaseId(call));
          const now = rooms.clock.now();
          if (stored === undefined) throw new CofferError('invalid_request', 'invalid lease');
          const { record } = stored;
          return {
            data: {
              id: record.id,
              path: record.path,
              issue_time: timestamp(record.issuedAt),
              expire_time: timestamp(record.expiresAt),
              last_renewal: record.renewedAt === null ? null : timestamp(record.renewedAt),
              renewable: record.renewable && record.expiresAt > now,
              ttl: Math.max(0, Math.ceil((record.expiresAt - now) / 1_000)),
            },
          };
        },
      },
    },
  });
}

function renewal(rooms: CoreRooms, pattern: string): Endpoint {
  return coreEndpoint({
    pattern,
    help: 'Renews a lease within its longest life.',
    fields: leaseFields,
    operations: {
      update: {
        summary: 'Renew a lease',
        spendsFirst: true,
        handle: async (call): Promise<Reply> => {
          const { record, seconds, capped } = await rooms.leases.renew(leaseId(call), call.fields.increment);
          return {
            renewed: { id: record.id, renewable: record.renewable, duration: seconds },
            ...(capped ? { warnings: [cappedWarning(seconds)] } : {}),
          };
        },
      },
    },
  });
}

function revocation(rooms: CoreRooms, pattern: string): Endpoint {
  return coreEndpoint({
    pattern,
    help: 'Ends a lease now.',
    fields: leaseFields,
    operations: {
      update: {
        summary: 'Revoke a lease',
        spendsFirst: true,
        handle: async (call) => void (await rooms.leases.revoke(leaseId(call))),
      },
    },
  });
}

function byPrefix(rooms: CoreRooms, pattern: string, force: boolean): Endpoint {
  return coreEndpoint({
    pattern,
    help: force
      ? 'Forgets all leases below a path, also those that the engine cannot end.'
      : 'Ends all leases below a path, and those that a mount there had before it was moved.',
    fields: { sync: leaseFields.sync },
    operations: {
      update: {
        summary: 'Revoke all leases below a path',
        sudo: true,
        spendsFirst: true,
        handle: async (call) => {
          const prefix = call.params['prefix'] ?? '';
          if (prefix === '') throw new CofferError('invalid_request', 'a prefix is needed');
          await rooms.leases.revokeWithin(reachOf(prefix, rooms.mounts.table.mounts), { force });
        },
      },
    },
  });
}

/** What the path names was decided on: the body cannot name another lease. */
function leaseId(call: LeaseCall): string {
  const named = call.params['lease'] ?? '';
  const id = call.fields.lease_id ?? named;
  if (named !== '' && id !== named) {
    throw new CofferError('invalid_request', 'lease_id is not the lease that the path names');
  }
  if (id === '') throw new CofferError('invalid_request', 'lease_id must be specified');
  return id;
}
