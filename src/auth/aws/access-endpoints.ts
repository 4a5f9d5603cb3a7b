/** `identity-accesslist/:instance`: which instances have logged in. */
import { type Call, type Endpoint, endpoint } from '../../core/endpoint.ts';
import { listPage, pageFields } from '../../core/list-page.ts';
import { CofferError } from '../../errors.ts';
import { accessFolder, readEntry } from './access-list.ts';

/** The old name of the same is what older clients ask by. */
export function accessEndpoints(): readonly Endpoint[] {
  return (['identity-accesslist', 'identity-whitelist'] as const).flatMap((name) => [
    listEndpoint(name),
    entryEndpoint(name),
  ]);
}

function listEndpoint(name: string): Endpoint {
  return endpoint({
    pattern: name,
    help: 'Lists instances that have logged in.',
    fields: pageFields,
    operations: {
      list: {
        summary: 'List instances that have logged in',
        response: { keys: { type: 'list' } },
        handle: (call) => listPage((page) => call.view.children(accessFolder, page), call.fields),
      },
    },
  });
}

function entryEndpoint(name: string): Endpoint {
  return endpoint({
    pattern: `${name}/:instance`,
    help: 'Shows what an instance’s logins left, or forgets it: the next login is then taken as its first.',
    fields: {},
    operations: {
      read: {
        summary: 'Show what an instance’s logins left',
        response: {
          account_id: { type: 'string' },
          role: { type: 'string' },
          client_nonce: { type: 'string', help: 'A keyed hash of it; empty where no login is to follow.' },
          creation_time: { type: 'string' },
          last_updated_time: { type: 'string' },
          expiration_time: { type: 'string' },
          pending_time: { type: 'string' },
          disallow_reauthentication: { type: 'bool' },
        },
        handle: async (call) => {
          const read = await readEntry(call.view, instanceOf(call));
          if (read === undefined) return undefined;
          const { entry } = read;
          return {
            data: {
              account_id: entry.account,
              role: entry.role,
              client_nonce: entry.nonce,
              creation_time: new Date(entry.createdAt).toISOString(),
              last_updated_time: new Date(entry.lastUpdatedAt).toISOString(),
              expiration_time: new Date(entry.expiresAt).toISOString(),
              pending_time: new Date(entry.pendingTime).toISOString(),
              disallow_reauthentication: entry.disallowReauthentication,
            },
          };
        },
      },
      delete: {
        summary: 'Forget an instance’s logins',
        handle: async (call) => {
          await call.view.commit([{ path: accessFolder + instanceOf(call), value: null }]);
          return undefined;
        },
      },
    },
  });
}

function instanceOf(call: Call): string {
  const id = call.params['instance'] ?? '';
  if (/^i-[0-9a-f]{8,17}$/.test(id)) return id;
  throw new CofferError('invalid_request', 'an instance is named like i-0123456789abcdef0');
}
