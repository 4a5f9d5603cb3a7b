/** Keys in clear: only of keys that may be exported, but for public ones. */
import { type Call, type Endpoint, endpoint, type FieldValues, type Reply } from '../../core/endpoint.ts';
import { CofferError } from '../../errors.ts';
import type { Rooms } from './environment.ts';
import { type KeyRecord, parseKeyName } from './key-record.ts';
import { encrypts, type KeyType, keyType, signs } from './key-types.ts';
import { privateKey, rawEd25519Private, rawEd25519Public, type StoredVersion } from './key-version.ts';
import type { NumberedVersion } from './keys.ts';
import { publicPem } from './shown-key.ts';

const fields = {
  format: {
    type: 'string',
    help: 'raw, der or pem; when absent what is usual for the kind of key.',
    query: true,
  },
} as const;

const exportTypes = ['encryption-key', 'signing-key', 'hmac-key', 'public-key'] as const;
const formats = ['', 'raw', 'der', 'pem'] as const;
type ExportType = (typeof exportTypes)[number];
type Format = (typeof formats)[number];

export function exportEndpoints(rooms: Rooms): readonly Endpoint[] {
  return ['', '/:version'].map((rest) =>
    endpoint({
      pattern: `export/:type/:name${rest}`,
      help: 'Shows the secrets of a key: encryption-key, signing-key or hmac-key; public-key shows none.',
      fields,
      operations: {
        read: {
          summary: 'Export a key',
          response: {
            name: { type: 'string' },
            type: { type: 'string' },
            keys: { type: 'pairs', sensitive: true, help: 'By version.' },
          },
          handle: (call) => exportKey(rooms, call),
        },
      },
    }),
  );
}

async function exportKey(
  { keys }: Rooms,
  call: Call & { readonly fields: FieldValues<typeof fields> },
): Promise<Reply | undefined> {
  const wanted = parseExportType(call.params['type'] ?? '');
  const format = parseFormat(call.fields.format ?? '');
  const read = await keys.read(call.view, parseKeyName(call.params['name']));
  if (read === undefined) return undefined;
  const { record } = read;
  const type = keyType(record.type);
  if (!record.exportable && wanted !== 'public-key') {
    throw new CofferError('invalid_request', 'private key material is not exportable');
  }
  checkKind(type, wanted);
  const versions = chosen(record, await keys.versions(call.view, record), call.params['version']);
  const shown = versions.map(({ number, version }) => [
    String(number),
    exported(type, version, wanted, format),
  ]);
  return { data: { name: record.name, type: record.type, keys: Object.fromEntries(shown) } };
}

function parseExportType(text: string): ExportType {
  const type = exportTypes.find((name) => name === text);
  if (type !== undefined) return type;
  throw new CofferError('invalid_request', `invalid export type: ${text.slice(0, 60)}`);
}

function parseFormat(text: string): Format {
  const format = formats.find((name) => name === text);
  if (format !== undefined) return format;
  throw new CofferError('invalid_request', `invalid format: ${text.slice(0, 60)}`);
}

function checkKind(type: KeyType, wanted: ExportType): void {
  const refuse = (why: string) => new CofferError('invalid_request', why);
  if (wanted === 'encryption-key' && !encrypts(type)) throw refuse('encryption not supported for the key');
  if (wanted === 'signing-key' && !signs(type)) throw refuse('signing not supported for the key');
  if (wanted === 'public-key' && !signs(type)) {
    throw refuse(`unknown key type ${type.name} for export type public-key`);
  }
}

function chosen(
  record: KeyRecord,
  versions: readonly NumberedVersion[],
  wanted: string | undefined,
): readonly NumberedVersion[] {
  if (wanted === undefined) return versions;
  const text = wanted.startsWith('v') ? wanted.slice(1) : wanted;
  const number =
    wanted === 'latest' ? record.latestVersion : /^\d{1,9}$/.test(text) ? Number(text) : undefined;
  if (number === undefined) throw new CofferError('invalid_request', 'invalid key version');
  if (number < record.minDecryptionVersion) {
    throw new CofferError('invalid_request', 'version for export is below minimum decryption version');
  }
  const found = versions.filter((version) => version.number === number);
  if (found.length > 0) return found;
  throw new CofferError('invalid_request', 'version does not exist or cannot be found');
}

/** Empty where only a public key was imported. */
function exported(type: KeyType, version: StoredVersion, wanted: ExportType, format: Format): string {
  if (wanted === 'hmac-key') return rawText(version.hmacKey, format);
  if (type.kind === 'aead' || type.kind === 'hmac') {
    return version.key === undefined ? '' : rawText(version.key, format);
  }
  if (wanted === 'public-key') return exportedPublic(type, version.publicKey, format);
  if (version.key === undefined) return '';
  if (type.kind === 'ed25519' && (format === '' || format === 'raw')) {
    return rawEd25519Private(privateKey(version.key)).toString('base64');
  }
  if (format === 'raw') throw noRawForm();
  if (format === 'der') return version.key.toString('base64');
  // What is usual for each kind are its forms from before PKCS #8.
  const form = format === 'pem' ? 'pkcs8' : type.kind === 'rsa' ? 'pkcs1' : 'sec1';
  return privateKey(version.key).export({ format: 'pem', type: form }).toString().trim();
}

function exportedPublic(type: KeyType, spki: Buffer | undefined, format: Format): string {
  if (spki === undefined) return '';
  if (type.kind === 'ed25519' && (format === '' || format === 'raw')) {
    return rawEd25519Public(spki).toString('base64');
  }
  if (format === 'raw') throw noRawForm();
  return format === 'der' ? spki.toString('base64') : publicPem(spki).trim();
}

function rawText(key: Buffer, format: Format): string {
  if (format === '' || format === 'raw') return key.toString('base64');
  throw new CofferError(
    'invalid_request',
    'unknown format for a symmetric key; supported values are `` or `raw`',
  );
}

function noRawForm(): CofferError {
  return new CofferError(
    'invalid_request',
    'unknown format for this kind of key; supported values are ``, `der`, or `pem`',
  );
}
