/** `config` of kv v2: what holds for all secrets of the mount. */
import { type Call, type Endpoint, endpoint, type FieldValues } from '../../core/endpoint.ts';
import { retryOnConflict } from '../../core/retry.ts';
import { formatDuration, parseDuration } from '../../core/ttl.ts';
import { CofferError } from '../../errors.ts';
import {
  checkMaxVersions,
  decodeSettings,
  encodeSettings,
  type MountSettings,
  settingsPath,
} from './settings.ts';

const fields = {
  max_versions: { type: 'int', help: 'Versions to keep of each secret; 0 is 10.' },
  cas_required: { type: 'bool', help: 'Every write must name the version it follows.' },
  // As text, because a negative duration means something here.
  delete_version_after: {
    type: 'string',
    help: 'New versions delete themselves after this time; 0 never, negative: never, whatever a secret says.',
  },
} as const;

export function settingsEndpoint(): Endpoint {
  return endpoint({
    pattern: 'config',
    help: 'Shows and sets what holds for every secret here.',
    fields,
    operations: {
      read: {
        summary: 'Show the settings of the mount',
        response: {
          cas_required: { type: 'bool' },
          delete_version_after: { type: 'string', help: 'As Go writes a duration.' },
          max_versions: { type: 'int' },
        },
        handle: async (call) => {
          const settings = decodeSettings(await call.view.read(settingsPath));
          return {
            data: {
              cas_required: settings.casRequired,
              delete_version_after: formatDuration(settings.deleteVersionAfter),
              max_versions: settings.maxVersions,
            },
          };
        },
      },
      update: { summary: 'Set the settings of the mount', handle: write },
    },
  });
}

async function write(call: Call & { readonly fields: FieldValues<typeof fields> }): Promise<undefined> {
  const { max_versions: maxVersions, cas_required: casRequired, delete_version_after: after } = call.fields;
  checkMaxVersions(maxVersions);
  const deleteVersionAfter = after === undefined ? undefined : parseDeleteAfter(after);
  if (maxVersions === undefined && casRequired === undefined && deleteVersionAfter === undefined) return;
  await retryOnConflict(async () => {
    const record = await call.view.read(settingsPath);
    const before = decodeSettings(record);
    const settings: MountSettings = {
      maxVersions: maxVersions ?? before.maxVersions,
      casRequired: casRequired ?? before.casRequired,
      deleteVersionAfter: deleteVersionAfter ?? before.deleteVersionAfter,
    };
    await call.view.commit(
      [{ path: settingsPath, value: encodeSettings(settings) }],
      [{ path: settingsPath, revision: record?.revision ?? null }],
    );
  });
}

/** A hundred years: dates beyond it break clients. */
const longest = 100 * 365 * 86_400;

/** Seconds; every negative duration says the same. */
function parseDeleteAfter(text: string): number {
  const seconds = text === '' ? 0 : parseDuration(text);
  if (seconds === undefined || seconds > longest) {
    throw new CofferError(
      'invalid_request',
      'Field validation failed: field "delete_version_after" is not a duration such as 3600, "1h30m" or "7d"',
    );
  }
  return Math.max(-1, seconds);
}
