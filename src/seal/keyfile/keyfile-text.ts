/**
 * A keyfile's text, format 1. Lines that are empty or begin with `#` are for people; the others come in this order:
 *
 *     coffer keyfile 1
 *     store: <the store's uuid>
 *     data: <the place it was made for>
 *     key: <32 bytes in base64>
 */
import { Secret } from '../../crypto/secret.ts';
import { CofferError } from '../../errors.ts';
import { isUuid } from '../slots.ts';

const formatVersion = 1;
const keyBytes = 32;
/** More than any keyfile has; what is longer is not read. */
export const longestKeyfile = 8_192;

export interface KeyfileNote {
  readonly storeId: string;
  /** The directory or address of the data, as it was when the keyfile was made. For people, and to find a store again. */
  readonly dataPlace: string;
}

export interface Keyfile extends KeyfileNote {
  readonly key: Secret;
}

/** Throws `invalid_request` for an id, place or key that can't be written so that it can be read again. */
export function encodeKeyfile({ storeId, dataPlace, key }: KeyfileNote & { readonly key: Buffer }): Buffer {
  if (!isUuid(storeId)) throw new CofferError('invalid_request', 'a store id is a uuid in lower case');
  if (!isPlace(dataPlace)) {
    throw new CofferError(
      'invalid_request',
      'the place of the data is one line of text, at most 4,096 bytes',
    );
  }
  if (key.length !== keyBytes)
    throw new CofferError('invalid_request', `a keyfile's key has ${keyBytes} bytes`);
  const lines = [
    `coffer keyfile ${formatVersion}`,
    '# Opens the store named below. Whoever has this file and the data has every secret in it.',
    '# Keep a copy where the data is not; without this file (or another slot) the data is lost.',
    `store: ${storeId}`,
    `data: ${dataPlace}`,
    `key: ${key.toString('base64')}`,
  ];
  return Buffer.from(`${lines.join('\n')}\n`);
}

/**
 * Reads a keyfile's text. Throws `store_unusable` for a later format and `invalid_request` for what is no keyfile, naming the line; neither
 * repeats any of the text. Says nothing about how good the key is.
 */
export function parseKeyfile(bytes: Buffer): Keyfile {
  if (bytes.length > longestKeyfile) throw noKeyfile('it is too long');
  const lines = bytes
    .toString()
    .split(/\r?\n/)
    .map((text, index) => ({ text: text.trim(), number: index + 1 }))
    .filter(({ text }) => text !== '' && !text.startsWith('#'));
  const [first, store, data, key, ...rest] = lines;
  checkFirstLine(first?.text ?? '');
  if (rest[0] !== undefined) throw noKeyfile(`line ${rest[0].number} is one too many`);
  const storeId = member(store, 'store');
  if (!isUuid(storeId)) throw noKeyfile('the store is not a uuid');
  const dataPlace = member(data, 'data');
  if (!isPlace(dataPlace)) throw noKeyfile('the place of the data is not one line of text');
  return { storeId, dataPlace, key: parseKey(member(key, 'key')) };
}

function checkFirstLine(line: string): void {
  const version = /^coffer keyfile (\d{1,9})$/.exec(line)?.[1];
  if (version === undefined) throw noKeyfile('it does not begin with "coffer keyfile 1"');
  if (Number(version) > formatVersion) {
    throw new CofferError(
      'store_unusable',
      `the keyfile has format ${version} and was written by a newer Coffer; this one reads format ${formatVersion}`,
    );
  }
  if (Number(version) !== formatVersion) throw noKeyfile('it has an unknown format');
}

function member(line: { text: string; number: number } | undefined, name: string): string {
  if (line === undefined) throw noKeyfile(`the line "${name}:" is missing`);
  if (!line.text.startsWith(`${name}:`)) throw noKeyfile(`line ${line.number} should begin with "${name}:"`);
  return line.text.slice(name.length + 1).trim();
}

function parseKey(text: string): Secret {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length !== keyBytes || bytes.toString('base64') !== text) {
    bytes.fill(0);
    throw noKeyfile(`its key is not ${keyBytes} bytes in base64`);
  }
  return new Secret(bytes);
}

function isPlace(text: string): boolean {
  const plain = !/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(text) && text.isWellFormed();
  return plain && text === text.trim() && text !== '' && Buffer.byteLength(text) <= 4_096;
}

function noKeyfile(reason: string): CofferError {
  return new CofferError('invalid_request', `not a Coffer keyfile: ${reason}`);
}
