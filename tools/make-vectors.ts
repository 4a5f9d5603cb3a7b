/**
 * Writes the vectors of the stored formats to `test/vectors`. They are kept for good: a file that is there is never written again, so
 * this only makes those of a new format. Run it with
 *
 *     npx esbuild tools/make-vectors.ts --bundle --platform=node --format=esm --packages=external --outfile=dist/make-vectors.mjs
 *     node dist/make-vectors.mjs
 *
 * Keys and nonces come from SHA-256 over a label, so that everybody knows them. Shares don't: the library draws its own randomness.
 */
import { createSecretKey, type KeyObject } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { Barrier } from '../src/barrier/barrier.ts';
import { generateKeyring, sealKeyring, withNewTerm } from '../src/barrier/keyring.ts';
import { deriveRecordKey, resealRecord, sealRecord } from '../src/barrier/record.ts';
import type { Clock } from '../src/clock.ts';
import { tagKeyOf } from '../src/core/backup/backups.ts';
import { backupFormat } from '../src/core/backup/format.ts';
import { BackupWriter } from '../src/core/backup/writer.ts';
import { cofferFormat } from '../src/credstash/coffer-format.ts';
import { encodeVersion } from '../src/credstash/version.ts';
import { sha256 } from '../src/crypto/digest.ts';
import type { Random } from '../src/crypto/random.ts';
import { kmsSlotBody } from '../src/seal/awskms/awskms-seal.ts';
import { bootWrites } from '../src/seal/boot.ts';
import { encodeKeyfile } from '../src/seal/keyfile/keyfile-text.ts';
import { encodeMigrationMark } from '../src/seal/migration-mark.ts';
import { PassphraseSeal } from '../src/seal/passphrase/passphrase-seal.ts';
import { createShamirSlot } from '../src/seal/shamir/shamir.ts';
import { wrapRootKey } from '../src/seal/wrapped-root-key.ts';
import { MemoryStorage } from '../src/storage/memory/memory.ts';
import { parseStorageKey, type Revision } from '../src/storage/storage.ts';

const storeId = '6b1d5a52-6f0c-4f5e-9f0a-0c1f6f1f7a11';
const otherStoreId = '0d9c3c0e-93c5-4a55-8a57-3a1f36f5c2b2';
const slotId = '3f0f2a0e-5c55-4f0b-8d0e-2f5c7f1f9b44';
const place = { storeId, slotId };
const rootKey = published('root key');

/** A key that the whole world knows. */
function published(name: string): Buffer {
  return sha256(`coffer test vector: ${name}`);
}

/** The same bytes on every run. */
function fixedRandom(name: string): Random {
  let block = 0;
  return {
    bytes(length) {
      const chunks: Buffer[] = [];
      for (let made = 0; made < length; made += 32) chunks.push(published(`${name} ${block++}`));
      return Buffer.concat(chunks).subarray(0, length);
    },
  };
}

function flipped(bytes: Buffer, index: number): Buffer {
  const copy = Buffer.from(bytes);
  const at = index < 0 ? bytes.length + index : index;
  copy.writeUInt8(copy.readUInt8(at) ^ 1, at);
  return copy;
}

function save(name: string, vectors: object): void {
  const path = `test/vectors/${name}.json`;
  try {
    writeFileSync(path, `${JSON.stringify(vectors, null, 2)}\n`, { flag: 'wx' });
    console.log(`${path} written`);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    console.log(`${path} is there already, and stays as it is`);
  }
}

function recordVectors(): object {
  const random = fixedRandom('record');
  const seal = (term: number, storageKey: string, plaintext: Buffer) => {
    const termKey = published(`term ${term}`);
    const key = createSecretKey(termKey);
    const recordKey = deriveRecordKey({ id: term, key, installedAt: 0 }, parseStorageKey(storageKey));
    const sealed = sealRecord(random, recordKey, plaintext).toString('hex');
    return { term_key: termKey.toString('hex'), term, storage_key: storageKey, sealed };
  };
  const plaintexts: readonly (readonly [number, string, Buffer])[] = [
    [1, 'a', Buffer.alloc(0)],
    [1, 'logical/7a0c9a9e/secret', Buffer.from('{"value":"s3cret"}')],
    [2, 'logical/7a0c9a9e/secret', Buffer.from('{"value":"s3cret"}')],
    [4_294_967_295, 'schlüssel/\u{1f511}/', Buffer.from(Array.from({ length: 256 }, (_, index) => index))],
    [7, 'k'.repeat(1_000), Buffer.alloc(1_000, 0x61)],
  ];
  const opens = plaintexts.map(([term, storageKey, plaintext]) => ({
    ...seal(term, storageKey, plaintext),
    plaintext: plaintext.toString('hex'),
  }));
  const good = seal(1, 'logical/one/x', Buffer.from('one'));
  const bytes = Buffer.from(good.sealed, 'hex');
  const bad = (why: string, change: object, code = 'integrity') => ({ why, code, ...good, ...change });
  const relabelled = Buffer.from(bytes);
  relabelled.writeUInt32BE(2, 1);
  const fails = [
    bad('moved to another key', { storage_key: 'logical/one/y' }),
    bad('moved to another mount', { storage_key: 'logical/two/x' }),
    bad('the key ends with a slash', { storage_key: 'logical/one/x/' }),
    bad('relabelled to term 2', { term: 2, sealed: relabelled.toString('hex') }),
    bad("another term's key", { term_key: published('term 2').toString('hex') }),
    bad('version 0', { sealed: `00${good.sealed.slice(2)}` }),
    bad('version 2', { sealed: `02${good.sealed.slice(2)}` }, 'store_unusable'),
    bad('a bit of the nonce', { sealed: flipped(bytes, 5).toString('hex') }),
    bad('a bit of the ciphertext', { sealed: flipped(bytes, 17).toString('hex') }),
    bad('a bit of the tag', { sealed: flipped(bytes, -1).toString('hex') }),
    bad('cut by one byte', { sealed: good.sealed.slice(0, -2) }),
    bad('the header alone', { sealed: good.sealed.slice(0, 10) }),
    bad('empty', { sealed: '' }),
    bad('one byte more', { sealed: `${good.sealed}00` }),
  ];
  return { format: 'barrier record 1', opens, fails };
}

function keyringVectors(): object {
  const random = fixedRandom('keyring');
  const root = createSecretKey(rootKey);
  const keyring = withNewTerm(generateKeyring(random, 1_790_000_000_000), random, 1_790_000_001_000);
  const sealed = sealKeyring(random, root, storeId, keyring);
  const good = { root_key: rootKey.toString('hex'), store_id: storeId, sealed: sealed.toString('hex') };
  const bad = (why: string, code: string, change: object) => ({ why, code, ...good, ...change });
  const terms = [...keyring.terms.values()].map(({ id, key, installedAt }) => ({
    id,
    key: key.export().toString('hex'),
    installed_at: installedAt,
  }));
  return {
    format: 'keyring 1',
    opens: [{ ...good, terms, store_key: keyring.storeKey.export().toString('hex') }],
    fails: [
      bad('another root key', 'wrong_key', { root_key: published('another root key').toString('hex') }),
      bad('another store', 'integrity', { store_id: otherStoreId }),
      bad('version 0', 'integrity', { sealed: `00${good.sealed.slice(2)}` }),
      bad('version 2', 'store_unusable', { sealed: `02${good.sealed.slice(2)}` }),
      bad('a bit of the check value', 'integrity', { sealed: flipped(sealed, 1).toString('hex') }),
      bad('a bit of the nonce', 'integrity', { sealed: flipped(sealed, 17).toString('hex') }),
      bad('a bit of the tag', 'integrity', { sealed: flipped(sealed, -1).toString('hex') }),
      bad('cut in half', 'integrity', { sealed: sealed.subarray(0, sealed.length >> 1).toString('hex') }),
      bad('version and check value alone', 'integrity', { sealed: sealed.subarray(0, 17).toString('hex') }),
      bad('empty', 'integrity', { sealed: '' }),
    ],
  };
}

function keyfileSlotVectors(): object {
  const kek = published('keyfile key');
  const binding = { kind: 'keyfile', place };
  const body = { ...wrapRootKey(fixedRandom('keyfile slot'), kek, rootKey, binding) };
  const good = { key: kek.toString('hex'), place, body };
  const bad = (why: string, code: string, change: object) => ({ why, code, ...good, ...change });
  const wrapped = Buffer.from(body.wrapped, 'base64');
  return {
    format: 'slot keyfile 1',
    opens: [{ ...good, root_key: rootKey.toString('hex') }],
    fails: [
      bad('another key', 'wrong_key', { key: published('another keyfile key').toString('hex') }),
      bad('another slot', 'integrity', { place: { storeId, slotId: storeId } }),
      bad('another store', 'integrity', { place: { storeId: otherStoreId, slotId } }),
      bad('a bit', 'integrity', { body: { ...body, wrapped: flipped(wrapped, 20).toString('base64') } }),
      bad('no check value', 'integrity', { body: { wrapped: body.wrapped } }),
      bad('check value of nothing', 'integrity', { body: { ...body, check: '' } }),
      bad('a member more', 'integrity', { body: { ...body, more: true } }),
      bad('base64 without padding', 'integrity', { body: { ...body, check: body.check.replace(/=+$/, '') } }),
    ],
  };
}

async function shamirSlotVectors(): Promise<object> {
  const random = fixedRandom('shamir slot');
  const three = await createShamirSlot(rootKey, { shares: 5, threshold: 3 }, place, random);
  const one = await createShamirSlot(rootKey, { shares: 1, threshold: 1 }, place, random);
  const other = await createShamirSlot(
    rootKey,
    { shares: 5, threshold: 3 },
    { storeId: otherStoreId, slotId },
    random,
  );
  const hex = (shares: readonly Buffer[]) => shares.map((share) => share.toString('hex'));
  const [first, second, third] = hex(three.shares);
  const good = { place, body: three.body, shares: [first, second, third] };
  const bad = (why: string, code: string, change: object) => ({ why, code, ...good, ...change });
  const root = rootKey.toString('hex');
  return {
    format: 'slot shamir 1',
    opens: [
      { ...good, root_key: root },
      { ...good, shares: hex(three.shares.slice(2)).toReversed(), root_key: root },
      { place, body: one.body, shares: hex(one.shares), root_key: root },
    ],
    fails: [
      bad('one too few', 'wrong_key', { shares: [first, second] }),
      bad('one twice', 'wrong_key', { shares: [first, second, second] }),
      bad("another store's", 'wrong_key', { shares: hex(other.shares.slice(0, 3)) }),
      bad("one of another store's", 'wrong_key', { shares: [first, second, ...hex(other.shares.slice(4))] }),
      bad('another slot', 'integrity', { place: { storeId, slotId: storeId } }),
      bad('another store', 'integrity', { place: { storeId: otherStoreId, slotId } }),
      bad('more shares than were made', 'integrity', { body: { ...three.body, shares: 6 } }),
      bad('a lower threshold', 'integrity', { body: { ...three.body, threshold: 2 } }),
      bad('a threshold beyond the shares', 'integrity', { body: { ...three.body, threshold: 6 } }),
      bad('the other slot’s body', 'wrong_key', { body: other.body }),
    ],
  };
}

function migrationMarkVectors(): object {
  const mark = { id: slotId, storeId, other: 'postgres://db.example:5432/coffer' } as const;
  const text = encodeMigrationMark({ ...mark, role: 'source' }).toString();
  const roles = ['source', 'target', 'moved'] as const;
  return {
    format: 'migration mark 1',
    opens: roles.map((role) => ({ text: encodeMigrationMark({ ...mark, role }).toString(), ...mark, role })),
    fails: [
      { why: 'empty', code: 'integrity', text: '' },
      { why: 'cut', code: 'integrity', text: text.slice(0, -1) },
      { why: 'format 2', code: 'store_unusable', text: text.replace('"format":1', '"format":2') },
      { why: 'format 0', code: 'integrity', text: text.replace('"format":1', '"format":0') },
      { why: 'another role', code: 'integrity', text: text.replace('"source"', '"both"') },
      { why: 'an id that is none', code: 'integrity', text: text.replace(slotId, 'x') },
      { why: 'a member more', code: 'integrity', text: text.replace('{', '{"more":1,') },
      { why: 'no other place', code: 'integrity', text: text.replace('"other"', '"another"') },
    ],
  };
}

function keyfileTextVectors(): object {
  const key = published('keyfile key');
  const text = encodeKeyfile({ storeId, dataPlace: '/var/lib/coffer', key }).toString();
  const base64 = key.toString('base64');
  const bare = `coffer keyfile 1\nstore: ${storeId}\ndata: postgres://db/coffer\nkey: ${base64}`;
  const opened = { store: storeId, key: key.toString('hex') };
  return {
    format: 'keyfile text 1',
    opens: [
      { text, ...opened, data: '/var/lib/coffer', canonical: true },
      { text: bare, ...opened, data: 'postgres://db/coffer', canonical: false },
      {
        text: `# comment\r\n\r\n${bare.replaceAll('\n', '\r\n')}`,
        ...opened,
        data: 'postgres://db/coffer',
        canonical: false,
      },
    ],
    fails: [
      { why: 'empty', code: 'invalid_request', text: '' },
      { why: 'a key and nothing else', code: 'invalid_request', text: base64 },
      { why: 'format 2', code: 'store_unusable', text: text.replace('keyfile 1', 'keyfile 2') },
      { why: 'format 0', code: 'invalid_request', text: text.replace('keyfile 1', 'keyfile 0') },
      { why: 'no key', code: 'invalid_request', text: text.slice(0, text.indexOf('key: ')) },
      { why: 'cut in the key', code: 'invalid_request', text: text.slice(0, -6) },
      { why: 'two keys', code: 'invalid_request', text: `${text}key: ${base64}\n` },
      { why: 'key in hex', code: 'invalid_request', text: text.replace(base64, key.toString('hex')) },
      {
        why: 'store id in capitals',
        code: 'invalid_request',
        text: text.replace(storeId, storeId.toUpperCase()),
      },
      {
        why: 'lines in another order',
        code: 'invalid_request',
        text: text.split('\n').toReversed().join('\n'),
      },
    ],
  };
}

/** A store of a few records, and backups of it: with the keys at hand, and without. */
async function backupVectors(): Promise<object> {
  const random = fixedRandom('backup');
  const clock: Clock = {
    now: () => 1_700_000_000_000,
    steady: () => 0,
    after: () => ({ [Symbol.dispose]() {} }),
  };
  const storage = new MemoryStorage();
  const root = published('root key');
  const creation = Barrier.create({ storage, random, clock, rootKey: root, storeId });
  const plaintexts: readonly (readonly [string, Buffer])[] = [
    ['core/epoch', Buffer.from('{}')],
    ['mount/1f/meta/schlüssel/\u{1f511}', Buffer.from('{"value":"s3cret"}')],
    ['mount/1f/version/empty', Buffer.alloc(0)],
  ];
  const body = { ...wrapRootKey(random, published('kek'), root, { kind: 'keyfile', place }) };
  await storage.commit([
    ...bootWrites({ format: 1, id: storeId, createdAt: clock.now() }, [
      { id: slotId, kind: 'keyfile', body },
    ]),
    ...creation.writes,
    ...plaintexts.map(([key, value]) => creation.encrypt({ key: parseStorageKey(key), value })),
  ]);
  const take = async (tagKey: KeyObject | undefined) => {
    const snapshot = await storage.snapshot();
    const header = {
      format: backupFormat,
      id: '5a3a8a39-8f83-4f06-9a3c-7d5a3c1d9e10',
      storeId,
      createdAt: clock.now(),
      origin: 'offline',
      program: '0.1.0',
      storage: 'memory',
      about: snapshot.records,
    } as const;
    const writer = new BackupWriter({ header, snapshot, tagKey });
    const pieces: Buffer[] = [];
    for (let piece = await writer.next(); piece !== undefined; piece = await writer.next())
      pieces.push(piece);
    return Buffer.concat(pieces);
  };
  const signed = await take(tagKeyOf(creation.barrier));
  const unsigned = await take(undefined);
  const common = { root_key: root.toString('hex'), store_id: storeId };
  const records = Object.fromEntries(plaintexts.map(([key, value]) => [key, value.toString('hex')]));
  const fails = (why: string, code: string, file: Buffer) => ({
    why,
    code,
    ...common,
    file: file.toString('base64'),
  });
  const middle = Math.floor(signed.length / 2);
  const future = Buffer.from(signed);
  future.writeUInt16BE(backupFormat + 1, 16);
  return {
    opens: [
      { ...common, tag: 'signed', records, file: signed.toString('base64') },
      { ...common, tag: 'unsigned', records, file: unsigned.toString('base64') },
    ],
    fails: [
      fails('empty', 'invalid_request', Buffer.alloc(0)),
      fails('something else', 'invalid_request', Buffer.from('SQLite format 3\0and more')),
      fails('format 2', 'store_unusable', future),
      fails('cut', 'integrity', signed.subarray(0, middle)),
      fails('cut at the checksum', 'integrity', signed.subarray(0, -37)),
      fails('a bit of a record', 'integrity', flipped(signed, middle)),
      fails('a bit of the checksum', 'integrity', flipped(signed, -1)),
      fails('a bit of the tag', 'integrity', flipped(signed, -40)),
      fails('something behind it', 'integrity', Buffer.concat([signed, Buffer.of(0)])),
      {
        ...fails('another store’s key', 'wrong_key', signed),
        root_key: published('other root key').toString('hex'),
      },
    ],
  };
}

save('backup-v1', await backupVectors());
function resealedVectors(): object {
  const random = fixedRandom('resealed');
  const key = published('term 3');
  const term = { id: 3, key: createSecretKey(key), installedAt: 0 };
  const seal = (storageKey: string, plaintext: Buffer, replaced: number) => ({
    term_key: key.toString('hex'),
    term: term.id,
    storage_key: storageKey,
    replaced,
    sealed: resealRecord(
      random,
      deriveRecordKey(term, parseStorageKey(storageKey)),
      plaintext,
      replaced as Revision,
    ).toString('hex'),
  });
  const opens = [
    { ...seal('a', Buffer.alloc(0), 0), plaintext: '' },
    { ...seal('logical/one/x', Buffer.from('one'), 4_503_599_627_370_495), plaintext: '6f6e65' },
  ];
  const good = seal('logical/one/x', Buffer.from('one'), 77);
  const bytes = Buffer.from(good.sealed, 'hex');
  const bad = (why: string, change: object, code = 'integrity') => ({ why, code, ...good, ...change });
  const fails = [
    bad('another replaced revision', { sealed: flipped(bytes, 12).toString('hex') }),
    bad('a replaced revision that there is not', { sealed: flipped(bytes, 5).toString('hex') }),
    bad('moved to another key', { storage_key: 'logical/one/y' }),
    bad('a bit of the ciphertext', { sealed: flipped(bytes, 26).toString('hex') }),
    bad('without the mark', { sealed: `01${good.sealed.slice(2, 10)}${good.sealed.slice(26)}` }),
    bad('cut to the header', { sealed: good.sealed.slice(0, 26) }),
    bad('version 0x82', { sealed: `82${good.sealed.slice(2)}` }, 'store_unusable'),
  ];
  return { format: 'barrier record 1, re-sealed', opens, fails };
}

async function passphraseSlotVectors(): Promise<object> {
  const passphrase = 'vector words that everybody may read';
  const seal = new PassphraseSeal({ passphrase, random: fixedRandom('passphrase slot') });
  const body = await seal.wrap(rootKey, place);
  const good = { place, passphrase, body };
  const bad = (why: string, code: string, change: object) => ({ why, code, ...good, ...change });
  return {
    format: 'slot passphrase 1',
    opens: [{ ...good, root_key: rootKey.toString('hex') }],
    fails: [
      bad('another passphrase', 'wrong_key', { passphrase: `${passphrase}.` }),
      bad('another slot', 'wrong_key', { place: { ...place, slotId: otherStoreId } }),
      bad('another store', 'wrong_key', { place: { ...place, storeId: otherStoreId } }),
      bad('another cost', 'integrity', { body: { ...body, log_n: 16 } }),
      bad('a cost too low', 'integrity', { body: { ...body, log_n: 10 } }),
      bad('no salt', 'integrity', { body: { ...body, salt: '' } }),
    ],
  };
}

/** Items of Coffer's own format in a table of DynamoDB, as its low-level API has them: bytes are base64. */
function tableItemVectors(): object {
  const random = fixedRandom('table item');
  const one = (
    id: string,
    place: { readonly name: string; readonly number: number; readonly epoch?: string },
    secret: {
      readonly shape: 'bare' | 'map';
      readonly bytes: Buffer;
      readonly context: Record<string, string>;
    },
  ) => {
    const dataKey = published(`table item ${id}`);
    const { name, number, ...epoch } = place;
    const version = encodeVersion(number);
    const sealing = { name, version, created: 1_795_000_000_000 + number, ...epoch, ...secret };
    const item = cofferFormat.seal(
      random,
      { plaintext: dataKey, wrapped: published(`wrapped ${id}`) },
      sealing,
    );
    const base64 = ([attribute, value]: [string, (typeof item)[string]]) =>
      [attribute, value.B === undefined ? value : { B: Buffer.from(value.B).toString('base64') }] as const;
    return {
      id,
      data_key_hex: dataKey.toString('hex'),
      context: secret.context,
      kms_context: cofferFormat.contextFor(place, secret.context),
      plaintext_hex: secret.bytes.toString('hex'),
      shape: secret.shape,
      item: Object.fromEntries(Object.entries(item).map(base64)),
    };
  };
  const prod = { env: 'prod', 'app.tier': 'däta=base' };
  return {
    format: 'credstash table, coffer-1',
    vectors: [
      one('bare', { name: 'db', number: 1 }, { shape: 'bare', bytes: Buffer.from('hunter2'), context: {} }),
      one('empty', { name: 'empty', number: 0 }, { shape: 'bare', bytes: Buffer.alloc(0), context: {} }),
      one(
        'map-context',
        { name: 'shop/d\u00fc/\u{1f511}', number: 9_007_199_254_740_991 - 1_795_000_000_000 },
        { shape: 'map', bytes: Buffer.from('{"user":"app","password":"s3cret"}'), context: prod },
      ),
      one(
        'epoch',
        { name: 'shared', number: 12, epoch: '00112233445566778899aabbccddeeff' },
        { shape: 'bare', bytes: Buffer.from([0, 255, 254, 10]), context: { env: 'prod' } },
      ),
    ],
  };
}

/** KMS's own part of it is any bytes here: what KMS gives back for them is the KEK. */
function awskmsSlotVectors(): object {
  const kek = fixedRandom('awskms kek').bytes(32);
  const keyArn = 'arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab';
  const ciphertext = fixedRandom('awskms ciphertext').bytes(184);
  const made = { keyArn, ciphertext };
  const body = kmsSlotBody(fixedRandom('awskms slot'), kek, rootKey, place, made);
  const good = { place, kek: kek.toString('hex'), body };
  const bad = (why: string, code: string, change: object) => ({ why, code, ...good, ...change });
  return {
    format: 'slot awskms 1',
    opens: [{ ...good, root_key: rootKey.toString('hex') }],
    fails: [
      bad('another KEK', 'wrong_key', { kek: fixedRandom('another kek').bytes(32).toString('hex') }),
      bad('a KEK too short', 'integrity', { kek: good.kek.slice(2) }),
      bad('another slot', 'integrity', { place: { ...place, slotId: otherStoreId } }),
      bad('another store', 'integrity', { place: { ...place, storeId: otherStoreId } }),
      bad('another KMS key', 'integrity', { body: { ...body, key: keyArn.replace(/b$/, 'c') } }),
      bad('an alias in place of the key', 'integrity', {
        body: { ...body, key: 'arn:aws:kms:eu-central-1:123456789012:alias/coffer' },
      }),
      bad('no ciphertext', 'integrity', { body: { ...body, ciphertext: '' } }),
    ],
  };
}

save('credstash-coffer-1', tableItemVectors());
save('slot-awskms-v1', awskmsSlotVectors());
save('barrier-record-resealed-v1', resealedVectors());
save('slot-passphrase-v1', await passphraseSlotVectors());
save('barrier-record-v1', recordVectors());
save('keyring-v1', keyringVectors());
save('slot-keyfile-v1', keyfileSlotVectors());
save('slot-shamir-v1', await shamirSlotVectors());
save('keyfile-text-v1', keyfileTextVectors());
save('migration-mark-v1', migrationMarkVectors());
