/** A key as answers show it: settings and public keys, never a secret. */
import { createPublicKey } from 'node:crypto';
import { timestamp } from '../../clock.ts';
import type { Reply, ResponseSchema } from '../../core/endpoint.ts';
import type { View } from '../../core/view.ts';
import type { JsonObject } from '../../json.ts';
import type { KeyRecord } from './key-record.ts';
import { derives, encrypts, type KeyType, keyType, signs } from './key-types.ts';
import { openVersion, rawEd25519Public, type StoredVersion } from './key-version.ts';
import { isFull, type Keys } from './keys.ts';
import { derivedEd25519Public } from './signature.ts';

export const shownKeySchema = {
  name: { type: 'string' },
  type: { type: 'string' },
  derived: { type: 'bool' },
  exportable: { type: 'bool' },
  allow_plaintext_backup: { type: 'bool' },
  deletion_allowed: { type: 'bool' },
  auto_rotate_period: { type: 'duration', help: 'Seconds; 0 for never.' },
  imported_key: { type: 'bool' },
  imported_key_allow_rotation: { type: 'bool', optional: true },
  key_size: { type: 'int', optional: true, help: 'Bytes of an hmac key.' },
  latest_version: { type: 'int' },
  min_available_version: { type: 'int' },
  min_decryption_version: { type: 'int' },
  min_encryption_version: { type: 'int' },
  supports_encryption: { type: 'bool' },
  supports_decryption: { type: 'bool' },
  supports_signing: { type: 'bool' },
  supports_derivation: { type: 'bool' },
  kdf: { type: 'string', optional: true },
  convergent_encryption: { type: 'bool', optional: true },
  convergent_encryption_version: { type: 'int', optional: true },
  keys: {
    type: 'object',
    help: 'By version: the Unix time of its making, or name, public_key and creation_time.',
  },
} as const satisfies ResponseSchema;

/** @param context shows the public keys that are derived for it */
export async function shownKey(
  keys: Keys,
  view: View,
  record: KeyRecord,
  context: Buffer | undefined,
  warnings: readonly string[] = [],
): Promise<Reply> {
  const type = keyType(record.type);
  const versions = await keys.versions(view, record);
  const shown = versions.map(({ number, version }) => [
    String(number),
    shownVersion(type, record, version, context),
  ]);
  const full =
    record.autoRotatePeriod > 0 && isFull(record)
      ? ['the key keeps as many versions as it may and does not rotate by itself any more: trim older ones']
      : [];
  return {
    data: { ...settingsOf(type, record), keys: Object.fromEntries(shown) as JsonObject },
    warnings: [...warnings, ...full],
  };
}

function settingsOf(type: KeyType, record: KeyRecord): JsonObject {
  return {
    name: record.name,
    type: record.type,
    derived: record.derived,
    exportable: record.exportable,
    allow_plaintext_backup: record.allowPlaintextBackup,
    deletion_allowed: record.deletionAllowed,
    auto_rotate_period: record.autoRotatePeriod,
    imported_key: record.imported,
    ...(record.imported ? { imported_key_allow_rotation: record.importedMayRotate } : {}),
    ...(record.keySize === 0 ? {} : { key_size: record.keySize }),
    latest_version: record.latestVersion,
    min_available_version: record.minAvailableVersion,
    min_decryption_version: record.minDecryptionVersion,
    min_encryption_version: record.minEncryptionVersion,
    supports_encryption: encrypts(type),
    supports_decryption: encrypts(type),
    supports_signing: signs(type),
    supports_derivation: derives(type),
    ...(record.derived ? { kdf: 'hkdf_sha256', convergent_encryption: record.convergent } : {}),
    // The contract's word for "as each version says", and all versions are of the third kind.
    ...(record.convergent ? { convergent_encryption_version: -1 } : {}),
  };
}

function shownVersion(
  type: KeyType,
  record: KeyRecord,
  version: StoredVersion,
  context: Buffer | undefined,
): number | JsonObject {
  if (type.kind === 'aead' || type.kind === 'hmac') return Math.floor(version.createdAt / 1_000);
  const name = type.kind === 'ecdsa' ? type.shownCurve : type.name;
  return {
    name,
    public_key: shownPublicKey(type, record, version, context),
    creation_time: timestamp(version.createdAt),
  };
}

function shownPublicKey(
  type: KeyType,
  record: KeyRecord,
  version: StoredVersion,
  context: Buffer | undefined,
): string {
  if (version.publicKey === undefined) return '';
  if (type.kind !== 'ed25519') return publicPem(version.publicKey);
  if (!record.derived) return rawEd25519Public(version.publicKey).toString('base64');
  // The public key of the version itself is a part of what others are derived from.
  const { key } = openVersion(type, version);
  if (context === undefined || key === undefined) return '';
  return derivedEd25519Public(key, context).toString('base64');
}

/** SubjectPublicKeyInfo as PEM (RFC 7468 §13). */
export function publicPem(spki: Buffer): string {
  return createPublicKey({ key: spki, format: 'der', type: 'spki' })
    .export({ format: 'pem', type: 'spki' })
    .toString();
}
