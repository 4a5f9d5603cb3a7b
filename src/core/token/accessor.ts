/**
 * Accessors: names of tokens that show them and end them, and open nothing. An accessor is the token's stored id, encrypted under
 * a key of the store, so that it leads back to the token with no index, and tells whoever has none of the keys neither id nor text.
 *
 * An id is a keyed hash, 32 bytes that are uniformly random: two blocks of AES, each permuted by itself (the codebook mode of NIST
 * SP 800-38A §6.1). What speaks against that mode, equal blocks that show, has no occasion: blocks are equal with a chance of 2^-128.
 *
 * Tokens whose text was chosen by their maker have a random accessor and an index entry instead: the same text may name another
 * token later, which must not answer to the old accessor.
 */
import { createCipheriv, createDecipheriv, type KeyObject } from 'node:crypto';
import type { PlainWrite } from '../../barrier/store.ts';
import { type Random, randomBase62 } from '../../crypto/random.ts';
import { accessorKey, type TokenId, type TokenRecord } from './record.ts';

const idBytes = 32;
/** 36^50 is more than 2^256. */
const derivedCharacters = 50;
const randomCharacters = 24;
const cipher = 'aes-256-ecb';

/** The accessor of a token with a random text. */
export function accessorOf(key: KeyObject, id: TokenId): string {
  const encrypt = createCipheriv(cipher, key, null).setAutoPadding(false);
  const bytes = encrypt.update(Buffer.from(id, 'base64url'));
  return BigInt(`0x${bytes.toString('hex')}`)
    .toString(36)
    .padStart(derivedCharacters, '0');
}

/** Which token an accessor is of, if there is that token; undefined for what `accessorOf` never gives. */
export function idOfAccessor(key: KeyObject, accessor: string): TokenId | undefined {
  if (!isDerived(accessor)) return undefined;
  const digits = [...accessor].reduce((sum, digit) => sum * 36n + BigInt(Number.parseInt(digit, 36)), 0n);
  const hex = digits.toString(16).padStart(2 * idBytes, '0');
  if (hex.length > 2 * idBytes) return undefined;
  const decrypt = createDecipheriv(cipher, key, null).setAutoPadding(false);
  return decrypt.update(Buffer.from(hex, 'hex')).toString('base64url') as TokenId;
}

/** An accessor that needs an index entry. */
export function randomAccessor(random: Random): string {
  return randomBase62(random, randomCharacters);
}

/** Whether an accessor leads to its token by itself. */
export function isDerived(accessor: string): boolean {
  return accessor.length === derivedCharacters && /^[0-9a-z]+$/.test(accessor);
}

/** The deletion of a token's index entry, if it has one. */
export function withoutAccessor({ accessor }: TokenRecord): readonly PlainWrite[] {
  return isDerived(accessor) ? [] : [{ key: accessorKey(accessor), value: null }];
}
