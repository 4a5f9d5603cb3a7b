import { inspect } from 'node:util';
import { CofferError } from '../errors.ts';

const redacted = '[redacted]';

/**
 * Bytes that must not be seen: printed, serialised, concatenated or inspected it says `[redacted]`.
 *
 * Disposing fills the bytes with zeros. That is a courtesy and no promise: the runtime may have copied them before (a string made
 * of them, a moved buffer, a page swapped out), and nobody can call those back.
 *
 *     using key = new Secret(random.bytes(32));
 *     createSecretKey(key.reveal());
 */
export class Secret implements Disposable {
  readonly #bytes: Buffer;
  #disposed = false;

  /** Takes the buffer over: the caller no longer uses it, and disposing zeroes it. */
  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** The bytes themselves, not a copy; they turn to zeros when this is disposed. Throws `internal` after that. */
  reveal(): Buffer {
    if (this.#disposed) throw new CofferError('internal', 'a secret was used after it was disposed of');
    return this.#bytes;
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    this.#bytes.fill(0);
  }

  toString(): string {
    return redacted;
  }

  toJSON(): string {
    return redacted;
  }

  [inspect.custom](): string {
    return redacted;
  }
}
