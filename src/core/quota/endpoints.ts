/** `sys/quotas`: how fast clients may go (Vault API, "rate limit quotas"). */
import { CofferError } from '../../errors.ts';
import { type CoreCall, coreEndpoint } from '../core-call.ts';
import type { Endpoint, Fields, FieldValues, ResponseSchema } from '../endpoint.ts';
import { listPage, pageFields } from '../list-page.ts';
import { parseApiPath } from '../path.ts';
import type { CoreRooms } from '../rooms.ts';
import { alwaysExempt, type Quota } from './quota.ts';

const quotaFields = {
  path: { type: 'string', help: 'A mount (`secret/`), a path, a path with `*` at its end; empty for all.' },
  rate: { type: 'float', help: 'Requests of one client in an interval.' },
  interval: { type: 'duration', help: 'The interval; one second.' },
  block_interval: { type: 'duration', help: 'How long a client that went beyond is refused altogether.' },
  role: { type: 'string', help: 'Not supported; must be empty.' },
  inheritable: { type: 'bool', help: 'Accepted; there are no child namespaces.' },
  type: { type: 'string', help: 'Only `rate-limit`.' },
} as const satisfies Fields;

const quotaSchema = {
  type: { type: 'string' },
  name: { type: 'string' },
  path: { type: 'string' },
  rate: { type: 'float' },
  interval: { type: 'int' },
  block_interval: { type: 'int' },
  role: { type: 'string' },
  inheritable: { type: 'bool' },
} as const satisfies ResponseSchema;

const configFields = {
  rate_limit_exempt_paths: {
    type: 'list',
    help: 'Paths that no quota counts; `*` at the end for all below.',
  },
  enable_rate_limit_audit_logging: { type: 'bool', help: 'Refusals are audited.' },
  enable_rate_limit_response_headers: { type: 'bool', help: 'Answers tell what is left.' },
} as const satisfies Fields;

const configSchema = {
  rate_limit_exempt_paths: { type: 'list' },
  absolute_rate_limit_exempt_paths: { type: 'list' },
  enable_rate_limit_audit_logging: { type: 'bool' },
  enable_rate_limit_response_headers: { type: 'bool' },
} as const satisfies ResponseSchema;

export function quotaEndpoints(rooms: CoreRooms): readonly Endpoint[] {
  return [config(rooms), list(rooms), one(rooms)];
}

function config(rooms: CoreRooms): Endpoint {
  return coreEndpoint({
    pattern: 'quotas/config',
    help: 'What quotas do not count, and who is told of refusals.',
    fields: configFields,
    operations: {
      read: {
        summary: 'Show the settings of quotas',
        response: configSchema,
        handle: async () => {
          const { exemptPaths, auditLogging, responseHeaders } = rooms.quotas.config;
          return {
            data: {
              rate_limit_exempt_paths: exemptPaths,
              absolute_rate_limit_exempt_paths: alwaysExempt,
              enable_rate_limit_audit_logging: auditLogging,
              enable_rate_limit_response_headers: responseHeaders,
            },
          };
        },
      },
      update: {
        summary: 'Change the settings of quotas',
        spendsFirst: true,
        handle: async ({ fields }) => {
          const now = rooms.quotas.config;
          const exemptPaths = fields.rate_limit_exempt_paths?.map(parsePattern) ?? now.exemptPaths;
          if (exemptPaths.length > 100)
            throw new CofferError('invalid_request', 'at most 100 paths are exempt');
          await rooms.quotas.configure({
            exemptPaths,
            auditLogging: fields.enable_rate_limit_audit_logging ?? now.auditLogging,
            responseHeaders: fields.enable_rate_limit_response_headers ?? now.responseHeaders,
          });
          return undefined;
        },
      },
    },
  });
}

function list(rooms: CoreRooms): Endpoint {
  return coreEndpoint({
    pattern: 'quotas/rate-limit',
    help: 'Lists rate-limit quotas.',
    fields: pageFields,
    operations: {
      list: {
        summary: 'List quotas',
        response: { keys: { type: 'list' } },
        handle: (call) => listPage((page) => rooms.quotas.names(page), call.fields),
      },
    },
  });
}

function one(rooms: CoreRooms): Endpoint {
  const name = (call: CoreCall<typeof quotaFields>) => parseName(call.params['name'] ?? '');
  return coreEndpoint({
    pattern: 'quotas/rate-limit/:name',
    help: 'Shows, writes or deletes a rate-limit quota. Each client address has a measure of its own, on each node.',
    fields: quotaFields,
    operations: {
      read: {
        summary: 'Show a quota',
        response: quotaSchema,
        handle: async (call) => {
          const quota = await rooms.quotas.read(name(call));
          return quota === undefined ? undefined : { data: shown(quota) };
        },
      },
      update: {
        summary: 'Write a quota',
        spendsFirst: true,
        handle: async (call) => {
          const quota = wanted(name(call), call.fields, await rooms.quotas.read(name(call)));
          if (quota.path !== '' && rooms.mounts.table.route(parseApiPath(bare(quota.path))) === undefined) {
            throw new CofferError('invalid_request', `no mount holds the path "${quota.path}"`);
          }
          await rooms.quotas.write(quota);
          return undefined;
        },
      },
      delete: {
        summary: 'Delete a quota',
        spendsFirst: true,
        handle: async (call) => void (await rooms.quotas.delete(name(call))),
      },
    },
  });
}

/** Fields that are not sent stay as they are. */
function wanted(name: string, fields: FieldValues<typeof quotaFields>, before: Quota | undefined): Quota {
  if (fields.role)
    throw new CofferError('invalid_request', 'quotas by role are not supported: leave role empty');
  if (fields.type !== undefined && fields.type !== 'rate-limit') {
    throw new CofferError('invalid_request', 'type must be "rate-limit"');
  }
  const rate = fields.rate ?? before?.rate ?? 0;
  if (!(rate > 0 && rate <= 1e9)) throw new CofferError('invalid_request', "'rate' must be greater than 0");
  const interval = fields.interval ?? before?.interval ?? 1;
  if (interval < 1) throw new CofferError('invalid_request', "'interval' must be a second or longer");
  return {
    name,
    path: fields.path === undefined ? (before?.path ?? '') : parsePattern(fields.path),
    rate,
    interval,
    blockInterval: fields.block_interval ?? before?.blockInterval ?? 0,
  };
}

function shown(quota: Quota) {
  return {
    type: 'rate-limit',
    name: quota.name,
    path: quota.path,
    rate: quota.rate,
    interval: quota.interval,
    block_interval: quota.blockInterval,
    role: '',
    inheritable: true,
  };
}

function parseName(name: string): string {
  if (/^[\w.-]{1,128}$/.test(name)) return name;
  throw new CofferError('invalid_request', 'a quota’s name has up to 128 letters, digits, "_", "." and "-"');
}

/** A path as requests have it, perhaps with `*` at its end. Throws `invalid_request`. */
function parsePattern(text: string): string {
  const path = text.replace(/^\/+/, '');
  if (path !== '') parseApiPath(bare(path));
  if (path.slice(0, -1).includes('*')) {
    throw new CofferError('invalid_request', '"*" may stand only at the end of a path');
  }
  return path;
}

function bare(pattern: string): string {
  return pattern.replace(/\*$/, '');
}
