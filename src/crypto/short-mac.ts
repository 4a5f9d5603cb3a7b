/**
 * HMAC-SHA-256 (RFC 2104) of many short messages under one key, as every request takes several: its token's id, what stands for secrets in the
 * audit log, keys of records. The platform's HMAC is an object of its own for each message, which costs as much again when it is collected; its
 * one-shot digest (Node 20.12) leaves nothing behind, so that HMAC's two digests cost half of it.
 */
import crypto, { createHmac, type KeyObject } from 'node:crypto';

/** Of SHA-256, in bytes. */
const block = 64;
const digestLength = 32;
/** Bytes of a message that goes the short way. */
const room = 1_024;
/** No letter takes more than three bytes of UTF-8. */
const mostLetters = Math.floor(room / 3);

const oneShot = typeof crypto.hash === 'function';

export class ShortMac {
  readonly #key: KeyObject;
  /** The key with ipad, and room for a message. */
  readonly #inner: Buffer | undefined;
  /** The key with opad, and room for the inner digest. */
  readonly #outer = Buffer.alloc(block + digestLength, 0x5c);

  constructor(key: KeyObject) {
    this.#key = key;
    // A longer one is digested first (RFC 2104 §3), which no key here is.
    if (!oneShot || (key.symmetricKeySize ?? block + 1) > block) return;
    this.#inner = Buffer.alloc(block + room, 0x36);
    const bytes = key.export();
    for (const [at, byte] of bytes.entries()) {
      this.#inner[at] = byte ^ 0x36;
      this.#outer[at] = byte ^ 0x5c;
    }
    bytes.fill(0);
  }

  /** The 32 bytes, spelled. Text counts as UTF-8, and lone surrogates as U+FFFD. */
  ofText(text: string, spelling: 'hex' | 'base64url'): string {
    const inner = this.#inner;
    if (inner === undefined || text.length > mostLetters) {
      return createHmac('sha256', this.#key).update(text).digest(spelling);
    }
    const end = block + inner.write(text, block);
    this.#digestInner(inner, end);
    // It may be a secret, and the next text may be long in coming.
    inner.fill(0, block, end);
    return crypto.hash('sha256', this.#outer, spelling);
  }

  /** The 32 bytes. `message` and `last` are what counts, one behind the other; they are no secrets. */
  ofBytes(message: Buffer, last: Buffer): Buffer {
    const inner = this.#inner;
    const middle = block + message.length;
    const end = middle + last.length;
    if (inner === undefined || end > inner.length) {
      return createHmac('sha256', this.#key).update(message).update(last).digest();
    }
    message.copy(inner, block);
    last.copy(inner, middle);
    this.#digestInner(inner, end);
    return crypto.hash('sha256', this.#outer, 'buffer');
  }

  #digestInner(inner: Buffer, end: number): void {
    this.#outer.write(crypto.hash('sha256', inner.subarray(0, end), 'binary'), block, 'latin1');
  }
}
