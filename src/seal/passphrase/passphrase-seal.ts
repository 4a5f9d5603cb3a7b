/**
 * The passphrase seal: the KEK is derived from what somebody knows. Nothing opens it at start.
 *
 * Body: salt, log_n, r, p, wrapped, check and sum. The salt and the cost are bound to the wrapped key. Since a changed salt would only
 * look like another passphrase, `sum` (the beginning of a plain SHA-256 of the others) tells damage from that, and at no cost.
 */
import { encodeContext } from '../../crypto/context.ts';
import { equalBytes, sha256 } from '../../crypto/digest.ts';
import type { Random } from '../../crypto/random.ts';
import { Secret } from '../../crypto/secret.ts';
import { CofferError } from '../../errors.ts';
import type { JsonObject, JsonValue } from '../../json.ts';
import type { Seal, SlotPlace } from '../seal.ts';
import { type Binding, checkMembers, damagedSlot, unwrapRootKey, wrapRootKey } from '../wrapped-root-key.ts';
import { defaultCost, deriveKek, isSoundCost, type ScryptCost, saltBytes } from './scrypt.ts';
import { checkPassphrase, parsePassphrase } from './strength.ts';

export const passphraseKind = 'passphrase';

export interface PassphraseSealOptions {
  readonly passphrase: string;
  readonly random: Random;
  readonly cost?: ScryptCost;
}

/**
 * Besides the seam's errors: `wrap` rejects with `invalid_request` for a weak passphrase or cost, both with `rate_limited` when too many
 * passphrases are tried at once. The constructor throws `invalid_request` for what can't be a passphrase.
 */
export class PassphraseSeal implements Seal, Disposable {
  readonly kind = passphraseKind;
  readonly automatic = false;
  readonly #passphrase: Secret;
  readonly #random: Random;
  readonly #cost: ScryptCost;

  constructor({ passphrase, random, cost = defaultCost }: PassphraseSealOptions) {
    this.#passphrase = new Secret(parsePassphrase(passphrase));
    this.#random = random;
    this.#cost = cost;
  }

  async wrap(rootKey: Buffer, place: SlotPlace): Promise<JsonObject> {
    const passphrase = this.#passphrase.reveal();
    checkPassphrase(passphrase);
    if (!isSoundCost(this.#cost))
      throw new CofferError('invalid_request', 'this cost of scrypt is out of bounds');
    const salt = this.#random.bytes(saltBytes);
    const kek = await deriveKek(passphrase, salt, this.#cost);
    try {
      const { logN, r, p } = this.#cost;
      const { wrapped, check } = wrapRootKey(this.#random, kek, rootKey, bindingOf(place, salt, this.#cost));
      const body = { salt: salt.toString('base64'), log_n: logN, r, p, wrapped, check };
      return { ...body, sum: sumOf(body).toString('base64') };
    } finally {
      kek.fill(0);
    }
  }

  unwrap(body: JsonObject, place: SlotPlace): Promise<Buffer> {
    return openPassphraseSlot(body, place, this.#passphrase.reveal());
  }

  [Symbol.dispose](): void {
    this.#passphrase[Symbol.dispose]();
  }
}

/** The root key from a passphrase in its one form; `from` says who tries it. Throws as `Seal.unwrap` does. */
export async function openPassphraseSlot(
  body: JsonObject,
  place: SlotPlace,
  passphrase: Buffer,
  from?: string,
): Promise<Buffer> {
  const { salt, cost } = readParameters(body);
  const kek = await deriveKek(passphrase, salt, cost, from);
  try {
    return unwrapRootKey(kek, body, bindingOf(place, salt, cost));
  } catch (error) {
    if (!(error instanceof CofferError) || error.code !== 'wrong_key') throw error;
    throw new CofferError('wrong_key', 'this passphrase does not open the store');
  } finally {
    kek.fill(0);
  }
}

/** Throws `integrity` for a body that is damaged, and for one whose cost no Coffer chose. */
export function readParameters(body: JsonObject): { readonly salt: Buffer; readonly cost: ScryptCost } {
  checkMembers(body, ['salt', 'log_n', 'r', 'p', 'wrapped', 'check', 'sum']);
  const salt = decodeBase64(body['salt']);
  const cost = { logN: Number(body['log_n']), r: Number(body['r']), p: Number(body['p']) };
  const numbers = [body['log_n'], body['r'], body['p']].every((value) => typeof value === 'number');
  if (!numbers || salt.length !== saltBytes || !isSoundCost(cost)) throw damagedSlot();
  if (!equalBytes(decodeBase64(body['sum']), sumOf(body))) throw damagedSlot();
  return { salt, cost };
}

function sumOf({ salt, log_n: logN, r, p, wrapped, check }: JsonObject): Buffer {
  const parts = [logN, r, p].map(Number);
  const texts = [salt, wrapped, check].map(String);
  return sha256(encodeContext('coffer passphrase', [1, ...parts, ...texts])).subarray(0, 16);
}

function bindingOf(place: SlotPlace, salt: Buffer, { logN, r, p }: ScryptCost): Binding {
  return { kind: passphraseKind, place, bound: [logN, r, p, ...salt] };
}

function decodeBase64(value: JsonValue | undefined): Buffer {
  if (typeof value !== 'string') throw damagedSlot();
  const bytes = Buffer.from(value, 'base64');
  if (bytes.toString('base64') !== value) throw damagedSlot();
  return bytes;
}
