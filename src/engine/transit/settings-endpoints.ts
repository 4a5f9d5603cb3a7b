/** Changing a key: its settings, a new version, and the end of old ones. */
import { type Call, type Endpoint, endpoint, type FieldValues, type Reply } from '../../core/endpoint.ts';
import { CofferError } from '../../errors.ts';
import type { Rooms } from './environment.ts';
import { type KeyRecord, parseKeyName } from './key-record.ts';
import type { ReadKey } from './keys.ts';
import { checkPeriod } from './new-key.ts';
import { removeTrimmed, trimEntry } from './removal.ts';
import { notRotating, rotateKey } from './rotate.ts';
import { shownKey, shownKeySchema } from './shown-key.ts';

const configFields = {
  min_decryption_version: { type: 'int', help: 'Oldest version that decrypts and verifies.' },
  min_encryption_version: { type: 'int', help: 'Oldest version that encrypts and signs; 0 for any.' },
  deletion_allowed: { type: 'bool', help: 'The key may be deleted.' },
  exportable: { type: 'bool', help: 'The key may be exported; cannot be taken back.' },
  allow_plaintext_backup: { type: 'bool', help: 'The key may be backed up in clear; cannot be taken back.' },
  auto_rotate_period: { type: 'duration', help: 'Time between rotations; an hour at least, 0 for never.' },
} as const;

const trimFields = {
  min_available_version: {
    type: 'int',
    help: 'Versions before this one are removed for good; at most the least that encrypts and decrypts.',
  },
} as const;

type ConfigFields = FieldValues<typeof configFields>;

export function settingsEndpoints(rooms: Rooms): readonly Endpoint[] {
  return [configEndpoint(rooms), rotateEndpoint(rooms), trimEndpoint(rooms)];
}

function configEndpoint(rooms: Rooms): Endpoint {
  return endpoint({
    pattern: 'keys/:name/config',
    help: 'Sets what holds for a key.',
    fields: configFields,
    operations: {
      update: {
        summary: 'Set the settings of a key',
        response: shownKeySchema,
        handle: (call) => configure(rooms, call),
      },
    },
  });
}

function rotateEndpoint(rooms: Rooms): Endpoint {
  return endpoint({
    pattern: 'keys/:name/rotate',
    help: 'Adds a version to a key; older ones still decrypt and verify.',
    fields: {},
    operations: {
      update: {
        summary: 'Rotate a key',
        response: shownKeySchema,
        handle: async (call) => {
          const record = await rotateKey(rooms, call.view, parseKeyName(call.params['name']));
          return shownKey(rooms.keys, call.view, record, undefined);
        },
      },
    },
  });
}

function trimEndpoint(rooms: Rooms): Endpoint {
  return endpoint({
    pattern: 'keys/:name/trim',
    help: 'Removes old versions of a key for good: nothing that they encrypted can be read again.',
    fields: trimFields,
    operations: {
      update: {
        summary: 'Remove old versions',
        response: shownKeySchema,
        handle: (call) => trim(rooms, call),
      },
    },
  });
}

async function configure({ keys }: Rooms, call: Call & { readonly fields: ConfigFields }): Promise<Reply> {
  const name = parseKeyName(call.params['name']);
  const record = await keys.change(
    call.view,
    name,
    `no existing key named ${name} could be found`,
    async (before) => {
      const after = configured(before.record, call.fields);
      if (JSON.stringify(after) !== JSON.stringify(before.record))
        await keys.commit(call.view, before, after);
      return after;
    },
  );
  const warnings =
    call.fields.min_decryption_version === 0
      ? ['since Vault 0.3, transit key numbering starts at 1; forcing minimum to 1']
      : [];
  return shownKey(keys, call.view, record, undefined, warnings);
}

/** Throws `invalid_request` for settings that contradict each other or name versions that are not there. */
function configured(before: KeyRecord, sent: ConfigFields): KeyRecord {
  const after: KeyRecord = {
    ...before,
    minDecryptionVersion: decryptionVersion(before, sent.min_decryption_version),
    minEncryptionVersion: sent.min_encryption_version ?? before.minEncryptionVersion,
    deletionAllowed: sent.deletion_allowed ?? before.deletionAllowed,
    exportable: before.exportable || sent.exportable === true,
    allowPlaintextBackup: before.allowPlaintextBackup || sent.allow_plaintext_backup === true,
    autoRotatePeriod: sent.auto_rotate_period ?? before.autoRotatePeriod,
  };
  checkPeriod(after.autoRotatePeriod);
  if (after.autoRotatePeriod > 0 && after.imported && !after.importedMayRotate) {
    throw new CofferError('invalid_request', notRotating(after.name));
  }
  checkVersions(after);
  return after;
}

function decryptionVersion(before: KeyRecord, sent: number | undefined): number {
  return sent === undefined ? before.minDecryptionVersion : sent === 0 ? 1 : sent;
}

function checkVersions(record: KeyRecord): void {
  const { latestVersion, minAvailableVersion, minDecryptionVersion, minEncryptionVersion } = record;
  const refuse = (why: string) => new CofferError('invalid_request', why);
  for (const [word, version] of [
    ['decryption', minDecryptionVersion],
    ['encryption', minEncryptionVersion],
  ] as const) {
    if (version < 0) throw refuse(`min ${word} version cannot be negative`);
    if (version > latestVersion) {
      throw refuse(`cannot set min ${word} version of ${version}, latest key version is ${latestVersion}`);
    }
  }
  if (minEncryptionVersion > 0 && minEncryptionVersion < minDecryptionVersion) {
    throw refuse(
      `cannot set min encryption/decryption values; min encryption version of ${minEncryptionVersion} must be greater than or equal to min decryption version of ${minDecryptionVersion}`,
    );
  }
  if (minAvailableVersion > minEncryptionVersion) {
    throw refuse('min encryption version should not be less than min available version');
  }
  if (minAvailableVersion > minDecryptionVersion) {
    throw refuse('min decryption version should not be less then min available version');
  }
}

async function trim(
  { keys }: Rooms,
  call: Call & { readonly fields: FieldValues<typeof trimFields> },
): Promise<Reply> {
  const name = parseKeyName(call.params['name']);
  const wanted = call.fields.min_available_version;
  const record = await keys.change(call.view, name, 'invalid key name', async (before) => {
    checkTrim(before.record, wanted);
    const after = { ...before.record, minAvailableVersion: wanted ?? 0 };
    await keys.commit(call.view, before, after, [], [trimEntry(name, call.clock.now())]);
    forgetTrimmed(keys, before, after);
    return after;
  });
  await removeTrimmed(call.view, name);
  return shownKey(keys, call.view, record, undefined);
}

function forgetTrimmed(keys: Rooms['keys'], before: ReadKey, after: KeyRecord): void {
  keys.forget(before.record, after.minAvailableVersion);
}

function checkTrim(record: KeyRecord, wanted: number | undefined): asserts wanted is number {
  const { minAvailableVersion, minDecryptionVersion, minEncryptionVersion } = record;
  const refuse = (why: string) =>
    new CofferError('invalid_request', why.startsWith('missing') ? why : `minimum available version ${why}`);
  if (wanted === undefined) throw refuse('missing min_available_version');
  if (wanted < minAvailableVersion) throw refuse('cannot be decremented');
  if (minEncryptionVersion === 0) {
    throw refuse('cannot be set when minimum encryption version is not set');
  }
  if (wanted > minEncryptionVersion) throw refuse('cannot be greater than minmum encryption version');
  if (wanted > minDecryptionVersion) throw refuse('cannot be greater than minimum decryption version');
  if (wanted < 0) throw refuse('cannot be negative');
  if (wanted === 0) throw refuse('should be positive');
}
