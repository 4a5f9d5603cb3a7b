import { createSecretKey } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { encodeContext } from '../crypto/context.ts';
import { systemRandom } from '../crypto/random.ts';
import { wrapBytes } from '../crypto/wrapping.ts';
import type { CofferError } from '../errors.ts';
import { otherStoreId, storeId } from './barrier.fixture.ts';
import {
  continues,
  generateKeyring,
  type Keyring,
  openKeyring,
  sealKeyring,
  withNewTerm,
} from './keyring.ts';

const root = createSecretKey(systemRandom.bytes(32));
const stranger = createSecretKey(systemRandom.bytes(32));
const keyring = withNewTerm(generateKeyring(systemRandom, 1_000), systemRandom, 2_000);
const sealed = sealKeyring(systemRandom, root, storeId, keyring);

function refusal(bytes: Buffer, key = root, store = storeId): string {
  try {
    openKeyring(key, store, bytes);
  } catch (error) {
    return (error as CofferError).code;
  }
  return 'opened';
}

function exported({ terms, newest, storeKey }: Keyring): unknown {
  const list = [...terms.values()].map((term) => ({ ...term, key: term.key.export().toString('hex') }));
  return { list, newest: newest.id, storeKey: storeKey.export().toString('hex') };
}

describe('a keyring', () => {
  it('opens to what was sealed', () => {
    const opened = openKeyring(root, storeId, sealed);
    expect(exported(opened)).toEqual(exported(keyring));
    expect(opened.newest.installedAt).toBe(2_000);
    expect([...opened.terms.keys()]).toEqual([1, 2]);
  });

  it('shows no key and no name in storage', () => {
    for (const term of keyring.terms.values()) {
      expect(sealed.includes(term.key.export())).toBe(false);
      expect(sealed.includes(term.key.export().toString('base64'))).toBe(false);
    }
    expect(sealed.includes('store_key')).toBe(false);
  });

  it('tells a wrong root key as such', () => {
    expect(refusal(sealed, stranger)).toBe('wrong_key');
  });

  it('threat 25: any flipped byte is told as damage, though the root key is right', () => {
    for (let index = 0; index < sealed.length; index++) {
      const flipped = Buffer.from(sealed);
      flipped.writeUInt8(flipped.readUInt8(index) ^ 1, index);
      expect(refusal(flipped)).toBe('integrity');
    }
  });

  it('threat 25: cut at any length it is refused', () => {
    for (let length = 0; length < sealed.length; length++) {
      expect(refusal(sealed.subarray(0, length))).toBe('integrity');
    }
  });

  it('threat 25: another store’s keyring does not open, even under the same root key', () => {
    expect(refusal(sealed, root, otherStoreId)).toBe('integrity');
  });

  it('of a newer Coffer says so, before any key is tried', () => {
    const newer = Buffer.concat([Buffer.of(9), systemRandom.bytes(100)]);
    expect(refusal(newer)).toBe('store_unusable');
    expect(() => openKeyring(stranger, storeId, newer)).toThrow(/format 9 .* newer Coffer/);
  });

  it('refuses contents that no keyring has, although they are properly sealed', () => {
    const context = encodeContext('coffer keyring', [1, storeId, 'core/keyring']);
    const key = Buffer.alloc(32, 1).toString('base64');
    const contents = [
      'no JSON',
      '[]',
      '{}',
      JSON.stringify({ terms: [], store_key: key }),
      JSON.stringify({ terms: [{ id: 1, key, installed_at: 0 }] }),
      JSON.stringify({ terms: [{ id: 0, key, installed_at: 0 }], store_key: key }),
      JSON.stringify({ terms: [{ id: 2 ** 32, key, installed_at: 0 }], store_key: key }),
      JSON.stringify({ terms: [{ id: 1, key: 'AAAA', installed_at: 0 }], store_key: key }),
      JSON.stringify({ terms: [2, 1].map((id) => ({ id, key, installed_at: 0 })), store_key: key }),
      JSON.stringify({ terms: [1, 1].map((id) => ({ id, key, installed_at: 0 })), store_key: key }),
    ];
    const seal = (text: string) => {
      const { wrapped, check } = wrapBytes(systemRandom, root, Buffer.from(text), context);
      return Buffer.concat([Buffer.of(1), check, wrapped]);
    };
    for (const text of contents) expect(refusal(seal(text))).toBe('integrity');
    const good = JSON.stringify({ terms: [{ id: 1, key, installed_at: 0 }], store_key: key });
    expect(refusal(seal(good))).toBe('opened');
  });
});

describe('continues', () => {
  it('holds for a keyring that only grew', () => {
    const grown = withNewTerm(keyring, systemRandom, 3_000);
    expect(continues(keyring, keyring)).toBe(true);
    expect(continues(grown, keyring)).toBe(true);
    expect(continues(keyring, grown)).toBe(false);
    expect(continues(generateKeyring(systemRandom, 0), generateKeyring(systemRandom, 0))).toBe(false);
    expect(continues({ ...grown, storeKey: stranger }, keyring)).toBe(false);
  });
});
