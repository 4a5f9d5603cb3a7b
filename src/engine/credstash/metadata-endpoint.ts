/** `metadata`: names of secrets, what is known of their versions, and removing them. */
import { type Call, type Endpoint, endpoint, type FieldValues, type Reply } from '../../core/endpoint.ts';
import { pageFields } from '../../core/list-page.ts';
import { listNames } from './names.ts';
import { secretName } from './secret-name.ts';
import { secretSchema, shownSecret } from './shown.ts';
import type { Tables } from './tables.ts';

const listSchema = { keys: { type: 'list' } } as const;

type ListCall = Call & { readonly fields: FieldValues<typeof pageFields> };

export function metadataEndpoint(tables: Tables): Endpoint {
  const list = (call: ListCall, deep: boolean): Promise<Reply> =>
    tables.use(call, undefined, (table) => listNames(table, folderOf(call), deep, call.fields));
  return endpoint({
    pattern: 'metadata/:path*',
    help: 'Shows what is known of a secret of the table or removes it; lists secrets.',
    fields: pageFields,
    operations: {
      read: {
        summary: 'Show metadata',
        spendsFirst: true,
        response: secretSchema,
        handle: (call) =>
          tables.use(call, undefined, async (table) => {
            const heads = await table.history(secretName(call));
            return heads.length === 0 ? undefined : { data: shownSecret(heads) };
          }),
      },
      list: {
        summary: 'List secrets; reads the whole table',
        spendsFirst: true,
        response: listSchema,
        handle: (call) => list(call, false),
      },
      scan: {
        summary: 'List secrets in all folders below; reads the whole table',
        spendsFirst: true,
        response: listSchema,
        handle: (call) => list(call, true),
      },
      delete: {
        summary: 'Remove a secret with all versions for good',
        spendsFirst: true,
        handle: (call) =>
          tables.use(call, undefined, async (table) => {
            await table.remove(secretName(call));
            return undefined;
          }),
      },
    },
  });
}

function folderOf({ params }: Pick<Call, 'params'>): string {
  const path = params['path'] ?? '';
  return path === '' || path.endsWith('/') ? path : `${path}/`;
}
