/**
 * A request to enrol somebody, as it waits in a table until a server takes it over. Version 1 of the format, one item:
 *
 *     issuer, account_name   the table's key, texts
 *     id                     a uuid, text
 *     request                JSON of all that is asked for, text
 *     secret                 what KMS made, under the encryption context `issuer` and `account`, of
 *                            byte 1, SHA-256 of `request` as UTF-8, and the device's key of 20 bytes
 *
 * Its codes are SHA-1, six digits, thirty seconds (what every app makes). Whoever can write the table but not ask the key can change
 * nothing: the digest binds the text to the secret, and the context binds both to the account. Items come from anywhere.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { AttributeMap } from '../aws/dynamo.ts';
import type { EncryptionContext, KmsClient } from '../aws/kms.ts';
import type { CodeSettings } from '../crypto/one-time-code.ts';
import { CofferError } from '../errors.ts';
import { isJsonObject, type JsonValue } from '../json.ts';

export interface EnrolmentRequest {
  readonly id: string;
  readonly issuer: string;
  readonly account: string;
  readonly roles: readonly string[];
  /** Accounts of the same issuer of whom one has to show a code too; empty for nobody. */
  readonly authorizers: readonly string[];
  /** Milliseconds, by the clock of who asks. */
  readonly createdAt: number;
}

/** As it was read: nothing in it is proven before `openRequest`. */
export interface WaitingRequest {
  readonly request: EnrolmentRequest;
  /** The text that the secret's digest is of. */
  readonly text: string;
  readonly ciphertext: Buffer;
}

export const requestCodes: CodeSettings = { algorithm: 'SHA1', digits: 6, period: 30 };
/** Bytes: RFC 4226 §4 (R6) recommends 160 bits. */
export const requestKeyBytes = 20;

const version = 1;
/** Characters of `request`: four lists as long as an account's would not fit, and no account has such. */
const longestText = 65_536;
/** Bytes: the most that KMS answers for what it wraps. */
const longestCiphertext = 6_144;
const mostNames = 200;
const longestName = 576;
const digestBytes = 32;

export function contextOf({
  issuer,
  account,
}: Pick<EnrolmentRequest, 'issuer' | 'account'>): EncryptionContext {
  return { issuer, account };
}

/** The text of a request. Throws `payload_too_large` where no server would read it. */
export function requestText({
  id,
  issuer,
  account,
  roles,
  authorizers,
  createdAt,
}: EnrolmentRequest): string {
  const created = new Date(createdAt).toISOString();
  const text = JSON.stringify({ version, id, issuer, account, roles, authorizers, created });
  if (text.length <= longestText) return text;
  throw new CofferError('payload_too_large', `a request has at most ${longestText} characters: fewer roles`);
}

/** What KMS wraps. The caller zeroes it. */
export function requestSecret(text: string, key: Buffer): Buffer {
  return Buffer.concat([Buffer.of(version), digestOf(text), key]);
}

export function itemOf({ request, text, ciphertext }: WaitingRequest): AttributeMap {
  return {
    issuer: { S: request.issuer },
    account_name: { S: request.account },
    id: { S: request.id },
    request: { S: text },
    secret: { B: ciphertext },
  };
}

/** Undefined for an item that is no request, or says one thing by its key and another by its text. */
export function parseItem(item: AttributeMap): WaitingRequest | undefined {
  const text = item['request']?.S;
  const ciphertext = item['secret']?.B;
  if (text === undefined || text.length > longestText || ciphertext === undefined) return undefined;
  if (ciphertext.length === 0 || ciphertext.length > longestCiphertext) return undefined;
  const request = parseRequest(text);
  const isIts =
    request !== undefined &&
    item['issuer']?.S === request.issuer &&
    item['account_name']?.S === request.account &&
    item['id']?.S === request.id;
  return isIts ? { request, text, ciphertext: Buffer.from(ciphertext) } : undefined;
}

function parseRequest(text: string): EnrolmentRequest | undefined {
  const sent = parseJson(text);
  if (!isJsonObject(sent) || sent['version'] !== version) return undefined;
  const { id, issuer, account, created } = sent;
  const roles = textsOf(sent['roles']);
  const authorizers = textsOf(sent['authorizers']);
  if (typeof issuer !== 'string' || typeof account !== 'string' || typeof created !== 'string')
    return undefined;
  if (typeof id !== 'string' || !/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)) return undefined;
  const createdAt = Date.parse(created);
  if (roles === undefined || authorizers === undefined || Number.isNaN(createdAt)) return undefined;
  return { id, issuer, account, roles, authorizers, createdAt };
}

function parseJson(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return undefined;
  }
}

function textsOf(value: JsonValue | undefined): readonly string[] | undefined {
  if (!Array.isArray(value) || value.length > mostNames) return undefined;
  const texts = value.filter((each) => typeof each === 'string' && each.length <= longestName);
  return texts.length === value.length ? (texts as readonly string[]) : undefined;
}

/**
 * The device's key of a request, the caller's to zero. Throws `integrity` for one that was changed or is of another account, what
 * KMS answers (`AwsError`) else.
 */
export async function openRequest(
  kms: Pick<KmsClient, 'decrypt'>,
  key: string,
  { request, text, ciphertext }: WaitingRequest,
): Promise<Buffer> {
  const { plaintext } = await kms.decrypt({ key, ciphertext, context: contextOf(request) });
  try {
    const isWhole =
      plaintext.length === 1 + digestBytes + requestKeyBytes &&
      plaintext[0] === version &&
      timingSafeEqual(plaintext.subarray(1, 1 + digestBytes), digestOf(text));
    if (!isWhole) throw new CofferError('integrity', 'the request was changed since it was made');
    return Buffer.from(plaintext.subarray(1 + digestBytes));
  } finally {
    plaintext.fill(0);
  }
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text, 'utf8').digest();
}
