/** Slots of a safe: its root key, wrapped by one more key. */
import { type Random, randomUuid } from '../crypto/random.ts';
import { createKeyfile } from '../seal/keyfile/keyfile.ts';
import { KeyfileSeal } from '../seal/keyfile/keyfile-seal.ts';
import { PassphraseSeal } from '../seal/passphrase/passphrase-seal.ts';
import type { Slot } from '../seal/slots.ts';

/** Throws `invalid_request` for a weak passphrase. */
export async function passphraseSlot(
  passphrase: string,
  storeId: string,
  rootKey: Buffer,
  random: Random,
): Promise<Slot> {
  const slotId = randomUuid(random);
  using seal = new PassphraseSeal({ passphrase, random });
  return { id: slotId, kind: seal.kind, body: await seal.wrap(rootKey, { storeId, slotId }) };
}

/**
 * Makes the keyfile too. Throws `conflict` rather than write over one.
 *
 * @param dataPlace the safe's directory, which the keyfile names
 */
export async function keyfileSlot(
  { keyfile, dataPlace }: { readonly keyfile: string; readonly dataPlace: string },
  storeId: string,
  rootKey: Buffer,
  random: Random,
): Promise<Slot> {
  const key = random.bytes(32);
  try {
    await createKeyfile(keyfile, { storeId, dataPlace, key });
  } finally {
    key.fill(0);
  }
  const slotId = randomUuid(random);
  const seal = new KeyfileSeal({ path: keyfile, random });
  return { id: slotId, kind: seal.kind, body: await seal.wrap(rootKey, { storeId, slotId }) };
}
