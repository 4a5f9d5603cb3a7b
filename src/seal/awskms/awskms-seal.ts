/**
 * The seal whose KEK only KMS can unwrap: 32 random bytes, encrypted by a KMS key under an encryption context that names store and
 * slot. The root key itself never leaves this machine.
 *
 * Body: key (ARN of the KMS key), ciphertext (KMS's own, base64), wrapped, check and sum. The ARN is bound to the wrapped key. `sum`
 * (the beginning of a plain SHA-256 of the others) tells damage before KMS is asked.
 */
import { AwsError, type AwsReason } from '../../aws/aws-error.ts';
import { type KmsClient, kmsClient } from '../../aws/kms.ts';
import { encodeContext } from '../../crypto/context.ts';
import { equalBytes, sha256 } from '../../crypto/digest.ts';
import type { Random } from '../../crypto/random.ts';
import { CofferError } from '../../errors.ts';
import type { JsonObject, JsonValue } from '../../json.ts';
import type { SealElsewhere, SealSurroundings } from '../addressed-seal.ts';
import type { SlotPlace } from '../seal.ts';
import { type Binding, checkMembers, damagedSlot, unwrapRootKey, wrapRootKey } from '../wrapped-root-key.ts';
import { awskmsKind, type KmsAddress, type KmsKeyArn, mayMean, parseKeyArn } from './kms-address.ts';

const kekBytes = 32;
/** Milliseconds for one call, and requests in it: a start waits for the first try, and there are others. */
const deadline = 10_000;
const attempts = 3;

/**
 * Besides the seam's errors: `unavailable` for whatever keeps KMS from doing it, with a message that says what to do. Calls under
 * way end with `close`.
 */
export class AwsKmsSeal implements SealElsewhere {
  readonly kind = awskmsKind;
  readonly automatic = true;
  readonly remote = true;
  readonly address: KmsAddress;
  readonly #kms: KmsClient;
  readonly #random: Random;
  readonly #closing = new AbortController();

  constructor(address: KmsAddress, { env, random, patience }: SealSurroundings) {
    this.address = address;
    this.#random = random;
    const { signal } = this.#closing;
    this.#kms = kmsClient({ ...address.account, env, deadline: patience ?? deadline, attempts, signal });
  }

  async wrap(rootKey: Buffer, place: SlotPlace): Promise<JsonObject> {
    const kek = this.#random.bytes(kekBytes);
    try {
      // Nothing is asked of KMS for a root key that is none.
      wrapRootKey(this.#random, kek, rootKey, bindingOf(place, ''));
      const { key } = this.address;
      const made = await this.#kms
        .encrypt({ key, plaintext: kek, context: encryptionContext(place) })
        .catch((error: unknown) => {
          throw sealError(error);
        });
      return kmsSlotBody(this.#random, kek, rootKey, place, made);
    } finally {
      kek.fill(0);
    }
  }

  async unwrap(body: JsonObject, place: SlotPlace): Promise<Buffer> {
    const kek = await this.unwrapKek(body, place);
    try {
      return openKmsSlot(body, place, kek);
    } finally {
      kek.fill(0);
    }
  }

  /** The slot's KEK, as `openKmsSlot` takes it; the caller's, to use and to zero. Throws as `unwrap` does. */
  async unwrapKek(body: JsonObject, place: SlotPlace): Promise<Buffer> {
    const { key, arn, ciphertext } = readBody(body);
    if (!mayMean(this.address.key, arn)) throw this.#anotherKey(key);
    try {
      const context = encryptionContext(place);
      return (await this.#kms.decrypt({ key: this.address.key, ciphertext, context })).plaintext;
    } catch (error) {
      const reason = error instanceof AwsError ? error.reason : undefined;
      if (reason === 'wrong-key') throw this.#anotherKey(key);
      if (reason === 'bad-ciphertext') throw damagedSlot();
      if (reason === 'not-found') await this.#requireRegion(arn);
      throw sealError(error);
    }
  }

  get keyName(): string {
    return this.address.key;
  }

  async findProblem(): Promise<string | undefined> {
    const { key } = this.address;
    const found = await this.#kms.describeKey(key).catch((error: unknown) => {
      // Being allowed to describe a key is needed for nothing else.
      if (error instanceof AwsError && error.reason === 'denied') return undefined;
      throw sealError(error);
    });
    if (found === undefined) return undefined;
    if (found.state !== 'Enabled') return `the KMS key ${key} is in state ${found.state}`;
    if (found.usage === 'ENCRYPT_DECRYPT' && found.spec === 'SYMMETRIC_DEFAULT') return undefined;
    return `the KMS key ${key} is of another kind (${found.usage}, ${found.spec}): a symmetric one for encryption is needed`;
  }

  close(): void {
    this.#closing.abort();
    this.#kms.close();
  }

  #anotherKey(key: string): CofferError {
    return new CofferError(
      'wrong_key',
      `this slot was made with the KMS key ${key}, and the seal names another one, ${this.address.key}: name that key`,
    );
  }

  /** Throws when KMS was asked in another region than the slot's key is in; a key of several regions may be elsewhere. */
  async #requireRegion({ region, keyId }: KmsKeyArn): Promise<void> {
    const asked = await this.#kms.region();
    if (asked === undefined || asked === region || keyId.startsWith('mrk-')) return;
    throw new CofferError(
      'unavailable',
      `this slot's KMS key is in ${region}, and KMS was asked in ${asked}, where there is no ${this.address.key}: say region=${region}`,
    );
  }
}

/** A slot's body for a KEK that KMS encrypted. KEK and root key stay the caller's, to zero. */
export function kmsSlotBody(
  random: Random,
  kek: Buffer,
  rootKey: Buffer,
  place: SlotPlace,
  { keyArn, ciphertext }: { readonly keyArn: string; readonly ciphertext: Buffer },
): JsonObject {
  const { wrapped, check } = wrapRootKey(random, kek, rootKey, bindingOf(place, keyArn));
  const body = { key: keyArn, ciphertext: ciphertext.toString('base64'), wrapped, check };
  return { ...body, sum: sumOf(body).toString('base64') };
}

/**
 * The root key from a slot's KEK, wherever that came from. Throws `wrong_key` if another KEK wrapped it, `integrity` for a body that
 * is damaged or of another place. The KEK stays the caller's, to zero.
 */
export function openKmsSlot(body: JsonObject, place: SlotPlace, kek: Buffer): Buffer {
  const { key } = readBody(body);
  if (kek.length !== kekBytes) throw damagedSlot();
  return unwrapRootKey(kek, body, bindingOf(place, key));
}

/** What KMS binds to the ciphertext; in CloudTrail, and in conditions of policies as `kms:EncryptionContext:coffer-store`. */
function encryptionContext({ storeId, slotId }: SlotPlace): Readonly<Record<string, string>> {
  return { 'coffer-store': storeId, 'coffer-slot': slotId };
}

function readBody(body: JsonObject): {
  readonly key: string;
  readonly arn: KmsKeyArn;
  readonly ciphertext: Buffer;
} {
  checkMembers(body, ['key', 'ciphertext', 'wrapped', 'check', 'sum']);
  const { key } = body;
  const arn = typeof key === 'string' ? parseKeyArn(key) : undefined;
  const ciphertext = decodeBase64(body['ciphertext']);
  if (typeof key !== 'string' || arn === undefined || ciphertext.length === 0) throw damagedSlot();
  if (!equalBytes(decodeBase64(body['sum']), sumOf(body))) throw damagedSlot();
  return { key, arn, ciphertext };
}

function sumOf({ key, ciphertext, wrapped, check }: JsonObject): Buffer {
  const texts = [key, ciphertext, wrapped, check].map(String);
  return sha256(encodeContext('coffer awskms', [1, ...texts])).subarray(0, 16);
}

function bindingOf(place: SlotPlace, key: string): Binding {
  return { kind: awskmsKind, place, bound: [...Buffer.from(key)] };
}

function decodeBase64(value: JsonValue | undefined): Buffer {
  if (typeof value !== 'string') throw damagedSlot();
  const bytes = Buffer.from(value, 'base64');
  if (bytes.toString('base64') !== value) throw damagedSlot();
  return bytes;
}

const mistaken: ReadonlySet<AwsReason> = new Set<AwsReason>(['invalid', 'no-region']);

/** What AWS denies to the server is no denial of whoever asked the server, and a key that is not there is no missing slot. */
function sealError(error: unknown): unknown {
  if (!(error instanceof AwsError)) return error;
  const code = mistaken.has(error.reason) ? 'invalid_request' : 'unavailable';
  return new CofferError(code, error.message, { cause: error });
}
