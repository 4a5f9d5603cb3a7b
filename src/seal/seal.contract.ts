/** What every seal keeps to (see `seal.ts`). A seal's own tests call this with a way to make one. */
import { describe, expect, it } from 'vitest';
import { randomUuid, systemRandom } from '../crypto/random.ts';
import type { JsonObject } from '../json.ts';
import type { Seal, SlotPlace } from './seal.ts';

export interface SealPair {
  readonly seal: Seal;
  /** Of the same kind and for the same store, but with another key. */
  readonly stranger: Seal;
}

/** `make` gives seals fit for a store; called again with another store's id, `seal` has the same key if the kind allows that. */
export function sealContract(kind: string, make: (storeId: string) => Promise<SealPair>): void {
  const place: SlotPlace = { storeId: randomUuid(systemRandom), slotId: randomUuid(systemRandom) };
  const rootKey = systemRandom.bytes(32);

  async function wrapped(): Promise<SealPair & { readonly body: JsonObject }> {
    const pair = await make(place.storeId);
    return { ...pair, body: await pair.seal.wrap(rootKey, place) };
  }

  describe(`the seal contract: ${kind}`, () => {
    it('unwraps what it wrapped, also from stored JSON', async () => {
      const { seal, body } = await wrapped();
      expect(seal.kind).toBe(kind);
      const stored = JSON.parse(JSON.stringify(body)) as JsonObject;
      expect((await seal.unwrap(stored, place)).equals(rootKey)).toBe(true);
    });

    it('leaves the root key alone and gives the caller a buffer of their own', async () => {
      const { seal, body } = await wrapped();
      const key = Buffer.from(rootKey);
      await seal.wrap(key, place);
      expect(key.equals(rootKey)).toBe(true);
      (await seal.unwrap(body, place)).fill(0);
      expect((await seal.unwrap(body, place)).equals(rootKey)).toBe(true);
    });

    it('threat 25: never wraps twice alike, and shows nothing of the root key', async () => {
      const { seal, body } = await wrapped();
      expect(await seal.wrap(rootKey, place)).not.toEqual(body);
      const text = JSON.stringify(body);
      for (const encoding of ['hex', 'base64', 'latin1'] as const) {
        expect(text).not.toContain(rootKey.toString(encoding));
      }
    });

    it('tells another key as a wrong key', async () => {
      const { stranger, body } = await wrapped();
      await expect(stranger.unwrap(body, place)).rejects.toMatchObject({ code: 'wrong_key' });
    });

    it('threat 25: does not open in another slot or another store', async () => {
      const { seal, body } = await wrapped();
      const code = expect.stringMatching(/^(wrong_key|integrity)$/);
      const otherSlot = { ...place, slotId: randomUuid(systemRandom) };
      await expect(seal.unwrap(body, otherSlot)).rejects.toMatchObject({ code });
      const otherStore = { ...place, storeId: randomUuid(systemRandom) };
      await expect(seal.unwrap(body, otherStore)).rejects.toMatchObject({ code });
      const { seal: there } = await make(otherStore.storeId);
      await expect(there.unwrap(body, otherStore)).rejects.toMatchObject({ code });
      const swapped = { storeId: place.slotId, slotId: place.storeId };
      await expect(seal.unwrap(body, swapped)).rejects.toMatchObject({ code });
    });

    it('threat 25: tells any change to the body as damage', async () => {
      const { seal, body } = await wrapped();
      for (const changed of changes(body)) {
        await expect(seal.unwrap(changed, place)).rejects.toMatchObject({ code: 'integrity' });
      }
    });

    it('refuses a root key of another length, and wraps nothing', async () => {
      const { seal } = await make(place.storeId);
      for (const length of [0, 31, 33, 4096]) {
        await expect(seal.wrap(Buffer.alloc(length, 1), place)).rejects.toMatchObject({
          code: 'invalid_request',
        });
      }
    });
  });
}

/** Bodies that differ from this one in a single thing each. */
function* changes(body: JsonObject): Generator<JsonObject> {
  yield {};
  yield { ...body, more: 1 };
  for (const [name, value] of Object.entries(body)) {
    const { [name]: _, ...without } = body;
    yield without;
    for (const other of [null, '', 'not base64!', 0, 1.5, -1, [], {}, true]) yield { ...body, [name]: other };
    if (typeof value === 'number') yield { ...body, [name]: value + 1 };
    if (typeof value !== 'string') continue;
    yield { ...body, [name]: `${value}=` };
    const bytes = Buffer.from(value, 'base64');
    yield { ...body, [name]: bytes.subarray(1).toString('base64') };
    for (let index = 0; index < bytes.length; index++) {
      const flipped = Buffer.from(bytes);
      flipped.writeUInt8(flipped.readUInt8(index) ^ 1, index);
      yield { ...body, [name]: flipped.toString('base64') };
    }
  }
}
