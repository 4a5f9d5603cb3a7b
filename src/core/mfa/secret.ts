/**
 * What an entity makes its codes with, and what was accepted and refused of them. A code's step is used up in the commit that
 * makes the token; wrong codes are counted across all logins, nodes and methods of logging in.
 */
import type { BarrierStore, PlainWrite } from '../../barrier/store.ts';
import { type Algorithm, type CodeSettings, stepsOf } from '../../crypto/one-time-code.ts';
import { CofferError } from '../../errors.ts';
import { type Expectation, parseStorageKey, type Revision, type StorageKey } from '../../storage/storage.ts';
import { decodeStored, encodeStored } from '../stored-json.ts';

/** Has its own settings: those of its method may change, and the app that makes the codes does not notice. */
export interface MfaSecret extends CodeSettings {
  readonly key: Buffer;
  readonly algorithm: Algorithm;
  readonly skew: number;
  /** The latest step whose code was accepted; -1 for none. It and all before it are used up. */
  readonly lastStep: number;
  /** Wrong codes since the last right one. */
  readonly wrong: number;
  /** Milliseconds: until then no code is looked at. */
  readonly lockedUntil: number;
}

export interface StoredSecret {
  readonly secret: MfaSecret;
  readonly key: StorageKey;
  readonly revision: Revision;
}

export const unused = { lastStep: -1, wrong: 0, lockedUntil: 0 } as const;

export function secretKey(entity: string, method: string): StorageKey {
  return parseStorageKey(`core/mfa/secret/${entity}/${method}`);
}

export function encodeSecret({ key, ...rest }: MfaSecret): Buffer {
  return encodeStored({ ...rest, key: key.toString('base64') });
}

/** In the order of the methods; undefined where the entity has none. */
export async function readSecrets(
  store: BarrierStore,
  entity: string,
  methods: readonly string[],
): Promise<readonly (StoredSecret | undefined)[]> {
  const keys = methods.map((method) => secretKey(entity, method));
  const sealed = await store.readMany(keys);
  return sealed.map((record, at) => {
    const key = keys[at];
    if (record === undefined || key === undefined) return undefined;
    const stored = decodeStored<Omit<MfaSecret, 'key'> & { readonly key: string }>(record.open());
    return { secret: { ...stored, key: Buffer.from(stored.key, 'base64') }, key, revision: record.revision };
  });
}

/** A write that follows from a code, and the expectation that nobody used one meanwhile. */
export interface SecretChange {
  readonly write: PlainWrite;
  readonly expectation: Expectation;
}

export type CodeVerdict =
  | { readonly kind: 'right'; readonly change: SecretChange }
  | { readonly kind: 'wrong'; readonly change: SecretChange }
  /** Not looked at. Seconds until it would be. */
  | { readonly kind: 'locked'; readonly wait: number };

/** Seconds for which codes are not looked at after the first too many wrong ones; twice as long each further time. */
const firstLock = 30;
const longestLock = 3_600;

/** @param maxAttempts wrong codes in a row before a lock @param now milliseconds */
export function judgeCode(stored: StoredSecret, code: string, maxAttempts: number, now: number): CodeVerdict {
  const { secret, key, revision } = stored;
  if (secret.lockedUntil > now)
    return { kind: 'locked', wait: Math.ceil((secret.lockedUntil - now) / 1_000) };
  const changed = (after: MfaSecret): SecretChange => ({
    write: { key, value: encodeSecret(after) },
    expectation: { key, revision },
  });
  const step = isCode(code)
    ? stepsOf(code, secret.key, now, secret, secret.skew).find((one) => one > secret.lastStep)
    : undefined;
  if (step !== undefined) {
    return { kind: 'right', change: changed({ ...secret, ...unused, lastStep: step }) };
  }
  const wrong = secret.wrong + 1;
  const rounds = Math.floor(wrong / maxAttempts);
  const lock =
    wrong % maxAttempts === 0 ? Math.min(longestLock, firstLock * 2 ** Math.min(rounds - 1, 20)) : 0;
  const lockedUntil = lock === 0 ? secret.lockedUntil : now + lock * 1_000;
  return { kind: 'wrong', change: changed({ ...secret, wrong, lockedUntil }) };
}

/** With the ten digits of ASCII only, and nothing around them: what looks like a code is none. */
export function isCode(text: string): boolean {
  return /^(\d{6}|\d{8})$/.test(text);
}

export function lockedError(wait: number): CofferError {
  return new CofferError('rate_limited', `too many wrong codes: try again in ${wait} seconds`);
}
