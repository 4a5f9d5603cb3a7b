/**
 * `sys/internal/counters`: what dashboards of Vault ask. Tokens and entities are not counted, because counting would cost as
 * much as there are; `sys/metrics` has what is counted as it happens.
 */
import { coreEndpoint } from '../core-call.ts';
import type { Endpoint } from '../endpoint.ts';

export function counterEndpoints(): readonly Endpoint[] {
  return [requests(), activityConfig()];
}

function requests(): Endpoint {
  return coreEndpoint({
    pattern: 'internal/counters/requests',
    help: 'Counts nothing any more, as in Vault since 1.6: see sys/metrics.',
    fields: {},
    operations: {
      read: {
        summary: 'Requests by month',
        response: { counters: { type: 'list', nullable: true } },
        handle: async () => ({
          data: { counters: null },
          warnings: ['requests are not counted by month; sys/metrics counts them as they happen'],
        }),
      },
    },
  });
}

function activityConfig(): Endpoint {
  return coreEndpoint({
    pattern: 'internal/counters/config',
    help: 'Says that activity of clients is not recorded.',
    fields: {},
    operations: {
      read: {
        summary: 'How activity is recorded',
        response: {
          enabled: { type: 'string' },
          queries_available: { type: 'bool' },
          default_report_months: { type: 'int' },
          retention_months: { type: 'int' },
          reporting_enabled: { type: 'bool' },
        },
        handle: async () => ({
          data: {
            enabled: 'default-disable',
            queries_available: false,
            default_report_months: 12,
            retention_months: 0,
            reporting_enabled: false,
          },
        }),
      },
    },
  });
}
