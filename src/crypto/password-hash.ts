/**
 * Passwords at rest: scrypt (RFC 7914), written as a PHC string, `$scrypt$ln=15,r=8,p=3$<salt>$<hash>`, both in base64 without
 * padding, so that each hash says what it cost. Deriving runs on the thread pool, never on the event loop.
 */
import { scrypt, timingSafeEqual } from 'node:crypto';
import { CofferError } from '../errors.ts';
import type { Random } from './random.ts';

/** N = 2^`ln`. Memory is 128 · r · N bytes; work grows with r · p · N. */
export interface ScryptCost {
  readonly ln: number;
  readonly r: number;
  readonly p: number;
}

/** 32 MiB and three passes: one of the equivalent settings of OWASP's Password Storage Cheat Sheet. */
export const passwordCost: ScryptCost = { ln: 15, r: 8, p: 3 };

export interface PasswordHash {
  readonly cost: ScryptCost;
  readonly salt: Buffer;
  readonly hash: Buffer;
}

/** Derives a hash of `password` and compares nothing. What callers may replace, to put attempts into a queue or to count them. */
export type DerivePassword = (password: string, salt: Buffer, cost: ScryptCost) => Promise<Buffer>;

const saltLength = 16;
const hashLength = 32;
/** Most memory one derivation may take, in bytes: that of ln = 17, r = 8. */
const mostMemory = 128 * 8 * 2 ** 17;

export const derivePassword: DerivePassword = (password, salt, cost) =>
  new Promise((resolve, reject) => {
    const options = { N: 2 ** cost.ln, r: cost.r, p: cost.p, maxmem: 2 * mostMemory };
    scrypt(Buffer.from(password, 'utf8'), salt, hashLength, options, (error, hash) => {
      if (error === null) resolve(hash);
      else reject(new CofferError('internal', 'scrypt failed', { cause: error }));
    });
  });

export async function hashPassword(
  password: string,
  random: Random,
  cost: ScryptCost,
  derive: DerivePassword,
): Promise<PasswordHash> {
  const salt = random.bytes(saltLength);
  return { cost, salt, hash: await derive(password, salt, cost) };
}

/** Whether the password is the hashed one, compared in constant time. */
export async function isPassword(
  password: string,
  stored: PasswordHash,
  derive: DerivePassword,
): Promise<boolean> {
  const hash = await derive(password, stored.salt, stored.cost);
  return hash.length === stored.hash.length && timingSafeEqual(hash, stored.hash);
}

/** Opens for nobody: deriving against it costs what a real hash of this cost does. */
export function dummyHash(random: Random, cost: ScryptCost): PasswordHash {
  return { cost, salt: random.bytes(saltLength), hash: random.bytes(hashLength) };
}

/** Whether guessing at this hash is cheaper than at one made with `cost`. */
export function isWeaker({ cost: { ln, r, p } }: PasswordHash, cost: ScryptCost): boolean {
  return ln < cost.ln || 2 ** ln * r * p < 2 ** cost.ln * cost.r * cost.p;
}

export function encodePasswordHash({ cost: { ln, r, p }, salt, hash }: PasswordHash): string {
  return `$scrypt$ln=${ln},r=${r},p=${p}$${base64(salt)}$${base64(hash)}`;
}

function base64(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '');
}

/** Undefined for anything else than a scrypt hash whose cost lies within bounds: nobody's hash makes the server work for long. */
export function parsePasswordHash(text: string): PasswordHash | undefined {
  const match =
    /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{22,86})\$([A-Za-z0-9+/]{43})$/.exec(
      text,
    );
  if (match === null) return undefined;
  const [ln = 0, r = 0, p = 0] = match.slice(1, 4).map(Number);
  const bounded =
    ln >= 10 && r >= 1 && p >= 1 && 128 * r * 2 ** ln <= mostMemory && 2 ** ln * r * p <= 2 ** 20;
  if (!bounded) return undefined;
  const [salt, hash] = match.slice(4).map((part) => Buffer.from(part, 'base64'));
  if (salt === undefined || hash === undefined) return undefined;
  return { cost: { ln, r, p }, salt, hash };
}
