/** Encrypting, decrypting and encrypting anew, and keys for data that is encrypted elsewhere. */
import { type Call, type Endpoint, endpoint, type FieldValues, type Reply } from '../../core/endpoint.ts';
import { CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import { decodeBase64, tryBase64 } from './base64.ts';
import {
  batchFields,
  batchSchema,
  checkContexts,
  hasContext,
  type Item,
  readItems,
  replyTo,
} from './batch.ts';
import { type Binding, checkAssociatedData, decrypt, encrypt } from './cipher.ts';
import { noKey, type Rooms } from './environment.ts';
import { type KeyRecord, parseKeyName, versionToUse } from './key-record.ts';
import { encrypts, keyType, parseKeyType } from './key-types.ts';
import type { ReadKey } from './keys.ts';
import { createKey } from './new-key.ts';
import { ciphertextWording, parseVersioned, versionedText } from './versioned-text.ts';

const bindingFields = {
  context: {
    type: 'string',
    help: 'What the key is derived for, in base64; derived keys need it.',
    sensitive: true,
  },
  associated_data: {
    type: 'string',
    help: 'What the ciphertext is bound to besides, in base64. Keys of AES and ChaCha20 take it.',
    sensitive: true,
  },
  nonce: {
    type: 'string',
    help: 'Always refused: nonces are made here.',
    sensitive: true,
  },
} as const;

const keyVersionField = {
  key_version: { type: 'int', help: 'Version of the key to encrypt with; the latest when absent or 0.' },
} as const;

const ciphertextField = {
  ciphertext: { type: 'string', help: 'What an encryption answered.', sensitive: true },
} as const;

const encryptFields = {
  plaintext: { type: 'string', help: 'In base64.', sensitive: true },
  ...bindingFields,
  ...keyVersionField,
  type: { type: 'string', help: 'Kind of the key where this request makes it; aes256-gcm96.' },
  convergent_encryption: { type: 'bool', help: 'For a key that this request makes.' },
  ...batchFields,
} as const;

const decryptFields = { ...ciphertextField, ...bindingFields, ...batchFields } as const;
const rewrapFields = { ...decryptFields, ...keyVersionField } as const;
const datakeyFields = {
  bits: { type: 'int', help: 'Length of the key: 128, 256 or 512; 256 when absent.' },
  context: bindingFields.context,
  nonce: bindingFields.nonce,
  ...keyVersionField,
} as const;

const ciphertextSchema = {
  ciphertext: { type: 'string', sensitive: true },
  key_version: { type: 'int' },
} as const;

const itemNames = ['plaintext', 'ciphertext', 'context', 'associated_data', 'nonce'];

export function encryptEndpoints(rooms: Rooms): readonly Endpoint[] {
  return [encryptEndpoint(rooms), decryptEndpoint(rooms), rewrapEndpoint(rooms), datakeyEndpoint(rooms)];
}

function encryptEndpoint(rooms: Rooms): Endpoint {
  return endpoint({
    pattern: 'encrypt/:name',
    help: 'Encrypts under a key; the key is made where it is not there and the caller may create here.',
    fields: encryptFields,
    exists: async (call) => {
      const read = await rooms.keys.read(call.view, parseKeyName(call.params['name']));
      if (call.asked !== undefined) call.asked.found = read;
      return read !== undefined;
    },
    operations: {
      update: {
        summary: 'Encrypt',
        computes: true,
        response: batchSchema(ciphertextSchema),
        handle: (call) => encryptItems(rooms, call),
      },
    },
  });
}

function decryptEndpoint(rooms: Rooms): Endpoint {
  return endpoint({
    pattern: 'decrypt/:name',
    help: 'Decrypts what a key encrypted.',
    fields: decryptFields,
    operations: {
      update: {
        summary: 'Decrypt',
        computes: true,
        response: batchSchema({ plaintext: { type: 'string', sensitive: true } }),
        handle: async (call) => {
          const { items, batch } = ciphertexts(call);
          const { record } = await rooms.keys.need(call.view, parseKeyName(call.params['name']), noKey);
          const each = async (item: Item): Promise<JsonObject> => ({
            plaintext: (await decryptItem(rooms, call, record, item)).toString('base64'),
          });
          return replyTo(call, { items, batch, slow: isSlow(record), each });
        },
      },
    },
  });
}

function rewrapEndpoint(rooms: Rooms): Endpoint {
  return endpoint({
    pattern: 'rewrap/:name',
    help: 'Encrypts anew what an older version of a key encrypted; the plaintext is not shown.',
    fields: rewrapFields,
    operations: {
      update: {
        summary: 'Encrypt anew',
        computes: true,
        response: batchSchema(ciphertextSchema),
        handle: async (call) => {
          const { items, batch } = ciphertexts(call);
          const { record } = await rooms.keys.need(call.view, parseKeyName(call.params['name']), noKey);
          const each = async (item: Item) => {
            const plaintext = await decryptItem(rooms, call, record, item);
            return encryptItem(rooms, call, record, item, plaintext);
          };
          return replyTo(call, { items, batch, slow: isSlow(record), each });
        },
      },
    },
  });
}

function datakeyEndpoint(rooms: Rooms): Endpoint {
  return endpoint({
    pattern: 'datakey/:plaintext/:name',
    help: 'Makes a random key and encrypts it: `plaintext` answers both, `wrapped` the ciphertext alone.',
    fields: datakeyFields,
    operations: {
      update: {
        summary: 'Make a data key',
        response: { ...ciphertextSchema, plaintext: { type: 'string', sensitive: true, optional: true } },
        handle: (call) => makeDatakey(rooms, call),
      },
    },
  });
}

async function encryptItems(
  rooms: Rooms,
  call: Call & { readonly fields: FieldValues<typeof encryptFields> },
): Promise<Reply> {
  const { fields } = call;
  const { items, batch } = readItems(call, itemNames, { plaintext: 'missing plaintext to encrypt' });
  if (!batch && fields.plaintext === undefined) {
    throw new CofferError('invalid_request', 'missing plaintext to encrypt');
  }
  checkContexts(items);
  const { record, warnings } = await keyToEncrypt(rooms, call, items);
  const each = async (item: Item): Promise<JsonObject> =>
    encryptItem(rooms, call, record, item, decodeBase64(item.texts['plaintext'] ?? ''));
  return { ...(await replyTo(call, { items, batch, slow: false, each })), ...warnings };
}

/** The key; made now where the road found that it is not there, and so asked whether the caller may create. */
async function keyToEncrypt(
  { keys, environment }: Rooms,
  call: Call & { readonly fields: FieldValues<typeof encryptFields> },
  items: readonly Item[],
): Promise<{ readonly record: KeyRecord; readonly warnings: Pick<Reply, 'warnings'> }> {
  const name = parseKeyName(call.params['name']);
  if (call.operation !== 'create') {
    // As `exists` found it, where the road asked.
    const found = call.asked?.found as ReadKey | undefined;
    return { record: (found ?? (await keys.need(call.view, name, noKey))).record, warnings: {} };
  }
  const type = parseKeyType(call.fields.type ?? 'aes256-gcm96');
  if (type.kind !== 'aead') {
    throw new CofferError('invalid_request', `key type ${type.name} not supported for this operation`);
  }
  const derived = hasContext(items[0]);
  const convergent = call.fields.convergent_encryption === true;
  if (convergent && !derived) {
    throw new CofferError(
      'invalid_request',
      'convergent encryption requires derivation to be enabled, so context is required',
    );
  }
  checkItems(items);
  const wish = { name, type, derived, convergent, exportable: false, allowPlaintextBackup: false };
  const { record, made } = await createKey({ keys, environment }, call.view, {
    ...wish,
    autoRotatePeriod: 0,
    keySize: 0,
  });
  const late = 'Attempted creation of the key during the encrypt operation, but it was created beforehand';
  return { record, warnings: made ? {} : { warnings: [late] } };
}

/** A request that encrypts nothing makes no key either. */
function checkItems(items: readonly Item[]): void {
  const good = items.some(({ texts }) =>
    ['plaintext', 'context', 'associated_data'].every((name) => tryBase64(texts[name] ?? '') !== undefined),
  );
  if (good) return;
  for (const { texts } of items) decodeBase64(texts['plaintext'] ?? '');
  throw new CofferError('invalid_request', 'failed to base64-decode context or associated_data');
}

function ciphertexts(call: Call): { readonly items: readonly Item[]; readonly batch: boolean } {
  const read = readItems(call, itemNames, { ciphertext: 'missing ciphertext to decrypt' });
  if (!read.batch && (read.items[0]?.texts['ciphertext'] ?? '') === '') throw missingCiphertext();
  checkContexts(read.items);
  return read;
}

function missingCiphertext(): CofferError {
  return new CofferError('invalid_request', 'missing ciphertext to decrypt');
}

async function encryptItem(
  { keys, environment }: Rooms,
  call: Call,
  record: KeyRecord,
  item: Item,
  plaintext: Buffer,
): Promise<JsonObject> {
  const binding = readBinding(record, item, 'nonce provided when not allowed');
  const version = versionToUse(record, item.keyVersion, 'encryption');
  const key = await keys.open(call.view, record, version);
  const ciphertext = encrypt(key, plaintext, binding, environment.random);
  return { ciphertext: versionedText(version, ciphertext.toString('base64')), key_version: version };
}

async function decryptItem({ keys }: Rooms, call: Call, record: KeyRecord, item: Item): Promise<Buffer> {
  const text = item.texts['ciphertext'] ?? '';
  if (text === '') throw missingCiphertext();
  const binding = readBinding(record, item, 'provided nonce not allowed for this key');
  const { version, rest } = parseVersioned(text, record, ciphertextWording);
  const ciphertext = tryBase64(rest);
  if (ciphertext === undefined) {
    throw new CofferError('invalid_request', 'invalid ciphertext: could not decode base64');
  }
  return decrypt(await keys.open(call.view, record, version), ciphertext, binding);
}

/** Only keys of Vault 0.6.1 took nonces, and there are none here: a nonce that comes twice opens the messages it is used for. */
function readBinding(record: KeyRecord, { texts, index }: Item, nonceRefusal: string): Binding {
  if ((texts['nonce'] ?? '') !== '') throw new CofferError('invalid_request', nonceRefusal);
  const context = decodeBase64(texts['context'] ?? '');
  const associatedData = tryBase64(texts['associated_data'] ?? '');
  if (associatedData === undefined) {
    throw new CofferError('invalid_request', 'failed to base64-decode associated_data');
  }
  checkAssociatedData(keyType(record.type), associatedData, index);
  return { context, associatedData };
}

/** Whether each item takes a private key. */
function isSlow(record: KeyRecord): boolean {
  return keyType(record.type).kind === 'rsa';
}

async function makeDatakey(
  rooms: Rooms,
  call: Call & { readonly fields: FieldValues<typeof datakeyFields> },
): Promise<Reply> {
  const shape = call.params['plaintext'];
  if (shape !== 'plaintext' && shape !== 'wrapped') {
    throw new CofferError('invalid_request', "Invalid path, must be 'plaintext' or 'wrapped'");
  }
  const bits = call.fields.bits ?? 256;
  if (bits !== 128 && bits !== 256 && bits !== 512)
    throw new CofferError('invalid_request', 'invalid bit length');
  const { record } = await rooms.keys.need(call.view, parseKeyName(call.params['name']), noKey);
  const type = keyType(record.type);
  if (!encrypts(type)) {
    throw new CofferError('invalid_request', `message encryption not supported for key type ${type.name}`);
  }
  const { items } = readItems(call, itemNames);
  const [item = { index: 0, texts: {}, keyVersion: undefined }] = items;
  const key = rooms.environment.random.bytes(bits / 8);
  const data = await encryptItem(rooms, call, record, item, key);
  return { data: shape === 'plaintext' ? { ...data, plaintext: key.toString('base64') } : data };
}
