/** What is known of versions in a table, in the words of kv's versioned engine. */
import { timestamp } from '../../clock.ts';
import type { ResponseSchema } from '../../core/endpoint.ts';
import type { Head } from '../../credstash/head.ts';
import { CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';

export const versionSchema = {
  created_time: { type: 'string', help: 'RFC 3339; empty in the old formats, which know none.' },
  custom_metadata: { type: 'pairs', nullable: true, help: 'Always null: a table has none.' },
  deletion_time: { type: 'string', help: 'RFC 3339; empty while it is not deleted.' },
  destroyed: { type: 'bool' },
  version: { type: 'int' },
} as const satisfies ResponseSchema;

export const secretSchema = {
  cas_required: { type: 'bool' },
  created_time: {
    type: 'string',
    help: 'RFC 3339, of the oldest version that is there; empty where it has none.',
  },
  current_version: { type: 'int' },
  custom_metadata: { type: 'pairs', nullable: true, help: 'Always null.' },
  delete_version_after: { type: 'string' },
  max_versions: { type: 'int', help: '0: a table keeps all.' },
  oldest_version: { type: 'int' },
  updated_time: { type: 'string', help: 'RFC 3339, of the newest version; empty where it has none.' },
  versions: {
    type: 'object',
    help: 'By number: created_time, deletion_time, destroyed.',
    members: {
      '*': {
        type: 'object',
        members: {
          created_time: { type: 'string' },
          deletion_time: { type: 'string' },
          destroyed: { type: 'bool' },
        },
      },
    },
  },
} as const satisfies ResponseSchema;

/** A version as `data` answers show it. */
export function shownVersion(head: Head): JsonObject {
  return { ...shownTimes(head), custom_metadata: null, version: head.version ?? 0 };
}

/** All that is known of a secret, oldest version first. Versions that are no numbers have no place here. */
export function shownSecret(heads: readonly Head[]): JsonObject {
  const numbered = heads.filter(({ version }) => version !== undefined);
  return {
    cas_required: false,
    created_time: timeOf(numbered[0]?.created),
    current_version: heads.at(-1)?.version ?? 0,
    custom_metadata: null,
    delete_version_after: '0s',
    max_versions: 0,
    oldest_version: numbered[0]?.version ?? 0,
    updated_time: timeOf(numbered.at(-1)?.created),
    versions: Object.fromEntries(numbered.map((head) => [String(head.version), shownTimes(head)])),
  };
}

function shownTimes({ created, state }: Head): JsonObject {
  return {
    created_time: timeOf(created),
    deletion_time: state.kind === 'deleted' ? timeOf(state.at) : '',
    destroyed: state.kind === 'destroyed',
  };
}

/** The largest number that a Date can be of: what a table says was written by anybody who may write it. */
const latestTime = 8.64e15;

function timeOf(milliseconds: number | undefined): string {
  return milliseconds === undefined || milliseconds > latestTime ? '' : timestamp(milliseconds);
}

/** Before any version is touched. Throws `unsupported_operation`: in an old format nothing that is deleted could come back. */
export function requireRestorable(name: string, heads: readonly Head[]): void {
  const old = heads.find(({ family }) => family !== 'coffer');
  if (old === undefined) return;
  throw new CofferError(
    'unsupported_operation',
    `${name} is in the format of ${old.family ?? 'another program'}, where a deleted version cannot come back: ` +
      'DELETE of metadata/ removes all versions for good, destroy/ some',
  );
}
