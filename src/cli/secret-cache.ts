/**
 * A last-good copy of secrets for when the server is away.
 *
 * The file is AES-256-GCM (NIST SP 800-38D) under a key derived (HKDF-SHA-256, RFC 5869) from a key file of this user's and from
 * what the copy is for: safe, names, and the token itself. Another token, another server or another list of names therefore opens
 * nothing, and the token cannot be found from the file. The copy protects against who gets the file without the key file
 * (a backup, a volume, an image); not against who can read both, nor against this user's other programs.
 *
 * Format 1: the bytes `CFRC` 01, salt (16), nonce (12), ciphertext, tag (16). The first 21 bytes are associated data.
 */
import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto';
import { readFileSync, unlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import { CofferError } from '../errors.ts';
import { isJsonObject } from '../json.ts';
import type { NamedSecret } from './format/format.ts';
import { createPrivateFile, makePrivateDirectory, systemReason, writePrivateFile } from './private-file.ts';
import { isReadableByOthers } from './token-file.ts';

const magic = Buffer.from('CFRC\u0001', 'latin1');
const saltLength = 16;
const nonceLength = 12;
const tagLength = 16;
const headLength = magic.length + saltLength;

export interface CachePlace {
  readonly file: string;
  readonly keyFile: string;
  /** What the copy is for, without ambiguity. */
  readonly subject: string;
  readonly token: string | undefined;
}

export interface Copy {
  /** Milliseconds since 1970, when the server gave it. */
  readonly time: number;
  readonly secrets: readonly NamedSecret[];
}

/** Replaces the copy; the key file is made when there is none. Throws `usage` where files cannot be written. */
export function writeCopy(
  place: CachePlace,
  copy: Copy,
  random: (length: number) => Buffer = randomBytes,
): void {
  const salt = random(saltLength);
  const nonce = random(nonceLength);
  const head = Buffer.concat([magic, salt]);
  const cipher = createCipheriv('aes-256-gcm', keyOf(place, keyBytes(place.keyFile, random), salt), nonce);
  cipher.setAAD(head);
  const sealed = [cipher.update(JSON.stringify(copy), 'utf8'), cipher.final()];
  writePrivateFile(place.file, Buffer.concat([head, nonce, ...sealed, cipher.getAuthTag()]));
}

/** The copy, or undefined when there is no file. Throws `usage` for a file that cannot be read, `wrong_key` for one that does not open. */
export function readCopy(place: CachePlace): Copy | undefined {
  const bytes = readOptional(place.file);
  if (bytes === undefined) return undefined;
  if (isReadableByOthers(place.file)) throw tooOpen(place.file);
  const key = readOptional(place.keyFile);
  if (key === undefined) throw unopened(place.file);
  if (isReadableByOthers(place.keyFile)) throw tooOpen(place.keyFile);
  if (bytes.length < headLength + nonceLength + tagLength || !bytes.subarray(0, magic.length).equals(magic)) {
    throw unopened(place.file);
  }
  const head = bytes.subarray(0, headLength);
  const nonce = bytes.subarray(headLength, headLength + nonceLength);
  try {
    const derived = keyOf(place, parseKey(key, place.keyFile), head.subarray(magic.length));
    const opener = createDecipheriv('aes-256-gcm', derived, nonce, { authTagLength: tagLength });
    opener.setAAD(head);
    opener.setAuthTag(bytes.subarray(-tagLength));
    const opened = [opener.update(bytes.subarray(headLength + nonceLength, -tagLength)), opener.final()];
    return parseCopy(Buffer.concat(opened).toString('utf8'));
  } catch {
    // No cause: what failed may hold a piece of the plaintext.
    throw unopened(place.file);
  }
}

/** Takes the copy away, if there is one. */
export function removeCopy(place: CachePlace): void {
  try {
    unlinkSync(place.file);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT')
      throw new CofferError('usage', `cannot remove ${place.file}: ${systemReason(error)}`, { cause: error });
  }
}

function keyOf({ subject, token }: CachePlace, key: Buffer, salt: Buffer): Buffer {
  // HKDF's info is short (Node takes 1024 bytes), so it is the digest of what may be long.
  const bound = createHash('sha256')
    .update(JSON.stringify(['coffer exec cache 1', subject, token ?? null]))
    .digest();
  return Buffer.from(hkdfSync('sha256', key, salt, bound, 32));
}

function keyBytes(path: string, random: (length: number) => Buffer): Buffer {
  const kept = readOptional(path);
  if (kept !== undefined) {
    if (isReadableByOthers(path)) throw tooOpen(path);
    return parseKey(kept, path);
  }
  makePrivateDirectory(dirname(path));
  try {
    const key = random(32);
    createPrivateFile(path, `${key.toString('base64')}\n`);
    return key;
  } catch (error) {
    // Somebody else was first: theirs counts.
    if (codeOf(error) === 'EEXIST') return parseKey(readFileSync(path), path);
    throw new CofferError('usage', `cannot write ${path}: ${systemReason(error)}`, { cause: error });
  }
}

function parseKey(bytes: Buffer, path: string): Buffer {
  const key = Buffer.from(bytes.toString('latin1').trim(), 'base64');
  if (key.length !== 32)
    throw new CofferError('usage', `${path} does not hold a key; remove it to have a new one made`);
  return key;
}

function parseCopy(text: string): Copy {
  const value: unknown = JSON.parse(text);
  const secrets = isJsonObject(value) ? value['secrets'] : undefined;
  const time = isJsonObject(value) ? value['time'] : undefined;
  if (typeof time !== 'number' || !Array.isArray(secrets)) throw new Error('not a copy');
  return {
    time,
    secrets: secrets.map((secret) => {
      if (!isJsonObject(secret) || typeof secret['name'] !== 'string' || !isJsonObject(secret['data'])) {
        throw new Error('not a secret');
      }
      return { name: secret['name'], data: secret['data'] };
    }),
  };
}

function readOptional(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw new CofferError('usage', `cannot read ${path}: ${systemReason(error)}`, { cause: error });
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

function tooOpen(path: string): CofferError {
  return new CofferError('usage', `others can read ${path}; run: chmod 600 ${path}`);
}

function unopened(path: string): CofferError {
  return new CofferError(
    'wrong_key',
    `the copy in ${path} does not open: it is of other names, another server or another token, or was changed`,
  );
}
