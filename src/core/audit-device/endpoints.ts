/** `sys/audit` and `sys/audit-hash`. */
import { CofferError } from '../../errors.ts';
import { coreEndpoint } from '../core-call.ts';
import type { Endpoint, Fields, ResponseSchema } from '../endpoint.ts';
import type { AnswerData } from '../request.ts';
import type { AuditDevices } from './devices.ts';
import { chainPath } from './record.ts';

const deviceFields = {
  type: { type: 'string', help: 'file, stdout, discard, socket, syslog or http; needed to enable one.' },
  description: { type: 'string', help: 'For people.' },
  options: {
    type: 'pairs',
    help: 'Of every type: format (json), prefix, hmac_accessor, skip_test; the others are the type’s own.',
  },
  local: { type: 'bool', help: 'Accepted; every node opens every device.' },
} as const satisfies Fields;

const deviceMembers = {
  type: { type: 'string' },
  description: { type: 'string' },
  options: { type: 'pairs', nullable: true },
  path: { type: 'string' },
  local: { type: 'bool' },
  state: { type: 'string', help: 'working or failing, on this node.' },
  waiting: { type: 'int', help: 'Lines that wait for the device.' },
  dropped: { type: 'int', help: 'Lines that the device missed since this node runs.' },
  problem: { type: 'string', help: 'Why it fails; empty where it works.' },
} as const satisfies ResponseSchema;

export function auditDeviceEndpoints(devices: () => AuditDevices): readonly Endpoint[] {
  return [listing(devices), one(devices), hashing(devices)];
}

function listing(devices: () => AuditDevices): Endpoint {
  return coreEndpoint({
    pattern: 'audit',
    help: 'Lists the audit devices, the built-in log among them.',
    fields: {},
    operations: {
      read: {
        summary: 'List audit devices',
        sudo: true,
        repeatData: true,
        response: { '*': { type: 'object', members: deviceMembers } },
        handle: async () => ({ data: shownDevices(devices()) }),
      },
    },
  });
}

function shownDevices(devices: AuditDevices): AnswerData {
  const shown: Record<string, AnswerData> = Object.create(null);
  if (devices.hasChain()) shown[chainPath] = chain;
  for (const {
    type,
    description,
    options,
    path,
    local,
    state,
    waiting,
    dropped,
    problem,
  } of devices.list()) {
    shown[path] = { type, description, options, path, local, state, waiting, dropped, problem };
  }
  return shown;
}

const chain = {
  type: 'chain',
  description: 'built in, hash-chained; no request happens without it, and it cannot be disabled',
  options: null,
  path: chainPath,
  local: true,
  state: 'working',
  waiting: 0,
  dropped: 0,
  problem: '',
} as const;

function one(devices: () => AuditDevices): Endpoint {
  return coreEndpoint({
    pattern: 'audit/:path*',
    help: 'Enables or disables an audit device.',
    fields: deviceFields,
    operations: {
      update: {
        summary: 'Enable an audit device',
        sudo: true,
        spendsFirst: true,
        handle: async ({ params, fields }) => {
          const { type = '', description = '', options = {}, local = false } = fields;
          if (type === '') {
            throw new CofferError('invalid_request', 'Field validation failed: missing field "type"');
          }
          const path = params['path'] ?? '';
          await devices().enable({ path, type, description, options: { ...options }, local });
        },
      },
      delete: {
        summary: 'Disable an audit device',
        sudo: true,
        spendsFirst: true,
        handle: async ({ params }) => void (await devices().disable(params['path'] ?? '')),
      },
    },
  });
}

function hashing(devices: () => AuditDevices): Endpoint {
  return coreEndpoint({
    pattern: 'audit-hash/:path*',
    help: 'Tells what stands in the lines of an audit device in place of a secret text.',
    fields: { input: { type: 'string', help: 'The text.', sensitive: true } },
    operations: {
      update: {
        summary: 'Hash as an audit device does',
        computes: true,
        repeatData: true,
        response: { hash: { type: 'string' } },
        handle: async ({ params, fields }) => {
          if (fields.input === undefined) {
            throw new CofferError('invalid_request', 'the "input" parameter is empty');
          }
          return { data: { hash: devices().digest(params['path'] ?? '', fields.input) } };
        },
      },
    },
  });
}
