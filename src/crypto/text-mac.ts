/**
 * HMAC-SHA-256 (RFC 2104) of many short texts under one key, as every request takes several: its token's id, and what stands for secrets in the audit
 * log. The platform's HMAC is an object of its own for each text, which costs as much again when it is collected; its one-shot digest
 * (Node 20.12) leaves nothing behind, so that HMAC's two digests cost half of it.
 */
import crypto, { createHmac, type KeyObject } from 'node:crypto';

/** Of SHA-256, in bytes. */
const block = 64;
const digestLength = 32;
/** Letters of a text that goes the short way: no letter takes more than three bytes of UTF-8. */
const mostLetters = 341;

const oneShot = typeof crypto.hash === 'function';

export class TextMac {
  readonly #key: KeyObject;
  /** The key with ipad, and room for a text. */
  readonly #inner: Buffer | undefined;
  /** The key with opad, and room for the inner digest. */
  readonly #outer = Buffer.alloc(block + digestLength, 0x5c);

  constructor(key: KeyObject) {
    this.#key = key;
    const size = key.symmetricKeySize ?? block + 1;
    // A longer one is digested first (RFC 2104 §3), which no key here is.
    if (!oneShot || size > block) return;
    this.#inner = Buffer.alloc(block + 3 * mostLetters, 0x36);
    const bytes = key.export();
    for (const [at, byte] of bytes.entries()) {
      this.#inner[at] = byte ^ 0x36;
      this.#outer[at] = byte ^ 0x5c;
    }
    bytes.fill(0);
  }

  /** The 32 bytes, spelled. Text counts as UTF-8, and lone surrogates as U+FFFD. */
  of(text: string, spelling: 'hex' | 'base64url'): string {
    const inner = this.#inner;
    if (inner === undefined || text.length > mostLetters) {
      return createHmac('sha256', this.#key).update(text).digest(spelling);
    }
    const end = block + inner.write(text, block);
    this.#outer.write(crypto.hash('sha256', inner.subarray(0, end), 'binary'), block, 'latin1');
    // It may be a secret, and the next text may be long in coming.
    inner.fill(0, block, end);
    return crypto.hash('sha256', this.#outer, spelling);
  }
}
