/** The stored formats, held against vectors that never change, and against a second reading of their description. */
import { createDecipheriv, createHmac, createSecretKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { integrityError } from '../crypto/aead.ts';
import type { Revision } from '../storage/storage.ts';
import { keyOf } from './barrier.fixture.ts';
import { openKeyring } from './keyring.ts';
import {
  deriveRecordKey,
  openRecord,
  recordTerm,
  replacedRevision,
  resealRecord,
  sealRecord,
} from './record.ts';

interface RecordVector {
  readonly term_key: string;
  readonly term: number;
  readonly storage_key: string;
  readonly sealed: string;
}

interface KeyringVector {
  readonly root_key: string;
  readonly store_id: string;
  readonly sealed: string;
}

interface Vectors<V, O> {
  readonly opens: readonly (V & O)[];
  readonly fails: readonly (V & { readonly why: string; readonly code: string })[];
}

function load<V, O>(name: string): Vectors<V, O> {
  const path = join(import.meta.dirname, '../../test/vectors', `${name}.json`);
  return JSON.parse(readFileSync(path, 'utf8')) as Vectors<V, O>;
}

const hex = (text: string) => Buffer.from(text, 'hex');

/** Text and numbers with their type and length before them, written a second time. */
function context(...parts: (string | number)[]): Buffer {
  return Buffer.concat(
    parts.map((part) => {
      const head = Buffer.alloc(typeof part === 'number' ? 9 : 5);
      if (typeof part === 'number') {
        head.writeUInt8(2, 0);
        head.writeUInt32BE(Math.floor(part / 2 ** 32), 1);
        head.writeUInt32BE(part % 2 ** 32, 5);
        return head;
      }
      head.writeUInt8(1, 0);
      head.writeUInt32BE(Buffer.from(part).length, 1);
      return Buffer.concat([head, Buffer.from(part)]);
    }),
  );
}

/** AES-256-GCM under a derived key, with the same bytes as info and associated data. */
function openBy(key: Buffer, sealed: Buffer, bound: Buffer): Buffer {
  const derived = createHmac('sha256', key)
    .update(Buffer.concat([bound, Buffer.of(1)]))
    .digest();
  const decipher = createDecipheriv('aes-256-gcm', derived, sealed.subarray(0, 12));
  decipher.setAAD(bound);
  decipher.setAuthTag(sealed.subarray(-16));
  return Buffer.concat([decipher.update(sealed.subarray(12, -16)), decipher.final()]);
}

describe('barrier record 1', () => {
  const { opens, fails } = load<RecordVector, { readonly plaintext: string }>('barrier-record-v1');
  const keyFor = ({ term_key, term, storage_key }: RecordVector) =>
    deriveRecordKey({ id: term, key: createSecretKey(hex(term_key)), installedAt: 0 }, keyOf(storage_key));

  function open(vector: RecordVector): Buffer {
    const sealed = hex(vector.sealed);
    if (recordTerm(sealed) !== vector.term) throw integrityError();
    return openRecord(keyFor(vector), sealed);
  }

  it('opens what it must', () => {
    expect(opens.length).toBeGreaterThanOrEqual(5);
    for (const vector of opens) expect(open(vector).toString('hex')).toBe(vector.plaintext);
  });

  it('seals to the same bytes when the nonce is the same', () => {
    for (const vector of opens) {
      const sealed = hex(vector.sealed);
      const nonce = { bytes: () => sealed.subarray(5, 17) };
      expect(sealRecord(nonce, keyFor(vector), hex(vector.plaintext)).toString('hex')).toBe(vector.sealed);
    }
  });

  it('is what its description says', () => {
    for (const vector of opens) {
      const sealed = hex(vector.sealed);
      expect(sealed.readUInt8(0)).toBe(1);
      expect(sealed.readUInt32BE(1)).toBe(vector.term);
      const bound = context('coffer record', 1, vector.term, vector.storage_key);
      expect(openBy(hex(vector.term_key), sealed.subarray(5), bound).toString('hex')).toBe(vector.plaintext);
    }
  });

  it.each(fails)('threat 25: refuses: $why', (vector) => {
    expect(() => open(vector)).toThrow(expect.objectContaining({ code: vector.code }));
  });

  it('threat 25: opens only byte by byte whole', () => {
    for (const vector of opens) {
      for (let length = 0; length < vector.sealed.length / 2; length++) {
        const cut = { ...vector, sealed: vector.sealed.slice(0, length * 2) };
        expect(() => open(cut)).toThrow(expect.objectContaining({ code: 'integrity' }));
      }
    }
  });
});

describe('barrier record 1, re-sealed', () => {
  type Vector = RecordVector & { readonly replaced: number };
  const { opens, fails } = load<Vector, { readonly plaintext: string }>('barrier-record-resealed-v1');
  const keyFor = ({ term_key, term, storage_key }: Vector) =>
    deriveRecordKey({ id: term, key: createSecretKey(hex(term_key)), installedAt: 0 }, keyOf(storage_key));

  function open(vector: Vector): Buffer {
    const sealed = hex(vector.sealed);
    if (recordTerm(sealed) !== vector.term) throw integrityError();
    return openRecord(keyFor(vector), sealed);
  }

  it('opens what it must, and seals to the same bytes when the nonce is the same', () => {
    expect(opens.length).toBeGreaterThan(1);
    for (const vector of opens) {
      expect(open(vector).toString('hex')).toBe(vector.plaintext);
      const sealed = hex(vector.sealed);
      expect(replacedRevision(sealed)).toBe(vector.replaced);
      const nonce = { bytes: () => sealed.subarray(13, 25) };
      const again = resealRecord(nonce, keyFor(vector), hex(vector.plaintext), vector.replaced as Revision);
      expect(again.toString('hex')).toBe(vector.sealed);
    }
  });

  it.each(fails)('threat 25: refuses: $why', (vector) => {
    expect(() => open(vector)).toThrow(expect.objectContaining({ code: vector.code }));
  });
});

describe('keyring 1', () => {
  interface Opened {
    readonly terms: readonly { readonly id: number; readonly key: string; readonly installed_at: number }[];
    readonly store_key: string;
  }
  const { opens, fails } = load<KeyringVector, Opened>('keyring-v1');
  const open = ({ root_key, store_id, sealed }: KeyringVector) =>
    openKeyring(createSecretKey(hex(root_key)), store_id, hex(sealed));

  it('opens what it must', () => {
    expect(opens.length).toBeGreaterThan(0);
    for (const vector of opens) {
      const { terms, newest, storeKey } = open(vector);
      const list = [...terms.values()].map(({ id, key, installedAt }) => ({
        id,
        key: key.export().toString('hex'),
        installed_at: installedAt,
      }));
      expect(list).toEqual(vector.terms);
      expect(newest.id).toBe(vector.terms.at(-1)?.id);
      expect(storeKey.export().toString('hex')).toBe(vector.store_key);
    }
  });

  it('is what its description says', () => {
    for (const vector of opens) {
      const sealed = hex(vector.sealed);
      const root = hex(vector.root_key);
      const check = createHmac('sha256', root)
        .update(Buffer.concat([context('coffer key check', 1), Buffer.of(1)]))
        .digest();
      expect(sealed.subarray(1, 17).equals(check.subarray(0, 16))).toBe(true);
      const bound = context('coffer keyring', 1, vector.store_id, 'core/keyring');
      const { store_key } = JSON.parse(openBy(root, sealed.subarray(17), bound).toString()) as Opened;
      expect(Buffer.from(store_key, 'base64').toString('hex')).toBe(vector.store_key);
    }
  });

  it.each(fails)('threat 25: refuses: $why', (vector) => {
    expect(() => open(vector)).toThrow(expect.objectContaining({ code: vector.code }));
  });
});
