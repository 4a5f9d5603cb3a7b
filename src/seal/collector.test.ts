import { describe, expect, it } from 'vitest';
import { randomBase62, randomUuid, systemRandom } from '../crypto/random.ts';
import { type KeyCollector, offerKey } from './collector.ts';
import { passphraseByHand } from './passphrase/manual.ts';
import { PassphraseSeal } from './passphrase/passphrase-seal.ts';
import { shamirByHand } from './shamir/manual.ts';
import { createShamirSlot } from './shamir/shamir.ts';

const place = { storeId: randomUuid(systemRandom), slotId: randomUuid(systemRandom) };
const rootKey = systemRandom.bytes(32);
const words = `tumble ${randomBase62(systemRandom, 12)} lantern`;

async function slots() {
  const cost = { logN: 15, r: 8, p: 1 };
  const body = await new PassphraseSeal({ passphrase: words, random: systemRandom, cost }).wrap(
    rootKey,
    place,
  );
  const shamir = await createShamirSlot(rootKey, { shares: 3, threshold: 2 }, place, systemRandom);
  const shares = shamirByHand.collect(shamir.body, place);
  const passphrase = passphraseByHand.collect(body, place);
  return { shares, passphrase, keys: shamir.shares.map((share) => share.toString('base64')) };
}

const orders: readonly [string, (one: KeyCollector, other: KeyCollector) => readonly KeyCollector[]][] = [
  ['shares first', (shares, passphrase) => [shares, passphrase]],
  ['the passphrase first', (shares, passphrase) => [passphrase, shares]],
];

describe.each(orders)('a key for a store of two kinds of slots, %s', (_, order) => {
  it('opens the slot that it is of', async () => {
    const { shares, passphrase, keys } = await slots();
    const all = order(shares, passphrase);
    expect(await offerKey(all, keys[0] ?? '')).toEqual({ kind: 'collecting' });
    expect(await offerKey(all, words)).toEqual({ kind: 'opened', rootKey, by: passphrase });
    expect(await offerKey(all, keys[1] ?? '')).toEqual({ kind: 'opened', rootKey, by: shares });
  });

  it('is a wrong key when it could have been one, and no key when not', async () => {
    const { shares, passphrase } = await slots();
    const all = order(shares, passphrase);
    await expect(offerKey(all, 'another lantern altogether')).rejects.toMatchObject({
      code: 'wrong_key',
      message: 'this passphrase does not open the store',
    });
    await expect(offerKey([shares], 'another lantern altogether')).rejects.toMatchObject({
      code: 'invalid_request',
    });
  });
});

it('opens nothing where nothing opens by hand', async () => {
  await expect(offerKey([], words)).rejects.toMatchObject({ code: 'invalid_request' });
});
