/** Keys that were made elsewhere. */
import { type Call, type Endpoint, endpoint, type FieldValues } from '../../core/endpoint.ts';
import { CofferError, ConflictError } from '../../errors.ts';
import { tryBase64 } from './base64.ts';
import type { Rooms } from './environment.ts';
import { type KeyRecord, keyPath, parseKeyName, versionPath } from './key-record.ts';
import { type KeyType, keyType, parseKeyType } from './key-types.ts';
import { decodeVersion, encodeVersion, type StoredVersion } from './key-version.ts';
import type { ReadKey } from './keys.ts';
import { checkWish, newRecord } from './new-key.ts';
import { type ParsedKey, parsePublicKey, parseSecretKey } from './parsed-key.ts';
import { publicPem } from './shown-key.ts';
import { parseOaepHash, unwrapKey, wrappingPublicKey } from './wrapping-key.ts';

const materialFields = {
  ciphertext: {
    type: 'string',
    help: 'In base64: an AES-256 key under the wrapping key (RSA-OAEP), and the key under that one (RFC 5649).',
    sensitive: true,
  },
  public_key: { type: 'string', help: 'In its place a public key as PEM, which verifies and encrypts only.' },
  hash_function: { type: 'string', help: 'Of RSA-OAEP: SHA256 (the usual), SHA1, SHA224, SHA384, SHA512.' },
} as const;

const importFields = {
  ...materialFields,
  type: { type: 'string', help: 'Kind of the key; aes256-gcm96 when absent.' },
  derived: { type: 'bool', help: 'Each use names a context, and has a key of its own for it.' },
  convergent_encryption: { type: 'bool', help: 'Always refused.' },
  exportable: { type: 'bool', help: 'The key may be exported; cannot be taken back.' },
  allow_plaintext_backup: { type: 'bool', help: 'The key may be backed up in clear; cannot be taken back.' },
  allow_rotation: { type: 'bool', help: 'The key may get versions that are made here.' },
  auto_rotate_period: { type: 'duration', help: 'Time between rotations; an hour at least, 0 for never.' },
} as const;

const versionFields = {
  ...materialFields,
  version: { type: 'int', help: 'The version that has a public key and is to get its private one.' },
} as const;

type MaterialFields = FieldValues<typeof materialFields>;

export function importEndpoints(rooms: Rooms): readonly Endpoint[] {
  return [wrappingKeyEndpoint(rooms), importEndpoint(rooms), importVersionEndpoint(rooms)];
}

function wrappingKeyEndpoint(rooms: Rooms): Endpoint {
  return endpoint({
    pattern: 'wrapping_key',
    help: 'The public key under which keys are sent here.',
    fields: {},
    operations: {
      read: {
        summary: 'Show the wrapping key',
        response: { public_key: { type: 'string', help: 'RSA of 4,096 bits, as PEM.' } },
        handle: async (call) => ({
          data: { public_key: publicPem(await wrappingPublicKey(rooms, call.view)) },
        }),
      },
    },
  });
}

function importEndpoint(rooms: Rooms): Endpoint {
  return endpoint({
    pattern: 'keys/:name/import',
    help: 'Makes a key of one that was made elsewhere.',
    fields: importFields,
    operations: {
      update: {
        summary: 'Import a key',
        handle: async (call) => {
          await importKey(rooms, call);
          return undefined;
        },
      },
    },
  });
}

function importVersionEndpoint(rooms: Rooms): Endpoint {
  return endpoint({
    pattern: 'keys/:name/import_version',
    help: 'Adds a version to an imported key, or the private key to a version that has a public one.',
    fields: versionFields,
    operations: {
      update: {
        summary: 'Import a version',
        handle: async (call) => {
          await importVersion(rooms, call);
          return undefined;
        },
      },
    },
  });
}

async function importKey(
  rooms: Rooms,
  call: Call & { readonly fields: FieldValues<typeof importFields> },
): Promise<void> {
  const { fields, view } = call;
  const name = parseKeyName(call.params['name']);
  const refuse = (why: string) => new CofferError('invalid_request', why);
  if (fields.convergent_encryption === true) {
    throw refuse('import cannot be used on keys with convergent encryption enabled');
  }
  const autoRotatePeriod = fields.auto_rotate_period ?? 0;
  if (autoRotatePeriod > 0 && fields.allow_rotation !== true) {
    throw refuse('allow_rotation must be set to true if auto-rotation is enabled');
  }
  const type = parseKeyType((fields.type ?? 'aes256-gcm96').toLowerCase());
  const wish = {
    name,
    type,
    derived: fields.derived ?? false,
    convergent: false,
    exportable: fields.exportable ?? false,
    allowPlaintextBackup: fields.allow_plaintext_backup ?? false,
    autoRotatePeriod,
    keySize: 0,
  };
  checkWish(wish);
  if ((await rooms.keys.read(view, name)) !== undefined) throw refuse(exists);
  const key = await readMaterial(rooms, call, type);
  checkDerivable(wish.derived, key);
  const record: KeyRecord = {
    ...newRecord(rooms, wish),
    keySize: type.kind === 'hmac' ? (key.key?.length ?? 0) : 0,
    imported: true,
    importedMayRotate: fields.allow_rotation ?? false,
  };
  await rooms.keys.create(view, record, storedVersion(rooms, type, key)).catch((error: unknown) => {
    throw error instanceof ConflictError && error.key === keyPath(name) ? refuse(exists) : error;
  });
}

function checkDerivable(derived: boolean, { key }: ParsedKey): void {
  if (!derived || key !== undefined) return;
  throw new CofferError(
    'invalid_request',
    'a derived key needs its private key: a public key alone derives nothing',
  );
}

const exists =
  'the import path cannot be used with an existing key; use import-version to rotate an existing imported key';

function storedVersion({ environment }: Rooms, type: KeyType, key: ParsedKey): StoredVersion {
  const own = type.kind === 'hmac' ? key.key : undefined;
  return { createdAt: environment.clock.now(), ...key, hmacKey: own ?? environment.random.bytes(32) };
}

/** The key that a request brings, wrapped or public. */
async function readMaterial(
  rooms: Rooms,
  call: Call & { readonly fields: MaterialFields },
  type: KeyType,
): Promise<ParsedKey> {
  const { ciphertext, public_key: publicKey, hash_function: hash } = call.fields;
  const refuse = (why: string) => new CofferError('invalid_request', why);
  if (ciphertext !== undefined && publicKey !== undefined) {
    throw refuse('only one of the following fields, ciphertext and public_key, can be set');
  }
  if (publicKey !== undefined) return parsePublicKey(type, publicKey);
  if (ciphertext === undefined)
    throw refuse('one of the following fields must be set: ciphertext, public_key');
  const oaepHash = parseOaepHash(hash ?? 'SHA256');
  const wrapped = tryBase64(ciphertext);
  if (wrapped === undefined) throw refuse('the ciphertext is not base64');
  return parseSecretKey(type, await unwrapKey(rooms, call.view, wrapped, oaepHash));
}

async function importVersion(
  rooms: Rooms,
  call: Call & { readonly fields: FieldValues<typeof versionFields> },
): Promise<void> {
  const { keys } = rooms;
  const name = parseKeyName(call.params['name']);
  const otherwise = `no key found with name ${name}; to import a new key, use the import/ endpoint`;
  const { record } = await keys.need(call.view, name, otherwise);
  checkImported(record);
  const type = keyType(record.type);
  const key = await readMaterial(rooms, call, type);
  checkDerivable(record.derived, key);
  const { version } = call.fields;
  await keys.change(call.view, name, otherwise, async (before) => {
    checkImported(before.record);
    if (before.record.id !== record.id) throw new CofferError('invalid_request', otherwise);
    const completed = await completedVersion(call, before, version, key);
    if (completed === undefined) {
      await keys.addVersion(call.view, before, storedVersion(rooms, type, key), { imported: true });
      return;
    }
    const path = versionPath(before.record.id, completed.number);
    await keys.commit(call.view, before, before.record, [{ path, value: encodeVersion(completed.version) }]);
  });
}

function checkImported(record: KeyRecord): void {
  if (record.imported) return;
  throw new CofferError(
    'invalid_request',
    'the import_version endpoint can only be used with an imported key',
  );
}

/** The version that waits for just this private key: the one that was named, or the latest if it does. */
async function completedVersion(
  call: Call,
  { record }: ReadKey,
  wanted: number | undefined,
  key: ParsedKey,
): Promise<{ readonly number: number; readonly version: StoredVersion } | undefined> {
  const number = wanted ?? record.latestVersion;
  const inRange = number >= Math.max(1, record.minAvailableVersion) && number <= record.latestVersion;
  const stored = inRange ? await call.view.read(versionPath(record.id, number)) : undefined;
  const refuse = (why: string) => new CofferError('invalid_request', why);
  if (stored === undefined) throw refuse('no such key version');
  const version = decodeVersion(stored.open());
  const fits =
    version.key === undefined &&
    key.key !== undefined &&
    version.publicKey !== undefined &&
    key.publicKey?.equals(version.publicKey) === true;
  if (fits) return { number, version: { ...version, key: key.key } };
  if (wanted === undefined) return undefined;
  if (version.key !== undefined) throw refuse('private key imported, key version cannot be updated');
  if (key.key === undefined) {
    throw refuse('cannot add a public key to a key version that already has a public key set');
  }
  throw refuse('cannot import key, key pair does not match');
}
