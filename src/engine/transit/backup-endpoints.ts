/** A key with all its versions as one text, and back. */
import { type Call, type Endpoint, endpoint, type FieldValues } from '../../core/endpoint.ts';
import { retryOnConflict } from '../../core/retry.ts';
import type { View } from '../../core/view.ts';
import { randomUuid } from '../../crypto/random.ts';
import { CofferError } from '../../errors.ts';
import { type BackedUpKey, decodeBackup, encodeBackup } from './backup.ts';
import { noKey, type Rooms } from './environment.ts';
import { encodeKey, type KeyRecord, keyPath, parseKeyName, versionPath } from './key-record.ts';
import { encodeVersion } from './key-version.ts';
import { rotationDue } from './keys.ts';
import { goneEntry, removeGone } from './removal.ts';

const restoreFields = {
  backup: { type: 'string', help: 'What a backup answered.', sensitive: true, required: true },
  force: { type: 'bool', help: 'In place of a key that is there.' },
} as const;

/** Versions in one commit of a restore. */
const step = 20;
/** Milliseconds after which versions that a restore left half done are removed. */
const halfDone = 3_600_000;

export function backupEndpoints(rooms: Rooms): readonly Endpoint[] {
  return [backupEndpoint(rooms), ...['', '/:name'].map((rest) => restoreEndpoint(rooms, rest))];
}

function backupEndpoint({ keys }: Rooms): Endpoint {
  return endpoint({
    pattern: 'backup/:name',
    help: 'A key with all its versions, in clear: only of keys that may be exported and backed up so.',
    fields: {},
    operations: {
      read: {
        summary: 'Back up a key',
        response: { backup: { type: 'string', sensitive: true } },
        handle: async (call) => {
          const { record } = await keys.need(call.view, parseKeyName(call.params['name']), noKey);
          const refuse = (why: string) => new CofferError('invalid_request', why);
          if (!record.exportable) throw refuse('exporting is disallowed on the policy');
          if (!record.allowPlaintextBackup) throw refuse('plaintext backup is disallowed on the policy');
          const first = Math.max(1, record.minAvailableVersion);
          const versions = await keys.versionsFrom(call.view, record, first);
          return { data: { backup: encodeBackup(record, versions) } };
        },
      },
    },
  });
}

function restoreEndpoint(rooms: Rooms, rest: string): Endpoint {
  return endpoint({
    pattern: `restore${rest}`,
    help: 'Makes a key of its backup, under its own name or another.',
    fields: restoreFields,
    operations: {
      update: {
        summary: 'Restore a key',
        handle: async (call) => {
          await restore(rooms, call);
          return undefined;
        },
      },
    },
  });
}

/**
 * Versions come first, under an id that no key names yet, and an entry that removes them if it stays so; then the key, in one
 * commit.
 */
async function restore(
  rooms: Rooms,
  call: Call & { readonly fields: FieldValues<typeof restoreFields> },
): Promise<void> {
  const { keys, environment } = rooms;
  const backup = decodeBackup(call.fields.backup);
  const name = parseKeyName(call.params['name'] ?? backup.record.name);
  const force = call.fields.force ?? false;
  if (!force && (await keys.read(call.view, name)) !== undefined) throw alreadyThere(name);
  const record: KeyRecord = { ...backup.record, name, id: randomUuid(environment.random) };
  await placeVersions(call.view, record, backup, environment.clock.now());
  const replaced = await retryOnConflict(async () => {
    const before = await keys.read(call.view, name);
    if (before !== undefined && !force) throw alreadyThere(name);
    const path = keyPath(name);
    const old = before === undefined ? [] : [goneEntry(name, before.record.id, environment.clock.now())];
    await call.view.commit(
      [{ path, value: encodeKey(record) }],
      [{ path, revision: before?.revision ?? null }],
      [...rotationDue(record), ...old],
    );
    return before?.record;
  });
  if (replaced === undefined) return;
  keys.forget(replaced, replaced.latestVersion + 1);
  await removeGone(call.view, name, replaced.id);
}

async function placeVersions(view: View, record: KeyRecord, backup: BackedUpKey, now: number): Promise<void> {
  for (let from = 0; from < backup.versions.length; from += step) {
    const writes = backup.versions.slice(from, from + step).map(({ number, version }) => ({
      path: versionPath(record.id, number),
      value: encodeVersion(version),
    }));
    await view.commit(writes, [], from === 0 ? [goneEntry(record.name, record.id, now + halfDone)] : []);
  }
}

function alreadyThere(name: string): CofferError {
  return new CofferError('invalid_request', `key ${JSON.stringify(name)} already exists`);
}
