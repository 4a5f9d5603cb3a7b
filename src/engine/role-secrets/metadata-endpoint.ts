/** `metadata`: names, and what is known of versions beside their values. */
import { type Call, type Endpoint, endpoint } from '../../core/endpoint.ts';
import { listPage, pageFields } from '../../core/list-page.ts';
import { retryOnConflict } from '../../core/retry.ts';
import { scanNames } from '../../core/scan-names.ts';
import { administered, refused, secretName, visible } from './rights.ts';
import type { RoleMount } from './role-mount.ts';
import { mayListAll } from './rules.ts';
import type { Secret } from './secret-record.ts';
import { namesFolder } from './secrets.ts';
import { shownVersion, withoutValues } from './versions.ts';

const members = {
  created_time: { type: 'string' },
  deletion_time: { type: 'string' },
  destroyed: { type: 'bool' },
} as const;

export function metadataEndpoint(mount: RoleMount): Endpoint {
  return endpoint({
    pattern: 'metadata/:path*',
    help: 'Lists secrets, shows what is known of one, and removes one for good.',
    fields: pageFields,
    operations: {
      read: {
        summary: 'Show the versions of a secret',
        ownDecision: true,
        response: {
          current_version: { type: 'int' },
          oldest_version: { type: 'int' },
          updated_time: { type: 'string', help: 'RFC 3339.' },
          versions: {
            type: 'object',
            help: 'By number: created_time, deletion_time, destroyed.',
            members: { '*': { type: 'object', members } },
          },
        },
        handle: async (call) => {
          const found = await mount.secrets.read(call.view, secretName(call));
          return { data: shown(visible(found, call.caller), call.clock.now()) };
        },
      },
      list: {
        summary: 'List the secrets that the caller may read, or all where it may list all',
        ownDecision: true,
        response: { keys: { type: 'list' } },
        handle: async (call) => {
          const folder = await folderFor(mount, call);
          return listPage((page) => call.view.children(folder, page), call.fields);
        },
      },
      scan: {
        summary: 'List the same in all folders below',
        ownDecision: true,
        response: { keys: { type: 'list' } },
        handle: async (call) => scanNames(call.view, await folderFor(mount, call), call.fields),
      },
      delete: {
        summary: 'Remove a secret with all versions for good',
        ownDecision: true,
        handle: (call) => remove(mount, call),
      },
    },
  });
}

function shown({ versions, last, updatedAt }: Secret, now: number) {
  const shownOnes = versions.map((row) => {
    const { version: _, custom_metadata: __, ...rest } = shownVersion(row, now);
    return [String(row.number), rest] as const;
  });
  return {
    current_version: last,
    oldest_version: versions[0]?.number ?? 0,
    updated_time: new Date(updatedAt).toISOString(),
    versions: Object.fromEntries(shownOnes),
  };
}

/** Where the names lie that the caller may be shown: all of them, or those that it may read. Throws `permission_denied`. */
async function folderFor({ secrets }: RoleMount, call: Call): Promise<string> {
  const { rules } = await secrets.readRules(call.view);
  const principal = call.caller?.principal;
  const all = mayListAll(rules, call.caller);
  if (!all && principal === undefined) throw refused();
  const index = all || principal === undefined ? namesFolder : secrets.readableFolder(principal);
  return index + (call.params['path'] ?? '');
}

async function remove({ secrets }: RoleMount, call: Call): Promise<undefined> {
  const name = secretName(call);
  await retryOnConflict(async () => {
    const found = await secrets.read(call.view, name);
    const secret = administered(found, call.caller);
    await secrets.commit(call.view, found, withoutValues(secret, call.clock.now()));
  });
  return undefined;
}
