/** `sys/metrics` and `sys/host-info`. */
import { CofferError } from '../errors.ts';
import { coreEndpoint } from './core-call.ts';
import type { Endpoint, ResponseSchema } from './endpoint.ts';
import type { Telemetry } from './meter.ts';
import type { CoreSample } from './sample.ts';

/** Of the text exposition format, version 0.0.4. */
export const prometheusType = 'text/plain; version=0.0.4';

const labels = { type: 'object', members: { '*': { type: 'string' } } } as const;

const metricsSchema = {
  Timestamp: { type: 'string' },
  Gauges: { type: 'list', items: { Name: { type: 'string' }, Value: { type: 'float' }, Labels: labels } },
  Points: { type: 'list', help: 'Always empty.' },
  Counters: {
    type: 'list',
    items: { Name: { type: 'string' }, Count: { type: 'int' }, Sum: { type: 'float' }, Labels: labels },
  },
  Samples: {
    type: 'list',
    items: {
      Name: { type: 'string' },
      Count: { type: 'int' },
      Sum: { type: 'float' },
      Mean: { type: 'float' },
      Labels: labels,
    },
  },
} as const satisfies ResponseSchema;

const bytes = { type: 'int', nullable: true } as const;

const hostSchema = {
  timestamp: { type: 'string' },
  cpu: {
    type: 'list',
    items: { cpu: { type: 'int' }, modelName: { type: 'string' }, mhz: { type: 'int' } },
  },
  cpu_times: {
    type: 'list',
    help: 'Seconds since the machine started.',
    items: {
      cpu: { type: 'string' },
      user: { type: 'float' },
      system: { type: 'float' },
      idle: { type: 'float' },
      nice: { type: 'float' },
      irq: { type: 'float' },
    },
  },
  disk: {
    type: 'list',
    help: 'The file system of the data directory; empty where there is none.',
    items: { total: bytes, free: bytes, used: bytes, usedPercent: { type: 'float' } },
  },
  host: {
    type: 'object',
    members: {
      hostname: { type: 'string' },
      os: { type: 'string' },
      platform: { type: 'string' },
      kernelVersion: { type: 'string' },
      kernelArch: { type: 'string' },
      uptime: { type: 'int' },
    },
  },
  memory: {
    type: 'object',
    members: {
      total: bytes,
      available: bytes,
      used: bytes,
      usedPercent: { type: 'float' },
    },
  },
} as const satisfies ResponseSchema;

export function telemetryEndpoints(
  telemetry: Telemetry,
  sample: () => Promise<CoreSample | undefined>,
): readonly Endpoint[] {
  return [metrics(telemetry, sample), hostInfo(telemetry)];
}

function metrics(telemetry: Telemetry, sample: () => Promise<CoreSample | undefined>): Endpoint {
  return coreEndpoint({
    pattern: 'metrics',
    help: 'Tells how the server is doing, in numbers. A listener may be set to answer it without a token.',
    fields: { format: { type: 'string', help: '"prometheus" for its text format; JSON without.' } },
    operations: {
      read: {
        summary: 'Read metrics',
        metrics: true,
        plain: true,
        response: metricsSchema,
        handle: async ({ fields, wrapTtl }) => {
          const format = fields.format ?? '';
          if (format === '' || format === 'json') return { data: await telemetry.json(await sample()) };
          if (format !== 'prometheus') {
            throw new CofferError('invalid_request', 'format is "prometheus" or left out');
          }
          if (wrapTtl > 0) {
            throw new CofferError(
              'invalid_request',
              'metrics as text cannot be wrapped: ask without X-Vault-Wrap-TTL',
            );
          }
          return { text: await telemetry.prometheus(await sample()), contentType: prometheusType };
        },
      },
    },
  });
}

function hostInfo(telemetry: Telemetry): Endpoint {
  return coreEndpoint({
    pattern: 'host-info',
    help: 'Tells of the machine that the server runs on.',
    fields: {},
    operations: {
      read: {
        summary: 'Show the host',
        sudo: true,
        response: hostSchema,
        handle: async () => ({ data: await telemetry.hostInfo() }),
      },
    },
  });
}
