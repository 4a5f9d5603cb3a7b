import type { Random } from '../../crypto/random.ts';
import { CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import type { Seal, SlotPlace } from '../seal.ts';
import { type Binding, checkMembers, unwrapRootKey, wrapRootKey } from '../wrapped-root-key.ts';
import { readKeyfile } from './keyfile.ts';

const kind = 'keyfile';

/**
 * The seal whose KEK is in a keyfile, read anew each time. Body: wrapped and check (base64). Besides the seam's errors, all that
 * `readKeyfile` throws; a keyfile of another store is `wrong_key` and says which.
 */
export class KeyfileSeal implements Seal {
  readonly kind = kind;
  readonly automatic = true;
  readonly #path: string;
  readonly #random: Random;

  constructor({ path, random }: { path: string; random: Random }) {
    this.#path = path;
    this.#random = random;
  }

  async wrap(rootKey: Buffer, place: SlotPlace): Promise<JsonObject> {
    return this.#withKek(place, (kek) => wrapForKeyfile(this.#random, kek, rootKey, place));
  }

  async unwrap(body: JsonObject, place: SlotPlace): Promise<Buffer> {
    return this.#withKek(place, (kek) => openKeyfileSlot(body, place, kek));
  }

  async #withKek<T>(place: SlotPlace, use: (kek: Buffer) => T): Promise<T> {
    const { storeId, key } = await readKeyfile(this.#path);
    using kek = key;
    if (storeId !== place.storeId) {
      throw new CofferError(
        'wrong_key',
        `keyfile ${this.#path} belongs to store ${storeId}, and this is store ${place.storeId}`,
      );
    }
    return use(kek.reveal());
  }
}

/**
 * The root key from a keyfile's key, wherever that came from. Throws `wrong_key` if another key wrapped it, `integrity` for a body
 * that is damaged or of another place. The key stays the caller's, to zero.
 */
export function openKeyfileSlot(body: JsonObject, place: SlotPlace, key: Buffer): Buffer {
  checkMembers(body, ['wrapped', 'check']);
  return unwrapRootKey(key, body, bindingOf(place));
}

/** A slot's body for a keyfile's key, wherever that is. The key stays the caller's, to zero. */
export function wrapForKeyfile(random: Random, key: Buffer, rootKey: Buffer, place: SlotPlace): JsonObject {
  return { ...wrapRootKey(random, key, rootKey, bindingOf(place)) };
}

function bindingOf(place: SlotPlace): Binding {
  return { kind, place };
}
