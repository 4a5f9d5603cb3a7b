/** Keys that leave and come in: export, backup, restore, import. */
import {
  constants,
  createCipheriv,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  publicEncrypt,
  randomBytes,
  sign,
} from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, auditText, makePlace, type Place, storedText } from '../../../test/fakes/client.ts';
import type { JsonObject } from '../../json.ts';
import type { CofferNode } from '../../main/node.ts';

let place: Place;
let node: CofferNode;
let wrappingKey = '';
beforeAll(async () => {
  place = await makePlace();
  node = await place.node();
  await ask(node, 'update', 'sys/mounts/transit', { type: 'transit' });
  wrappingKey = String((await read('wrapping_key')).data['public_key']);
});
afterAll(() => place.remove());

const write = (path: string, data: JsonObject = {}) => ask(node, 'update', `transit/${path}`, data);
const read = (path: string, data: JsonObject = {}) => ask(node, 'read', `transit/${path}`, data);
const plaintext = Buffer.from('attack at dawn').toString('base64');

async function refused(path: string, data: JsonObject, text: string): Promise<void> {
  const { status, errors } = await write(path, data);
  expect({ status, errors }).toEqual({ status: 400, errors: [text] });
}

/** As PKCS #11 and the documents of clients have it. */
function wrapped(key: Buffer, oaepHash = 'sha256', aesKey = randomBytes(32)): string {
  const padding = constants.RSA_PKCS1_OAEP_PADDING;
  const first = publicEncrypt({ key: createPublicKey(wrappingKey), padding, oaepHash }, aesKey);
  const cipher = createCipheriv('id-aes256-wrap-pad', aesKey, Buffer.from('a65959a6', 'hex'));
  return Buffer.concat([first, cipher.update(key), cipher.final()]).toString('base64');
}

describe('export', () => {
  it('shows keys that may be exported, and public ones of all', async () => {
    await write('keys/shut', { type: 'ecdsa-p256' });
    const shut = await read('export/signing-key/shut');
    expect({ status: shut.status, errors: shut.errors }).toEqual({
      status: 400,
      errors: ['private key material is not exportable'],
    });
    const shown = await read('export/public-key/shut');
    expect(String((shown.data['keys'] as JsonObject)['1'])).toMatch(/^-----BEGIN PUBLIC KEY-----/);
    await write('keys/open', { exportable: true });
    await write('keys/open/rotate');
    const { data } = await read('export/encryption-key/open');
    expect(data).toMatchObject({ name: 'open', type: 'aes256-gcm96' });
    expect(Object.keys(data['keys'] as JsonObject)).toEqual(['1', '2']);
    expect(Buffer.from(String((data['keys'] as JsonObject)['1']), 'base64')).toHaveLength(32);
    for (const version of ['latest', '2', 'v2']) {
      const one = await read(`export/hmac-key/open/${version}`);
      expect(Object.keys(one.data['keys'] as JsonObject)).toEqual(['2']);
    }
    const errors = async (path: string, fields: JsonObject = {}) => (await read(path, fields)).errors;
    expect(await errors('export/signing-key/open')).toEqual(['signing not supported for the key']);
    expect(await errors('export/kitty/open')).toEqual(['invalid export type: kitty']);
    expect(await errors('export/hmac-key/open/9')).toEqual(['version does not exist or cannot be found']);
    expect(await errors('export/hmac-key/open/x')).toEqual(['invalid key version']);
    expect(await errors('export/hmac-key/open', { format: 'x' })).toEqual(['invalid format: x']);
    expect((await read('export/hmac-key/none')).status).toBe(404);
    await write('keys/open/config', { min_decryption_version: 2 });
    expect(await errors('export/hmac-key/open/1')).toEqual([
      'version for export is below minimum decryption version',
    ]);
  });

  it.each(['ed25519', 'ecdsa-p384', 'rsa-2048'])('of %s is a key that signs the same', async (type) => {
    await write(`keys/out-${type}`, { type, exportable: true });
    const keys = await read(`export/signing-key/out-${type}`, { format: 'pem' });
    const key = createPrivateKey(String((keys.data['keys'] as JsonObject)['1']));
    const input = Buffer.from('sign here');
    const raw =
      type === 'rsa-2048'
        ? sign('sha256', input, { key, padding: constants.RSA_PKCS1_PSS_PADDING })
        : sign(type === 'ed25519' ? null : 'sha256', input, key);
    const signature = `vault:v1:${raw.toString('base64')}`;
    const verified = await write(`verify/out-${type}`, { input: input.toString('base64'), signature });
    expect(verified.data).toEqual({ valid: true });
    expect((await read(`export/signing-key/out-${type}`)).status).toBe(200);
    expect((await read(`export/signing-key/out-${type}`, { format: 'der' })).status).toBe(200);
  });
});

describe('import', () => {
  it('takes symmetric keys under the wrapping key', async () => {
    for (const [hash, oaep] of [
      ['SHA256', 'sha256'],
      ['sha1', 'sha1'],
      ['SHA512', 'sha512'],
    ] as const) {
      const key = randomBytes(32);
      const fields = { ciphertext: wrapped(key, oaep), hash_function: hash, exportable: true };
      expect((await write(`keys/in-${oaep}/import`, fields)).status).toBe(204);
      const out = await read(`export/encryption-key/in-${oaep}/1`);
      expect(out.data['keys']).toEqual({ 1: key.toString('base64') });
    }
    expect((await read('keys/in-sha256')).data).toMatchObject({
      imported_key: true,
      imported_key_allow_rotation: false,
    });
    await refused('keys/in-sha256/rotate', {}, 'imported key in-sha256 does not allow rotation within Vault');
    await refused(
      'keys/in-sha256/import',
      { ciphertext: wrapped(randomBytes(32)) },
      'the import path cannot be used with an existing key; use import-version to rotate an existing imported key',
    );
    expect(
      (await write('keys/in-sha256/import_version', { ciphertext: wrapped(randomBytes(32)) })).status,
    ).toBe(204);
    expect((await read('keys/in-sha256')).data).toMatchObject({ latest_version: 2 });
  });

  it.each(['ed25519', 'ecdsa-p521', 'rsa-2048', 'hmac', 'chacha20-poly1305', 'aes128-gcm96'] as const)(
    'takes %s',
    async (type) => {
      const pairs = {
        ed25519: () => generateKeyPairSync('ed25519').privateKey,
        'ecdsa-p521': () => generateKeyPairSync('ec', { namedCurve: 'secp521r1' }).privateKey,
        'rsa-2048': () => generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
      };
      const raw = { hmac: 48, 'chacha20-poly1305': 32, 'aes128-gcm96': 16 };
      const key = Object.hasOwn(raw, type)
        ? randomBytes(raw[type as keyof typeof raw])
        : pairs[type as keyof typeof pairs]().export({ format: 'der', type: 'pkcs8' });
      const name = `in-${type}`;
      expect(
        (await write(`keys/${name}/import`, { type, ciphertext: wrapped(key), allow_rotation: true })).status,
      ).toBe(204);
      const mac = await write(`hmac/${name}`, { input: plaintext });
      expect(mac.status).toBe(200);
      expect((await write(`keys/${name}/rotate`)).data).toMatchObject({
        latest_version: 2,
        imported_key: false,
      });
    },
  );

  it('takes a public key alone, and its private key later', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
    const public_key = publicKey.export({ format: 'pem', type: 'spki' }).toString();
    const type = 'ecdsa-p256';
    expect((await write('keys/half/import', { type, public_key })).status).toBe(204);
    await refused(
      'sign/half',
      { input: plaintext },
      'requested version for signing does not contain a private part',
    );
    const raw = sign('sha256', Buffer.from(plaintext, 'base64'), privateKey);
    const signature = `vault:v1:${raw.toString('base64')}`;
    expect((await write('verify/half', { input: plaintext, signature })).data).toEqual({ valid: true });
    const other = generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey;
    const pkcs8 = { format: 'der', type: 'pkcs8' } as const;
    await refused(
      'keys/half/import_version',
      { version: 1, ciphertext: wrapped(other.export(pkcs8)) },
      'cannot import key, key pair does not match',
    );
    expect(
      (await write('keys/half/import_version', { ciphertext: wrapped(privateKey.export(pkcs8)) })).status,
    ).toBe(204);
    expect((await read('keys/half')).data).toMatchObject({ latest_version: 1 });
    expect((await write('sign/half', { input: plaintext })).status).toBe(200);
  });

  it('refuses what is no such key, in few words', async () => {
    const bad = 'the ciphertext does not open with the wrapping key';
    await refused('keys/bad/import', {}, 'one of the following fields must be set: ciphertext, public_key');
    await refused('keys/bad/import', { ciphertext: 'aaaa' }, 'provided ciphertext is too short');
    await refused('keys/bad/import', { ciphertext: '!' }, 'the ciphertext is not base64');
    await refused('keys/bad/import', { ciphertext: Buffer.alloc(600).toString('base64') }, bad);
    await refused('keys/bad/import', { ciphertext: wrapped(randomBytes(32), 'sha1') }, bad);
    await refused(
      'keys/bad/import',
      { ciphertext: wrapped(randomBytes(32), 'sha256', randomBytes(32)).slice(0, -8) },
      bad,
    );
    await refused(
      'keys/bad/import',
      { ciphertext: wrapped(randomBytes(31)) },
      'invalid key size 31 bytes for key type aes256-gcm96',
    );
    await refused(
      'keys/bad/import',
      { type: 'rsa-2048', ciphertext: wrapped(randomBytes(32)) },
      'error parsing asymmetric key: it is a private key as PKCS #8 in DER',
    );
    const small = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey;
    await refused(
      'keys/bad/import',
      { type: 'rsa-2048', ciphertext: wrapped(small.export({ format: 'der', type: 'pkcs8' })) },
      'invalid key type: expected rsa-2048',
    );
    await refused('keys/bad/import', { public_key: 'x' }, 'provided type does not support public_key import');
    await refused(
      'keys/bad/import',
      { type: 'ed25519', public_key: 'x' },
      'error parsing public key: not in PEM format',
    );
    await refused(
      'keys/bad/import',
      { ciphertext: 'aaaa', hash_function: 'md5' },
      'unknown hash function: md5',
    );
    await refused(
      'keys/bad/import',
      { ciphertext: 'aaaa', convergent_encryption: true },
      'import cannot be used on keys with convergent encryption enabled',
    );
    await refused(
      'keys/bad/import',
      { ciphertext: 'aaaa', auto_rotate_period: '2h' },
      'allow_rotation must be set to true if auto-rotation is enabled',
    );
    await write('keys/made');
    await refused(
      'keys/made/import_version',
      { ciphertext: 'aaaa' },
      'the import_version endpoint can only be used with an imported key',
    );
    expect((await read('keys/bad')).status).toBe(404);
  });
});

describe('backup', () => {
  it('is for keys that may be had in clear', async () => {
    await write('keys/kept');
    expect((await read('backup/kept')).errors).toEqual(['exporting is disallowed on the policy']);
    await write('keys/kept/config', { exportable: true });
    expect((await read('backup/kept')).errors).toEqual(['plaintext backup is disallowed on the policy']);
    expect((await read('backup/none')).errors).toEqual(['encryption key not found']);
  });

  it.each(['aes256-gcm96', 'ed25519', 'rsa-2048', 'hmac'])(
    'of %s comes back under any name, with every version',
    async (type) => {
      const open = { type, exportable: true, allow_plaintext_backup: true };
      await write(`keys/b-${type}`, open);
      const mac = await write(`hmac/b-${type}`, { input: plaintext });
      for (let count = 0; count < 25 && type !== 'rsa-2048'; count++) await write(`keys/b-${type}/rotate`);
      const backup = (await read(`backup/b-${type}`)).data['backup'] ?? '';
      await refused('restore', { backup }, `key "b-${type}" already exists`);
      expect((await write(`restore/copy-${type}`, { backup })).status).toBe(204);
      const copy = (await read(`keys/copy-${type}`)).data;
      expect(copy).toEqual({ ...(await read(`keys/b-${type}`)).data, name: `copy-${type}` });
      const verified = await write(`verify/copy-${type}`, { input: plaintext, hmac: mac.data['hmac'] ?? '' });
      expect(verified.data).toEqual({ valid: true });
      await write(`keys/copy-${type}/rotate`);
      expect((await write(`restore/copy-${type}`, { backup, force: true })).status).toBe(204);
      expect((await read(`keys/copy-${type}`)).data).toEqual(copy);
    },
  );

  it('that was changed or is none is refused, and makes nothing', async () => {
    await write('keys/whole', { exportable: true, allow_plaintext_backup: true });
    const backup = String((await read('backup/whole')).data['backup']);
    const parsed = JSON.parse(Buffer.from(backup, 'base64').toString()) as {
      record: Record<string, unknown>;
      versions: Record<string, unknown>[];
    };
    const [version = {}] = parsed.versions;
    const changed: unknown[] = [
      null,
      [],
      {},
      { ...parsed, coffer_transit_backup: 2 },
      { ...parsed, record: { ...parsed.record, type: 'constructor' } },
      { ...parsed, record: { ...parsed.record, latestVersion: 1e9 } },
      { ...parsed, record: { ...parsed.record, latestVersion: 2 } },
      { ...parsed, record: { ...parsed.record, minDecryptionVersion: 0 } },
      { ...parsed, record: { ...parsed.record, convergent: true } },
      { ...parsed, record: { ...parsed.record, name: '../../x' } },
      { ...parsed, record: { ...parsed.record, type: 'hmac' } },
      { ...parsed, record: { ...parsed.record, latestAt: 9e15 } },
      { ...parsed, record: { ...parsed.record, autoRotatePeriod: 1e15 } },
      { ...parsed, record: { ...parsed.record, autoRotatePeriod: 60 } },
      { ...parsed, versions: [{ ...version, at: 9e15 }] },
      { ...parsed, versions: [] },
      { ...parsed, versions: [{ ...version, key: 'aaaa' }] },
      { ...parsed, versions: [{ ...version, hmac: '' }] },
      { ...parsed, versions: [{ ...version, number: 2 }] },
      { ...parsed, versions: [version, version] },
    ];
    for (const value of changed) {
      const text = Buffer.from(JSON.stringify(value)).toString('base64');
      expect((await write('restore', { backup: text, force: true })).status).toBe(400);
    }
    for (const text of ['', 'x', '!!!!', 'e30='])
      expect((await write('restore/never', { backup: text })).status).toBe(400);
    expect((await read('keys/never')).status).toBe(404);
  });
});

it('threat 16: keys, plaintexts and backups rest sealed and are in no audit line', async () => {
  const canary = Buffer.from('canary-5d1e7a').toString('base64');
  await write('keys/open16', { exportable: true, allow_plaintext_backup: true });
  const sealed = await write('encrypt/open16', { plaintext: canary });
  const ciphertext = String(sealed.data['ciphertext']);
  const batch = await write('encrypt/open16', {
    batch_input: [{ plaintext: canary, associated_data: canary }],
  });
  await write('decrypt/open16', { ciphertext });
  await write('decrypt/open16', { batch_input: [{ ciphertext }] });
  await write('hash', { input: canary });
  const mac = await write('hmac/open16', { input: canary, context: canary });
  const datakey = await write('datakey/plaintext/open16');
  const random = await write('random');
  const key = (await read('export/encryption-key/open16')).data['keys'] as JsonObject;
  const backup = String((await read('backup/open16')).data['backup']);
  const secrets = [
    canary,
    ciphertext,
    String((batch.data['batch_results'] as JsonObject[])[0]?.['ciphertext']),
    String(mac.data['hmac']),
    String(datakey.data['plaintext']),
    String(random.data['random_bytes']),
    String(key['1']),
    backup.slice(0, 60),
  ];
  const log = auditText(place.auditDirectory);
  const rest = await storedText(place.storage);
  for (const secret of secrets) {
    expect(log).not.toContain(secret);
    expect(rest).not.toContain(secret);
  }
  expect(log).toContain('transit/encrypt/open16');
});
