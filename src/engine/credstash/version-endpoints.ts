/** `delete`, `undelete` and `destroy`: what is done to versions by their numbers. Numbers without a version are passed over, as kv does. */
import { type Endpoint, endpoint } from '../../core/endpoint.ts';
import type { Head } from '../../credstash/head.ts';
import type { SecretTable } from '../../credstash/secret-table.ts';
import { CofferError } from '../../errors.ts';
import { secretName } from './secret-name.ts';
import { requireRestorable } from './shown.ts';
import type { Tables } from './tables.ts';

/** Each is a call to AWS. */
const mostVersions = 1_000;

type Act = (table: SecretTable, name: string, versions: readonly Head[]) => Promise<void>;

export function versionEndpoints(tables: Tables): readonly Endpoint[] {
  return [
    versionsEndpoint('delete', 'Soft-deletes versions.', tables, async (table, name, versions) => {
      requireRestorable(name, versions);
      await table.delete(name, versions);
    }),
    versionsEndpoint('undelete', 'Restores soft-deleted versions.', tables, (table, name, versions) =>
      table.undelete(name, versions),
    ),
    versionsEndpoint('destroy', 'Removes the values of versions for good.', tables, (table, name, versions) =>
      table.destroy(name, versions),
    ),
  ];
}

function versionsEndpoint(verb: string, help: string, tables: Tables, act: Act): Endpoint {
  return endpoint({
    pattern: `${verb}/:path*`,
    help,
    fields: { versions: { type: 'ints', help: 'Version numbers.' } },
    operations: {
      update: {
        summary: help,
        spendsFirst: true,
        async handle(call) {
          const { versions = [] } = call.fields;
          if (versions.length === 0) throw new CofferError('invalid_request', 'No version number provided');
          if (versions.length > mostVersions) {
            throw new CofferError('invalid_request', `at most ${mostVersions} versions at once`);
          }
          const name = secretName(call);
          return tables.use(call, undefined, async (table) => {
            const heads = await table.history(name);
            const chosen = heads.filter(({ version }) => version !== undefined && versions.includes(version));
            if (chosen.length > 0) await act(table, name, chosen);
            return undefined;
          });
        },
      },
    },
  });
}
