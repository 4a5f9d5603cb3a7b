/** The transit engine as clients meet it, at the seam where listeners hand over requests. */
import { createPublicKey, randomBytes, verify } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask as askAs, makePlace, makeToken, type Place, writePolicy } from '../../../test/fakes/client.ts';
import type { Operation } from '../../core/request.ts';
import type { JsonObject } from '../../json.ts';
import type { CofferNode } from '../../main/node.ts';
import { keyTypeNames } from './key-types.ts';

let place: Place;
let node: CofferNode;
beforeAll(async () => {
  place = await makePlace({ silent: true });
  node = await place.node();
  await ask('update', 'sys/mounts/transit', { type: 'transit' });
});
afterAll(() => place.remove());

const ask = (operation: Operation, path: string, data: JsonObject = {}, token?: string) =>
  askAs(node, operation, path, data, token);
const write = (path: string, data: JsonObject = {}) => ask('update', `transit/${path}`, data);
const read = (path: string, data: JsonObject = {}) => ask('read', `transit/${path}`, data);
const base64 = (text: string) => Buffer.from(text).toString('base64');
const plaintext = base64('attack at dawn');

async function refused(path: string, data: JsonObject, text: string): Promise<void> {
  const { status, errors } = await write(path, data);
  expect({ status, errors }).toEqual({ status: 400, errors: [text] });
}

async function encrypted(name: string, fields: JsonObject = {}): Promise<string> {
  const { data, errors } = await write(`encrypt/${name}`, { plaintext, ...fields });
  expect(errors).toEqual([]);
  return String(data['ciphertext']);
}

describe('keys', () => {
  it('are made with the usual settings, shown and listed', async () => {
    const made = await write('keys/plain');
    expect(made.status).toBe(200);
    expect(made.data).toEqual({
      name: 'plain',
      type: 'aes256-gcm96',
      derived: false,
      exportable: false,
      allow_plaintext_backup: false,
      deletion_allowed: false,
      auto_rotate_period: 0,
      imported_key: false,
      latest_version: 1,
      min_available_version: 0,
      min_decryption_version: 1,
      min_encryption_version: 0,
      supports_encryption: true,
      supports_decryption: true,
      supports_signing: false,
      supports_derivation: true,
      keys: { 1: Math.floor(place.clock.now() / 1_000) },
    });
    expect((await read('keys/plain')).data).toEqual(made.data);
    expect((await ask('list', 'transit/keys')).data['keys']).toContain('plain');
    expect((await read('keys/none')).status).toBe(404);
  });

  it('that are there already are not made again', async () => {
    await write('keys/twice');
    const { status, data, warnings } = await write('keys/twice', { type: 'rsa-2048', exportable: true });
    expect({ status, warnings }).toEqual({ status: 200, warnings: ['key twice already existed'] });
    expect(data).toMatchObject({ type: 'aes256-gcm96', exportable: false });
  });

  it.each<[JsonObject, string]>([
    [{ type: 'des' }, 'unknown key type des'],
    [{ type: 'constructor' }, 'unknown key type constructor'],
    [{ convergent_encryption: true }, 'convergent encryption requires derivation to be enabled'],
    [
      { type: 'ecdsa-p256', derived: true },
      'key derivation and convergent encryption not supported for keys of type ecdsa-p256',
    ],
    [
      { type: 'ed25519', derived: true, convergent_encryption: true },
      'convergent encryption not supported for keys of type ed25519',
    ],
    [{ key_size: 32 }, 'key_size is not valid for algorithm aes256-gcm96'],
    [{ type: 'hmac', key_size: 16 }, 'invalid key_size 16'],
    [{ auto_rotate_period: 60 }, 'auto rotate period must be 0 to disable or at least an hour'],
  ])('refuse %j', async (fields, text) => {
    await refused('keys/refused', fields, text);
    expect((await read('keys/refused')).status).toBe(404);
  });

  it('have names without blanks and paths', async () => {
    for (const name of ['a b', '-a', 'a.', 'ä', 'x'.repeat(129)]) {
      expect((await write(`keys/${name}`)).status).toBe(400);
    }
  });

  it('are deleted only where that is allowed, with all that rests of them', async () => {
    const before = await place.storage.range('', { limit: 1_000 });
    await write('keys/doomed');
    await write('keys/doomed/rotate');
    const kept = await ask('delete', 'transit/keys/doomed');
    expect(kept.errors).toEqual(['error deleting policy doomed: deletion is not allowed for this key']);
    await write('keys/doomed/config', { deletion_allowed: true });
    expect((await ask('delete', 'transit/keys/doomed')).status).toBe(204);
    expect((await read('keys/doomed')).status).toBe(404);
    expect((await ask('delete', 'transit/keys/doomed')).status).toBe(204);
    const after = await place.storage.range('', { limit: 1_000 });
    const mounted = ({ items }: typeof after) =>
      items.map(({ key }) => key).filter((key) => key.startsWith('mount/'));
    expect(mounted(after)).toEqual(mounted(before));
  });
});

describe('encryption', () => {
  it('makes the key where the caller may create, and not where not', async () => {
    await writePolicy(node, 'creator', 'path "transit/encrypt/*" { capabilities = ["create", "update"] }');
    await writePolicy(node, 'updater', 'path "transit/encrypt/*" { capabilities = ["update"] }');
    const creator = await makeToken(node, { policies: ['creator'] });
    const updater = await makeToken(node, { policies: ['updater'] });
    expect((await ask('update', 'transit/encrypt/upserted', { plaintext }, updater)).status).toBe(403);
    expect((await read('keys/upserted')).status).toBe(404);
    const { status, data } = await ask('update', 'transit/encrypt/upserted', { plaintext }, creator);
    expect(status).toBe(200);
    expect(data).toEqual({ ciphertext: expect.stringMatching(/^vault:v1:/), key_version: 1 });
    expect((await ask('update', 'transit/encrypt/upserted', { plaintext }, updater)).status).toBe(200);
  });

  it('makes no key of a request that encrypts nothing', async () => {
    for (const fields of [{}, { plaintext: '§' }, { batch_input: [] }, { plaintext, type: 'rsa-2048' }]) {
      expect((await write('encrypt/never', fields)).status).toBe(400);
    }
    expect((await read('keys/never')).status).toBe(404);
  });

  it.each(['aes128-gcm96', 'aes256-gcm96', 'chacha20-poly1305', 'rsa-2048'])(
    'works with %s',
    async (type) => {
      await write(`keys/enc-${type}`, { type });
      const ciphertext = await encrypted(`enc-${type}`);
      expect(ciphertext).not.toBe(await encrypted(`enc-${type}`));
      expect((await write(`decrypt/enc-${type}`, { ciphertext })).data).toEqual({ plaintext });
      const empty = await encrypted(`enc-${type}`, { plaintext: '' });
      expect((await write(`decrypt/enc-${type}`, { ciphertext: empty })).data).toEqual({ plaintext: '' });
    },
  );

  it('is refused in the words that clients know', async () => {
    await write('keys/words');
    const ciphertext = await encrypted('words');
    await refused('encrypt/words', {}, 'missing plaintext to encrypt');
    await refused('encrypt/words', { plaintext: 'not base64!' }, 'illegal base64 data at input byte 3');
    await refused(
      'encrypt/words',
      { plaintext, key_version: 2 },
      'requested version for encryption is higher than the latest key version',
    );
    await refused(
      'encrypt/words',
      { plaintext, key_version: -1 },
      'requested version for encryption is negative',
    );
    await refused('encrypt/words', { plaintext, nonce: base64('nonce') }, 'nonce provided when not allowed');
    await refused(
      'decrypt/words',
      { ciphertext, nonce: base64('n') },
      'provided nonce not allowed for this key',
    );
    await refused('decrypt/words', {}, 'missing ciphertext to decrypt');
    await refused('decrypt/none', { ciphertext }, 'encryption key not found');
    await refused('decrypt/words', { ciphertext: 'abc' }, 'invalid ciphertext: no prefix');
    await refused('decrypt/words', { ciphertext: 'vault:v1' }, 'invalid ciphertext: wrong number of fields');
    await refused(
      'decrypt/words',
      { ciphertext: 'vault:vx:aa' },
      'invalid ciphertext: version number could not be decoded',
    );
    await refused('decrypt/words', { ciphertext: 'vault:v2:aaaa' }, 'invalid ciphertext: version is too new');
    await refused(
      'decrypt/words',
      { ciphertext: 'vault:v1:a' },
      'invalid ciphertext: could not decode base64',
    );
    await refused('decrypt/words', { ciphertext: 'vault:v1:aaaa' }, 'invalid ciphertext length');
    await refused(
      'decrypt/words',
      { ciphertext: `vault:v1:${Buffer.alloc(40).toString('base64')}` },
      'cipher: message authentication failed',
    );
    await write('keys/words-ec', { type: 'ecdsa-p256' });
    await refused(
      'encrypt/words-ec',
      { plaintext },
      'message encryption not supported for key type ecdsa-p256',
    );
    await write('keys/words-rsa', { type: 'rsa-2048' });
    await refused(
      'encrypt/words-rsa',
      { plaintext: Buffer.alloc(191).toString('base64') },
      'a key of this size encrypts at most 190 bytes',
    );
    await refused(
      'encrypt/words-rsa',
      { plaintext, associated_data: 'aaaa' },
      "'[0].associated_data' provided for non-AEAD cipher suite rsa-2048",
    );
  });

  it('binds associated data and context', async () => {
    await write('keys/bound', { derived: true });
    const [context, other] = [base64('here'), base64('there')];
    const ciphertext = await encrypted('bound', { context, associated_data: other });
    const open = (fields: JsonObject) => write('decrypt/bound', { ciphertext, ...fields });
    expect((await open({ context, associated_data: other })).data).toEqual({ plaintext });
    for (const fields of [
      { context },
      { context: other, associated_data: other },
      { context, associated_data: context },
    ]) {
      expect((await open(fields)).errors).toEqual(['cipher: message authentication failed']);
    }
    const { errors } = await write('encrypt/bound', { plaintext });
    expect(errors[0]).toMatch(/^missing 'context' for key derivation; /);
  });

  it('of convergent keys gives one ciphertext for one plaintext, context and associated data', async () => {
    await write('keys/same', { derived: true, convergent_encryption: true });
    const context = base64('here');
    const one = await encrypted('same', { context });
    expect(await encrypted('same', { context })).toBe(one);
    expect(await encrypted('same', { context: base64('there') })).not.toBe(one);
    const nonces = new Set<string>();
    for (const data of ['', 'aaaa', 'bbbb']) {
      const ciphertext = await encrypted('same', { context, associated_data: data });
      expect(await encrypted('same', { context, associated_data: data })).toBe(ciphertext);
      nonces.add(Buffer.from(ciphertext.slice('vault:v1:'.length), 'base64').toString('hex', 0, 12));
      const opened = await write('decrypt/same', { ciphertext, context, associated_data: data });
      expect(opened.data).toEqual({ plaintext });
    }
    expect(nonces.size).toBe(3);
  });

  it('threat 25: no nonce comes twice under one key, and any flipped bit is refused', async () => {
    await write('keys/flipped');
    const nonces = new Set<string>();
    const batch = Array.from({ length: 2_000 }, () => ({ plaintext }));
    const { data } = await write('encrypt/flipped', { batch_input: batch });
    for (const { ciphertext } of data['batch_results'] as { ciphertext: string }[]) {
      nonces.add(Buffer.from(ciphertext.slice('vault:v1:'.length), 'base64').toString('hex', 0, 12));
    }
    expect(nonces.size).toBe(2_000);
    const bytes = Buffer.from((await encrypted('flipped')).slice('vault:v1:'.length), 'base64');
    const flipped = Array.from({ length: bytes.length * 8 }, (_, bit) => {
      const copy = Buffer.from(bytes);
      copy.writeUInt8(copy.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      return { ciphertext: `vault:v1:${copy.toString('base64')}` };
    });
    const opened = await write('decrypt/flipped', { batch_input: flipped });
    expect(opened.status).toBe(400);
    expect(opened.data['batch_results']).toEqual(
      flipped.map(() => ({ error: 'cipher: message authentication failed' })),
    );
  });

  it('makes data keys', async () => {
    await write('keys/kek');
    for (const bits of [128, 256, 512]) {
      const { data } = await write('datakey/plaintext/kek', { bits });
      expect(Buffer.from(String(data['plaintext']), 'base64')).toHaveLength(bits / 8);
      const opened = await write('decrypt/kek', { ciphertext: data['ciphertext'] ?? '' });
      expect(opened.data['plaintext']).toBe(data['plaintext']);
    }
    expect((await write('datakey/wrapped/kek')).data).not.toHaveProperty('plaintext');
    await refused('datakey/other/kek', {}, "Invalid path, must be 'plaintext' or 'wrapped'");
    await refused('datakey/wrapped/kek', { bits: 100 }, 'invalid bit length');
  });
});

describe('batches', () => {
  it('answer in order, with references, and say what is wrong with an item in its place', async () => {
    await write('keys/batch');
    const good = await write('encrypt/batch', {
      batch_input: [{ plaintext, reference: 'one' }, { plaintext: '' }],
    });
    expect(good.status).toBe(200);
    expect(good.data['batch_results']).toEqual([
      { ciphertext: expect.stringMatching(/^vault:v1:/), key_version: 1, reference: 'one' },
      { ciphertext: expect.stringMatching(/^vault:v1:/), key_version: 1 },
    ]);
    const mixed = [{ plaintext }, { plaintext: '!', reference: 'bad' }];
    const bad = await write('encrypt/batch', { batch_input: mixed });
    expect(bad.status).toBe(400);
    expect(bad.data['batch_results']).toEqual([
      { ciphertext: expect.anything(), key_version: 1 },
      { error: 'illegal base64 data at input byte 0', reference: 'bad' },
    ]);
    const partial = { batch_input: mixed, partial_failure_response_code: 202 };
    expect((await write('encrypt/batch', partial)).status).toBe(202);
    const all = { batch_input: [{ plaintext: '!' }], partial_failure_response_code: 202 };
    expect((await write('encrypt/batch', all)).status).toBe(400);
    const odd = await write('encrypt/batch', { batch_input: mixed, partial_failure_response_code: 100 });
    expect(odd.status).toBe(400);
    expect(odd.warnings[0]).toMatch(/^invalid HTTP response code override/);
  });

  it('are refused as a whole where they are no lists of such items', async () => {
    await write('keys/batch');
    const start = 'failed to parse batch input: ';
    await refused('encrypt/batch', { batch_input: [] }, 'missing batch input to process');
    await refused('encrypt/batch', { batch_input: 'x' }, `${start}it is a list of objects`);
    await refused('encrypt/batch', { batch_input: [1] }, `${start}[0] expected a map`);
    await refused(
      'encrypt/batch',
      { batch_input: [{}] },
      `${start}'[0].plaintext' missing plaintext to encrypt`,
    );
    await refused(
      'encrypt/batch',
      { batch_input: [{ plaintext: 1 }] },
      `${start}'[0].plaintext' expected type 'string'`,
    );
    await refused(
      'encrypt/batch',
      { batch_input: [{ plaintext, key_version: 1.5 }] },
      `${start}'[0].key_version' expected type 'int'`,
    );
    await refused(
      'encrypt/batch',
      { batch_input: [{ plaintext, context: 'aaaa' }, { plaintext }] },
      'context should be set either in all the request blocks or in none',
    );
    const many = Array.from({ length: 10_001 }, () => ({ plaintext: '' }));
    await refused('encrypt/batch', { batch_input: many }, `${start}it has at most 10000 items`);
  });
});

describe('versions', () => {
  it('rotate, rewrap, are limited, and end', async () => {
    await write('keys/aged');
    const first = await encrypted('aged');
    expect((await write('keys/aged/rotate')).data).toMatchObject({ latest_version: 2 });
    const second = await write('rewrap/aged', { ciphertext: first });
    expect(second.data).toEqual({ ciphertext: expect.stringMatching(/^vault:v2:/), key_version: 2 });
    expect((await write('decrypt/aged', { ciphertext: first })).data).toEqual({ plaintext });
    expect(await encrypted('aged', { key_version: 1 })).toMatch(/^vault:v1:/);
    await refused(
      'keys/aged/trim',
      { min_available_version: 2 },
      'minimum available version cannot be set when minimum encryption version is not set',
    );
    const config = { min_decryption_version: 2, min_encryption_version: 2 };
    expect((await write('keys/aged/config', config)).data).toMatchObject(config);
    await refused(
      'decrypt/aged',
      { ciphertext: first },
      'ciphertext or signature version is disallowed by policy (too old)',
    );
    await refused(
      'encrypt/aged',
      { plaintext, key_version: 1 },
      'requested version for encryption is less than the minimum encryption key version',
    );
    await write('keys/aged/config', { min_decryption_version: 1 });
    expect((await write('decrypt/aged', { ciphertext: first })).status).toBe(200);
    await refused(
      'keys/aged/trim',
      { min_available_version: 2 },
      'minimum available version cannot be greater than minimum decryption version',
    );
    await write('keys/aged/config', config);
    expect((await write('keys/aged/trim', { min_available_version: 2 })).data).toMatchObject({
      min_available_version: 2,
      keys: { 2: expect.any(Number) },
    });
    await refused(
      'decrypt/aged',
      { ciphertext: first },
      'ciphertext or signature version is disallowed by policy (too old)',
    );
    await refused(
      'keys/aged/config',
      { min_decryption_version: 1 },
      'min decryption version should not be less then min available version',
    );
    await refused(
      'keys/aged/trim',
      { min_available_version: 1 },
      'minimum available version cannot be decremented',
    );
    await refused('keys/aged/trim', {}, 'missing min_available_version');
    expect((await write('decrypt/aged', { ciphertext: second.data['ciphertext'] ?? '' })).data).toEqual({
      plaintext,
    });
  });

  it('have settings that do not contradict each other', async () => {
    await write('keys/set');
    await refused('keys/none/config', {}, 'no existing key named none could be found');
    await refused(
      'keys/set/config',
      { min_decryption_version: -1 },
      'min decryption version cannot be negative',
    );
    await refused(
      'keys/set/config',
      { min_decryption_version: 2 },
      'cannot set min decryption version of 2, latest key version is 1',
    );
    await refused(
      'keys/set/config',
      { min_encryption_version: 2 },
      'cannot set min encryption version of 2, latest key version is 1',
    );
    const zero = await write('keys/set/config', { min_decryption_version: 0 });
    expect(zero.warnings).toHaveLength(1);
    await write('keys/set/config', { exportable: true, allow_plaintext_backup: true });
    const after = await write('keys/set/config', { exportable: false, allow_plaintext_backup: false });
    expect(after.data).toMatchObject({ exportable: true, allow_plaintext_backup: true });
  });

  it('of a rotation at once are each their own', async () => {
    await write('keys/raced');
    await Promise.all(Array.from({ length: 12 }, () => write('keys/raced/rotate')));
    const { data } = await read('keys/raced');
    expect(data['latest_version']).toBe(13);
    expect(Object.keys(data['keys'] as object)).toHaveLength(13);
  });
});

describe('signatures', () => {
  const input = base64('sign here');
  it.each(['ed25519', 'ecdsa-p256', 'ecdsa-p384', 'ecdsa-p521', 'rsa-2048'])(
    'of %s verify, there and elsewhere',
    async (type) => {
      const { data: key } = await write(`keys/sig-${type}`, { type });
      const { data } = await write(`sign/sig-${type}`, { input });
      const signature = String(data['signature']);
      expect((await write(`verify/sig-${type}`, { input, signature })).data).toEqual({ valid: true });
      expect((await write(`verify/sig-${type}`, { input: base64('else'), signature })).data).toEqual({
        valid: false,
      });
      const shown = (key['keys'] as Record<string, { public_key: string }>)['1']?.public_key ?? '';
      const raw = Buffer.from(signature.slice('vault:v1:'.length), 'base64');
      if (type.startsWith('ecdsa'))
        expect(verify('sha256', Buffer.from('sign here'), createPublicKey(shown), raw)).toBe(true);
      if (type === 'rsa-2048') {
        const pss = { key: createPublicKey(shown), padding: 6, saltLength: -2 };
        expect(verify('sha256', Buffer.from('sign here'), pss, raw)).toBe(true);
      }
      raw.writeUInt8(raw.readUInt8(raw.length - 1) ^ 1, raw.length - 1);
      const flipped = `vault:v1:${raw.toString('base64')}`;
      expect((await write(`verify/sig-${type}`, { input, signature: flipped })).data).toEqual({
        valid: false,
      });
    },
  );

  it('come in the forms that are asked for', async () => {
    await write('keys/forms', { type: 'ecdsa-p256' });
    const jws = await write('sign/forms/sha2-512', { input, marshaling_algorithm: 'jws' });
    const signature = String(jws.data['signature']);
    expect(Buffer.from(signature.slice('vault:v1:'.length), 'base64url')).toHaveLength(64);
    const verified = await write('verify/forms/sha2-512', { input, signature, marshaling_algorithm: 'jws' });
    expect(verified.data).toEqual({ valid: true });
    expect((await write('verify/forms', { input, signature, marshaling_algorithm: 'jws' })).data).toEqual({
      valid: false,
    });
  });

  it('of rsa take digests with PKCS #1 v1.5, the same ones as of the input', async () => {
    await write('keys/forms-rsa', { type: 'rsa-2048' });
    const old = { signature_algorithm: 'pkcs1v15' };
    for (const algorithm of [
      'sha1',
      'sha2-224',
      'sha2-256',
      'sha2-384',
      'sha2-512',
      'sha3-256',
      'sha3-512',
    ]) {
      const signed = await write(`sign/forms-rsa/${algorithm}`, { input, ...old });
      const name =
        { 'sha2-224': 'sha224', 'sha2-256': 'sha256', 'sha2-384': 'sha384', 'sha2-512': 'sha512' }[
          algorithm
        ] ?? algorithm;
      const { createHash } = await import('node:crypto');
      const digest = createHash(name).update('sign here').digest('base64');
      const prehashed = { input: digest, prehashed: true, ...old };
      expect((await write(`sign/forms-rsa/${algorithm}`, prehashed)).data['signature']).toBe(
        signed.data['signature'],
      );
      const { data } = await write(`verify/forms-rsa/${algorithm}`, {
        ...prehashed,
        signature: signed.data['signature'] ?? '',
      });
      expect(data).toEqual({ valid: true });
    }
    const bare = { input, hash_algorithm: 'none', prehashed: true, ...old };
    const { data } = await write('sign/forms-rsa', bare);
    expect((await write('verify/forms-rsa', { ...bare, signature: data['signature'] ?? '' })).data).toEqual({
      valid: true,
    });
    for (const salt_length of ['auto', 'hash', '20']) {
      const { data: salted } = await write('sign/forms-rsa', { input, salt_length });
      const again = await write('verify/forms-rsa', {
        input,
        salt_length,
        signature: salted['signature'] ?? '',
      });
      expect(again.data).toEqual({ valid: true });
    }
    await refused('sign/forms-rsa', { input, salt_length: '400' }, 'requested salt length 400 is invalid');
    await refused(
      'sign/forms-rsa',
      { input, salt_length: 'x' },
      "salt length neither 'auto', 'hash', nor an int: x",
    );
  });

  it('are refused in words', async () => {
    await write('keys/plain');
    await write('keys/forms', { type: 'ecdsa-p256' });
    await refused('sign/plain', { input }, 'key type aes256-gcm96 does not support signing');
    await refused('sign/none', { input }, 'signing key not found');
    await refused('sign/forms/md5', { input }, 'invalid hash algorithm "md5"');
    await refused('sign/forms', { input, marshaling_algorithm: 'xml' }, 'invalid marshaling type "xml"');
    await refused(
      'sign/forms',
      { input: '!' },
      'unable to decode input as base64: illegal base64 data at input byte 0',
    );
    await refused(
      'sign/forms',
      { input, prehashed: true },
      'prehashed input is not supported for ecdsa keys: send the input',
    );
    await refused(
      'sign/forms',
      { input, hash_algorithm: 'none' },
      'hash_algorithm=none requires both prehashed=true and signature_algorithm=pkcs1v15',
    );
    await refused('verify/forms', { input }, "neither a 'signature' nor an 'hmac' were given to verify");
    await refused(
      'verify/forms',
      { input, signature: 'a', hmac: 'b' },
      "provide one of 'signature' or 'hmac'",
    );
    await refused('verify/forms', { input, signature: 'x' }, 'invalid signature: no prefix');
    await refused('verify/forms', { input, signature: 'vault:v1:!' }, 'invalid base64 signature value');
    await refused(
      'verify/forms',
      { batch_input: [{ input, signature: 'a' }, { input }] },
      "some elements of batch_input are missing 'signature'",
    );
  });

  it('of derived keys are each context’s own', async () => {
    await write('keys/derived', { type: 'ed25519', derived: true });
    const context = base64('here');
    const { data } = await write('sign/derived', { input, context });
    const shown = await read('keys/derived', { context });
    expect((shown.data['keys'] as Record<string, JsonObject>)['1']?.['public_key']).toBe(data['public_key']);
    const signature = data['signature'] ?? '';
    expect((await write('verify/derived', { input, context, signature })).data).toEqual({ valid: true });
    const other = { input, context: base64('there'), signature };
    expect((await write('verify/derived', other)).data).toEqual({ valid: false });
    const without = await read('keys/derived');
    expect((without.data['keys'] as Record<string, JsonObject>)['1']?.['public_key']).toBe('');
  });

  it('and HMACs come in batches', async () => {
    await write('keys/mac', { type: 'hmac', key_size: 64 });
    const { data } = await write('hmac/mac/sha2-512', { input });
    const hmac = data['hmac'] ?? '';
    expect((await write('verify/mac/sha2-512', { input, hmac })).data).toEqual({ valid: true });
    expect((await write('verify/mac', { input, hmac })).data).toEqual({ valid: false });
    const many = await write('hmac/mac', { batch_input: [{ input }, {}] });
    expect(many.data['batch_results']).toEqual([
      { hmac: expect.stringMatching(/^vault:v1:/) },
      { error: 'missing input for HMAC' },
    ]);
    const [first] = many.data['batch_results'] as JsonObject[];
    const verified = await write('verify/mac', { batch_input: [{ input, hmac: first?.['hmac'] ?? '' }] });
    expect(verified.data['batch_results']).toEqual([{ valid: true }]);
    await refused('verify/mac', { input, hmac: 'vault:v2:aaaa' }, 'invalid HMAC: version is too new');
    await refused('hmac/mac/md5', { input }, 'unsupported algorithm "md5"');
  });
});

describe('tools', () => {
  it('draw random bytes', async () => {
    expect(Buffer.from(String((await write('random')).data['random_bytes']), 'base64')).toHaveLength(32);
    expect(String((await write('random/7', { format: 'hex' })).data['random_bytes'])).toMatch(
      /^[0-9a-f]{14}$/,
    );
    expect((await write('random/platform/16')).status).toBe(200);
    expect((await write('random/platform')).status).toBe(200);
    await refused('random/0', {}, '"bytes" cannot be less than 1');
    await refused('random/131073', {}, '"bytes" should be less than 131072');
    await refused('random', { format: 'x' }, 'unsupported encoding format "x"; must be "hex" or "base64"');
  });

  it('hash', async () => {
    const input = base64('abc');
    // FIPS 180-4's own example.
    const sum = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
    expect((await write('hash', { input })).data).toEqual({ sum });
    expect((await write('hash/sha3-512', { input, format: 'base64' })).status).toBe(200);
    await refused('hash/md5', { input }, 'unsupported algorithm "md5"');
    await refused('hash', {}, 'missing input');
  });

  it('keep a size of a cache that has no effect', async () => {
    expect((await read('cache-config')).data).toEqual({ size: 0 });
    await refused('cache-config', { size: 5 }, 'size must be 0 or a value greater or equal to 10');
    expect((await write('cache-config', { size: 100 })).warnings).toHaveLength(1);
    expect((await read('cache-config')).data).toEqual({ size: 100 });
  });
});

it('every kind of key is made, shown and turns again', { timeout: 120_000 }, async () => {
  for (const type of keyTypeNames.filter((name) => name !== 'rsa-4096')) {
    expect((await write(`keys/kind-${type}`, { type })).data).toMatchObject({ type, latest_version: 1 });
    expect((await write(`keys/kind-${type}/rotate`)).data).toMatchObject({ latest_version: 2 });
    expect(Object.keys((await read(`keys/kind-${type}`)).data['keys'] as object)).toEqual(['1', '2']);
  }
});

it('a context of any length up to 1,024 bytes is taken', async () => {
  await write('keys/long', { derived: true });
  for (const length of [1, 1_024]) {
    await encrypted('long', { context: randomBytes(length).toString('base64') });
  }
  await refused(
    'encrypt/long',
    { plaintext, context: Buffer.alloc(1_025).toString('base64') },
    'a context has at most 1,024 bytes',
  );
});
