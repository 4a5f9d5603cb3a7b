/** `sys/version-history`, `sys/experiments` and what of replication clients ask. */
import { timestamp } from '../../clock.ts';
import { vaultVersion, version } from '../../version.ts';
import { coreEndpoint } from '../core-call.ts';
import type { Endpoint } from '../endpoint.ts';

/** `since`: milliseconds, when this version began to serve here. */
export function versionEndpoints(since: number): readonly Endpoint[] {
  return [history(since), experiments(), replication()];
}

function history(since: number): Endpoint {
  const list = {
    summary: 'Show the version',
    response: {
      keys: { type: 'list' },
      key_info: {
        type: 'object',
        members: {
          '*': {
            type: 'object',
            members: {
              build_date: { type: 'string' },
              previous_version: { type: 'string', nullable: true },
              timestamp_installed: { type: 'string' },
              coffer_version: { type: 'string' },
            },
          },
        },
      },
    },
    handle: async () => ({
      data: {
        keys: [vaultVersion],
        key_info: {
          [vaultVersion]: {
            build_date: '',
            previous_version: null,
            timestamp_installed: timestamp(since),
            coffer_version: version,
          },
        },
      },
    }),
  } as const;
  return coreEndpoint({
    pattern: 'version-history',
    help: 'Shows the version of the API that is spoken, and since when this node has. Earlier ones are not remembered.',
    fields: {},
    operations: { list, read: list },
  });
}

function experiments(): Endpoint {
  return coreEndpoint({
    pattern: 'experiments',
    help: 'Lists experiments that can be switched on: none.',
    fields: {},
    operations: {
      read: {
        summary: 'List experiments',
        response: { available: { type: 'list' }, enabled: { type: 'list' } },
        handle: async () => ({ data: { available: [], enabled: [] } }),
      },
    },
  });
}

function replication(): Endpoint {
  const mode = { type: 'object', members: { mode: { type: 'string' } } } as const;
  return coreEndpoint({
    pattern: 'replication/status',
    help: 'Says that there is no replication between stores.',
    fields: {},
    operations: {
      read: {
        summary: 'Show replication',
        response: { dr: mode, performance: mode },
        handle: async () => ({ data: { dr: { mode: 'disabled' }, performance: { mode: 'disabled' } } }),
      },
    },
  });
}
