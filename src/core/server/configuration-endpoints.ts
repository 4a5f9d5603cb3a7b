/** `sys/config/state/sanitized` and `sys/config/reload`. */
import { CofferError } from '../../errors.ts';
import { coreEndpoint } from '../core-call.ts';
import type { Endpoint } from '../endpoint.ts';
import type { AnswerData } from '../request.ts';

export interface Configured {
  configuration(): AnswerData;
  reload(): (() => void | Promise<void>) | undefined;
}

export function configurationEndpoints(configured: Configured): readonly Endpoint[] {
  return [sanitized(configured), reloading(configured)];
}

function sanitized(configured: Configured): Endpoint {
  return coreEndpoint({
    pattern: 'config/state/sanitized',
    help: 'Shows what this server was configured with, without secrets and paths to them.',
    fields: {},
    operations: {
      read: {
        summary: 'Show the configuration',
        sudo: true,
        response: {
          storage: { type: 'object', members: { type: { type: 'string' } }, optional: true },
          log_level: { type: 'string', optional: true },
          log_format: { type: 'string', optional: true },
          listeners: {
            type: 'list',
            items: { type: { type: 'string' }, config: { type: 'object' } },
            optional: true,
          },
          default_lease_ttl: { type: 'duration', optional: true },
          max_lease_ttl: { type: 'duration', optional: true },
          '*': { type: 'any' },
        },
        handle: async () => ({ data: configured.configuration() }),
      },
    },
  });
}

function reloading(configured: Configured): Endpoint {
  return coreEndpoint({
    pattern: 'config/reload/:subsystem',
    help: 'Has this node read its configuration and certificates again, as on SIGHUP.',
    fields: {},
    operations: {
      update: {
        summary: 'Reload the configuration',
        sudo: true,
        spendsFirst: true,
        handle: async ({ params }) => {
          if (params['subsystem'] === 'license') {
            throw new CofferError('unsupported_path', 'there is no license to reload');
          }
          if (params['subsystem'] !== 'all') {
            throw new CofferError(
              'invalid_request',
              'nothing is reloaded by itself: sys/config/reload/all reads what SIGHUP reads',
            );
          }
          const reload = configured.reload();
          if (reload === undefined) {
            throw new CofferError('invalid_request', 'this server has no configuration to reload');
          }
          await reload();
        },
      },
    },
  });
}
