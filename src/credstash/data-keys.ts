/** Data keys from KMS, and what its refusals mean for an item. Keys are zeroed after use by whoever asked for them. */
import { AwsError } from '../aws/aws-error.ts';
import type { KmsClient } from '../aws/kms.ts';
import { CofferError } from '../errors.ts';
import { contextKeys, type EncryptionContext } from './encryption-context.ts';
import type { DataKey } from './format.ts';

/** What the table needs of KMS; the seam that tests fill with their own. */
export type KeyService = Pick<KmsClient, 'generateDataKey' | 'decrypt' | 'close'> & {
  /** Called where a key will be asked for as soon as an item has come. */
  readonly prepare?: () => void;
};

/** Calls to KMS under way at once: far below its quotas for requests, which are thousands a second. */
const abreast = 32;

/** Shared data keys kept for the items of one call: a table has one an epoch. */
const mostKept = 64;

interface UnwrapWishes {
  readonly shared: boolean;
  readonly toWrite?: boolean;
  readonly what: string;
}

export class DataKeys implements Disposable {
  readonly #service: KeyService;
  readonly #keyId: string;
  readonly #kept = new Map<string, Promise<Buffer>>();
  /** Turns for a call, given back when it is over. */
  readonly #waiting: (() => void)[] = [];
  #underWay = 0;
  #ended = false;

  /** @param keyId as KMS names keys: id, ARN, or `alias/NAME` */
  constructor(service: KeyService, keyId: string) {
    this.#service = service;
    this.#keyId = keyId;
  }

  /** A fresh data key. Rejects as KMS has it. */
  async generate(bytes: number, context: EncryptionContext): Promise<DataKey> {
    const { plaintext, ciphertext } = await this.#service.generateDataKey({
      key: this.#keyId,
      bytes,
      context,
    });
    return { plaintext, wrapped: ciphertext };
  }

  /**
   * The data key of an item, in a buffer of the caller's own.
   *
   * @param shared it serves several items, so that KMS is asked for it once
   * @param toWrite new items are to be sealed under it, so that only our own KMS key may have wrapped it: under a key that somebody
   *   slipped in they would be open to them
   * @param what names the item
   * @throws `wrong_key` where KMS takes neither the wrapped key nor the context; `permission_denied` where it may not be asked
   */
  async unwrap(
    wrapped: Buffer,
    context: EncryptionContext,
    { shared, toWrite = false, what }: UnwrapWishes,
  ): Promise<Buffer> {
    const key = toWrite ? this.#keyId : undefined;
    try {
      if (!shared || toWrite) return await this.#decrypt(wrapped, context, key);
      return Buffer.from(await this.#sharedKey(wrapped, context));
    } catch (error) {
      throw refusal(error, context, what);
    }
  }

  /**
   * Has a shared key unwrapped that items will ask for by `unwrap`. Never throws: what does not unwrap is asked for again by the
   * first item that it belongs to, and told then.
   */
  unwrapAhead(wrapped: Buffer, context: EncryptionContext): void {
    if (!this.#ended) this.#sharedKey(wrapped, context).catch(() => undefined);
  }

  /** A key is about to be asked for. Never throws: what is wrong, asking tells. */
  prepare(): void {
    this.#service.prepare?.();
  }

  [Symbol.dispose](): void {
    this.#ended = true;
    this.#forget();
    this.#service.close();
  }

  #forget(): void {
    for (const key of this.#kept.values()) {
      key.then(
        (bytes) => void bytes.fill(0),
        () => {},
      );
    }
    this.#kept.clear();
  }

  #sharedKey(wrapped: Buffer, context: EncryptionContext): Promise<Buffer> {
    // The wrapped key opens under one context only, so that both together are a name for it.
    const id = JSON.stringify([wrapped.toString('base64'), context]);
    const kept = this.#kept.get(id);
    if (kept !== undefined) return kept;
    if (this.#kept.size >= mostKept) this.#forget();
    const asked = this.#decrypt(wrapped, context);
    this.#kept.set(id, asked);
    asked.catch(() => this.#kept.delete(id));
    return asked;
  }

  async #decrypt(wrapped: Buffer, context: EncryptionContext, key?: string): Promise<Buffer> {
    if (this.#underWay < abreast) this.#underWay++;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return (await this.#service.decrypt({ key, ciphertext: wrapped, context })).plaintext;
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#underWay--;
      else next();
    }
  }
}

/** KMS has one answer for a context that is another and for a key that was changed, and one for no right and another region. */
function refusal(error: unknown, context: EncryptionContext, what: string): unknown {
  if (!(error instanceof AwsError)) return error;
  if (error.reason === 'bad-ciphertext' || error.reason === 'wrong-key') {
    const keys = contextKeys(context).filter((key) => !key.startsWith('coffer:'));
    const given =
      keys.length === 0 ? 'none was given' : `given was ${keys.map((key) => `${key}=…`).join(' ')}`;
    return new CofferError(
      'wrong_key',
      `KMS does not unwrap the data key of ${what}: the encryption context is another (${given}), or the item was changed`,
      { cause: error },
    );
  }
  if (error.reason === 'denied' || error.reason === 'not-found') {
    return new CofferError(
      'permission_denied',
      `KMS does not unwrap the data key of ${what}: ${error.message}. A key of another region or account is answered like ` +
        'this too: kms_region=… in the safe names where the key is',
      { cause: error },
    );
  }
  return new CofferError(error.code, `${what}: ${error.message}`, { cause: error });
}
