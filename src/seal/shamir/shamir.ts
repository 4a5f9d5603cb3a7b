/**
 * The Shamir seal: the KEK exists only as shares in people's hands. A fresh KEK wraps the root key and is split; so many shares as the
 * threshold says give it back.
 *
 * Body: shares and threshold (numbers), wrapped and check (base64). The two numbers are bound to the wrapped key.
 */
import type { Random } from '../../crypto/random.ts';
import { checkSplit, combineShares, coordinate, shareBytes, splitSecret } from '../../crypto/shamir.ts';
import { CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import type { Seal, SlotPlace } from '../seal.ts';
import { type Binding, checkMembers, damagedSlot, unwrapRootKey, wrapRootKey } from '../wrapped-root-key.ts';

const kind = 'shamir';
const kekBytes = 32;

export interface ShamirSplit {
  /** How many shares are made, 1 to 255. */
  readonly shares: number;
  /** How many of them are needed; 1 only with a single share. */
  readonly threshold: number;
}

/** The seal once its KEK is together. The KEK stays its owner's, to zero when done. */
export class ShamirSeal implements Seal {
  readonly kind = kind;
  readonly automatic = false;
  readonly #kek: Buffer;
  readonly #split: ShamirSplit;
  readonly #random: Random;

  constructor({ kek, split, random }: { kek: Buffer; split: ShamirSplit; random: Random }) {
    this.#kek = kek;
    this.#split = split;
    this.#random = random;
  }

  async wrap(rootKey: Buffer, place: SlotPlace): Promise<JsonObject> {
    const { shares, threshold } = this.#split;
    return {
      shares,
      threshold,
      ...wrapRootKey(this.#random, this.#kek, rootKey, bindingOf(place, this.#split)),
    };
  }

  async unwrap(body: JsonObject, place: SlotPlace): Promise<Buffer> {
    return unwrapRootKey(this.#kek, body, bindingOf(place, shamirSplit(body)));
  }
}

/**
 * A new slot's body and the shares that open it, which exist nowhere else. Throws `invalid_request` for numbers that make no sense, or a
 * root key of another length than 32 bytes.
 */
export async function createShamirSlot(
  rootKey: Buffer,
  split: ShamirSplit,
  place: SlotPlace,
  random: Random,
): Promise<{ readonly body: JsonObject; readonly shares: readonly Buffer[] }> {
  checkSplit(split.shares, split.threshold);
  const kek = random.bytes(kekBytes);
  try {
    const body = await new ShamirSeal({ kek, split, random }).wrap(rootKey, place);
    return { body, shares: await splitSecret(kek, split.shares, split.threshold) };
  } finally {
    kek.fill(0);
  }
}

/** The numbers in a slot's body. Throws `integrity` for what is no body of this kind. */
export function shamirSplit(body: JsonObject): ShamirSplit {
  checkMembers(body, ['shares', 'threshold', 'wrapped', 'check']);
  const { shares, threshold } = body;
  if (typeof shares !== 'number' || typeof threshold !== 'number') throw damagedSlot();
  try {
    checkSplit(shares, threshold);
  } catch {
    throw damagedSlot();
  }
  return { shares, threshold };
}

/** The root key from so many shares as the threshold says. Throws `wrong_key` if they are not this slot's, `integrity` for damage. */
export async function openShamirSlot(
  body: JsonObject,
  place: SlotPlace,
  shares: readonly Buffer[],
): Promise<Buffer> {
  const split = shamirSplit(body);
  const kek = await putTogether(shares);
  try {
    return unwrapRootKey(kek, body, bindingOf(place, split));
  } catch (error) {
    if (error instanceof CofferError && error.code === 'wrong_key') throw wrongShares();
    throw error;
  } finally {
    kek.fill(0);
  }
}

/** Throws `invalid_request` for what can't be a share of a slot with this threshold. */
export function checkShare(share: Buffer, threshold: number): void {
  const length = shareBytes(threshold);
  if (share.length !== length) {
    throw new CofferError(
      'invalid_request',
      `an unseal key of this store has ${length} bytes, not ${share.length}`,
    );
  }
  if (threshold > 1) coordinate(share);
}

async function putTogether(shares: readonly Buffer[]): Promise<Buffer> {
  try {
    return await combineShares(shares);
  } catch (error) {
    if (error instanceof CofferError && error.code === 'invalid_request') throw wrongShares();
    throw error;
  }
}

function bindingOf(place: SlotPlace, { shares, threshold }: ShamirSplit): Binding {
  return { kind, place, bound: [shares, threshold] };
}

function wrongShares(): CofferError {
  return new CofferError(
    'wrong_key',
    'these unseal keys do not open this store: at least one is mistyped or of another store',
  );
}
