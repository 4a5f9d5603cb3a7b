/**
 * What rekeying and making a root token have in common: an operation that lives on one node for a while, is known by a nonce, and is
 * carried on by people who hand in keys. Only whoever has the nonce can carry it on.
 */
import type { Barrier } from '../barrier/barrier.ts';
import type { Clock } from '../clock.ts';
import { equalBytes } from '../crypto/digest.ts';
import { CofferError } from '../errors.ts';
import type { CoreCall } from './core-call.ts';
import type { EndpointOperation, Fields } from './endpoint.ts';

/** How long an operation waits for its keys, in milliseconds. */
const lifetime = 3_600_000;

export interface Ceremony {
  readonly nonce: string;
}

/** Holds at most one operation, for as long as it may live. `forget` is called with one that has ended. */
export class CeremonyPlace<C extends Ceremony> {
  readonly #clock: Clock;
  readonly #forget: (ceremony: C) => void;
  #held: { readonly ceremony: C; readonly until: number } | undefined;

  constructor(clock: Clock, forget: (ceremony: C) => void) {
    this.#clock = clock;
    this.#forget = forget;
  }

  get current(): C | undefined {
    if (this.#held !== undefined && this.#held.until <= this.#clock.now()) this.end();
    return this.#held?.ceremony;
  }

  /** Also for going on with a changed one; its time does not begin anew then. */
  hold(ceremony: C): void {
    this.#held = { ceremony, until: this.#held?.until ?? this.#clock.now() + lifetime };
  }

  end(): void {
    const held = this.#held;
    this.#held = undefined;
    if (held !== undefined) this.#forget(held.ceremony);
  }
}

/** Whether this is the operation's nonce, told in constant time. */
export function isNonce(given: string | undefined, nonce: string): boolean {
  return given !== undefined && given !== '' && equalBytes(Buffer.from(given), Buffer.from(nonce));
}

/** Throws `invalid_request`. The right nonce is told to nobody who does not have it. */
export function requireNonce(given: string | undefined, nonce: string): void {
  if (given === undefined || given === '') throw new CofferError('invalid_request', 'missing nonce');
  if (!isNonce(given, nonce)) throw new CofferError('invalid_request', 'incorrect nonce supplied');
}

/** Whether an operation of these may be begun, watched and cancelled by whoever calls. */
export function maySteer<F extends Fields>(
  call: CoreCall<F>,
  operation: EndpointOperation,
  openToAll: boolean,
): boolean {
  if (openToAll) return true;
  return call.acl?.decide({ path: call.path, operation, data: {}, sudo: true }).kind === 'allow';
}

/** Throws `permission_denied`. */
export function requireSteering<F extends Fields>(
  call: CoreCall<F>,
  operation: EndpointOperation,
  openToAll: boolean,
): void {
  if (!maySteer(call, operation, openToAll)) throw new CofferError('permission_denied', 'permission denied');
}

/** Throws `invalid_request` for an encryption of the answer that there is not. */
export function refusePgp(...keys: readonly (string | readonly string[] | undefined)[]): void {
  if (keys.some((key) => key !== undefined && key.length > 0)) {
    throw new CofferError('invalid_request', 'encrypting the answer with PGP keys is not supported');
  }
}

/**
 * Zeroes the key. Throws `wrong_key` when it is not the one this store is open with: slots rest in the clear, and whoever writes to
 * storage can put one there that opens with keys of their own. Only the root key itself proves that somebody holds a key.
 */
export async function requireRootKey(barrier: Barrier, rootKey: Buffer): Promise<void> {
  try {
    const same = await barrier.withRootKey(async (held) => equalBytes(held, rootKey));
    if (!same) throw new CofferError('wrong_key', 'these keys open a slot, but not this store');
  } finally {
    rootKey.fill(0);
  }
}
