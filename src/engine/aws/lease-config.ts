/** `config/lease`: how long users of IAM live. */
import { type Endpoint, endpoint } from '../../core/endpoint.ts';
import { decodeStored, encodeStored } from '../../core/stored-json.ts';
import { formatDuration } from '../../core/ttl.ts';
import type { View } from '../../core/view.ts';
import { CofferError } from '../../errors.ts';

/** Seconds; 0 for the mount's. */
export interface LeaseConfig {
  readonly lease: number;
  readonly leaseMax: number;
}

const path = 'config/lease';

export async function readLeaseConfig(view: View): Promise<LeaseConfig> {
  const record = await view.read(path);
  return record === undefined ? { lease: 0, leaseMax: 0 } : decodeStored<LeaseConfig>(record.open());
}

export function leaseEndpoint(): Endpoint {
  return endpoint({
    pattern: path,
    help: 'How long users of IAM that are made here live.',
    fields: {
      lease: { type: 'duration', help: 'Unless renewed; needed.' },
      lease_max: { type: 'duration', help: 'At most; needed.' },
    },
    exists: async ({ view }) => (await view.read(path)) !== undefined,
    operations: {
      read: {
        summary: 'Show how long users live',
        response: {
          lease: { type: 'string', help: 'As in `1h0m0s`.' },
          lease_max: { type: 'string' },
        },
        async handle({ view }) {
          const record = await view.read(path);
          if (record === undefined) return undefined;
          const { lease, leaseMax } = decodeStored<LeaseConfig>(record.open());
          return { data: { lease: formatDuration(lease), lease_max: formatDuration(leaseMax) } };
        },
      },
      update: {
        summary: 'Set how long users live',
        async handle({ view, fields: { lease = 0, lease_max: leaseMax = 0 } }) {
          if (lease < 1 || leaseMax < lease) {
            throw new CofferError(
              'invalid_request',
              'lease and lease_max are both needed: times above 0, and lease_max not less than lease',
            );
          }
          await view.commit([{ path, value: encodeStored({ lease, leaseMax }) }]);
          return undefined;
        },
      },
      delete: {
        summary: 'Let users live as the mount’s leases do',
        async handle({ view }) {
          await view.commit([{ path, value: null }]);
          return undefined;
        },
      },
    },
  });
}
