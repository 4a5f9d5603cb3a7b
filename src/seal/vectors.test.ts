/** Slots and keyfiles, held against vectors that never change. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../json.ts';
import { kmsSlotBody, openKmsSlot } from './awskms/awskms-seal.ts';
import { awskmsByHand } from './awskms/manual.ts';
import { parseShare } from './key-text.ts';
import { openKeyfileSlot } from './keyfile/keyfile-seal.ts';
import { encodeKeyfile, parseKeyfile } from './keyfile/keyfile-text.ts';
import { passphraseByHand } from './passphrase/manual.ts';
import type { SlotPlace } from './seal.ts';
import { openShamirSlot } from './shamir/shamir.ts';
import { ShareCollector } from './shamir/share-collector.ts';
import { wrapRootKey } from './wrapped-root-key.ts';

interface SlotVector {
  readonly place: SlotPlace;
  readonly body: JsonObject;
}

interface Vectors<V, O> {
  readonly opens: readonly (V & O)[];
  readonly fails: readonly (V & { readonly why: string; readonly code: string })[];
}

function load<V, O>(name: string): Vectors<V, O> {
  const path = join(import.meta.dirname, '../../test/vectors', `${name}.json`);
  return JSON.parse(readFileSync(path, 'utf8')) as Vectors<V, O>;
}

const hex = (text: string) => Buffer.from(text, 'hex');

describe('slot keyfile 1', () => {
  type Vector = SlotVector & { readonly key: string };
  const { opens, fails } = load<Vector, { readonly root_key: string }>('slot-keyfile-v1');
  const open = ({ body, place, key }: Vector) => openKeyfileSlot(body, place, hex(key)).toString('hex');

  it('opens what it must, and wraps to the same bytes when the nonce is the same', () => {
    expect(opens.length).toBeGreaterThan(0);
    for (const vector of opens) {
      expect(open(vector)).toBe(vector.root_key);
      const nonce = Buffer.from(String(vector.body['wrapped']), 'base64').subarray(0, 12);
      const binding = { kind: 'keyfile', place: vector.place };
      const body = wrapRootKey({ bytes: () => nonce }, hex(vector.key), hex(vector.root_key), binding);
      expect(body).toEqual(vector.body);
    }
  });

  it.each(fails)('threat 25: refuses: $why', (vector) => {
    expect(() => open(vector)).toThrow(expect.objectContaining({ code: vector.code }));
  });
});

describe('slot awskms 1', () => {
  type Vector = SlotVector & { readonly kek: string };
  const { opens, fails } = load<Vector, { readonly root_key: string }>('slot-awskms-v1');
  const open = ({ body, place, kek }: Vector) => openKmsSlot(body, place, hex(kek)).toString('hex');

  it('opens what it must, and wraps to the same bytes when the nonce is the same', async () => {
    expect(opens.length).toBeGreaterThan(0);
    for (const vector of opens) {
      const { body, place, kek, root_key } = vector;
      expect(open(vector)).toBe(root_key);
      const byHand = await awskmsByHand.collect(body, place).add(kek);
      expect(byHand).toEqual({ kind: 'opened', rootKey: hex(root_key) });
      const nonce = Buffer.from(String(body['wrapped']), 'base64').subarray(0, 12);
      const ciphertext = Buffer.from(String(body['ciphertext']), 'base64');
      const made = { keyArn: String(body['key']), ciphertext };
      expect(kmsSlotBody({ bytes: () => nonce }, hex(kek), hex(root_key), place, made)).toEqual(body);
    }
  });

  it.each(fails)('threat 25: refuses: $why', (vector) => {
    expect(() => open(vector)).toThrow(expect.objectContaining({ code: vector.code }));
  });
});

describe('slot shamir 1', () => {
  type Vector = SlotVector & { readonly shares: readonly string[] };
  const { opens, fails } = load<Vector, { readonly root_key: string }>('slot-shamir-v1');

  it('opens what it must: at once, and share by share as people give them', async () => {
    expect(opens.length).toBeGreaterThanOrEqual(3);
    for (const { body, place, shares, root_key } of opens) {
      const rootKey = hex(root_key);
      expect((await openShamirSlot(body, place, shares.map(hex))).equals(rootKey)).toBe(true);
      const collector = new ShareCollector(body, place);
      for (const share of shares.slice(0, -1)) {
        expect(await collector.add(parseShare(share))).toMatchObject({ kind: 'collecting' });
      }
      const last = hex(shares.at(-1) ?? '').toString('base64');
      expect(await collector.add(parseShare(last))).toEqual({ kind: 'opened', rootKey });
    }
  });

  it.each(fails)('threat 25: refuses: $why', async ({ body, place, shares, code }) => {
    await expect(openShamirSlot(body, place, shares.map(hex))).rejects.toMatchObject({ code });
  });
});

describe('slot passphrase 1', () => {
  type Vector = SlotVector & { readonly passphrase: string };
  const { opens, fails } = load<Vector, { readonly root_key: string }>('slot-passphrase-v1');
  const open = ({ body, place, passphrase }: Vector) => passphraseByHand.collect(body, place).add(passphrase);

  it('opens what it must', async () => {
    expect(opens.length).toBeGreaterThan(0);
    for (const vector of opens) {
      expect(await open(vector)).toEqual({ kind: 'opened', rootKey: hex(vector.root_key) });
    }
  });

  it.each(fails)('threat 25: refuses: $why', async (vector) => {
    const code = vector.code === 'wrong_key' ? expect.stringMatching(/^(wrong_key|integrity)$/) : vector.code;
    await expect(open(vector)).rejects.toMatchObject({ code });
  });
});

describe('keyfile text 1', () => {
  interface Vector {
    readonly text: string;
  }
  interface Opened {
    readonly store: string;
    readonly data: string;
    readonly key: string;
    /** Written by us: encoding gives the same text. */
    readonly canonical: boolean;
  }
  const { opens, fails } = load<Vector, Opened>('keyfile-text-v1');

  it('reads what it must, and writes the same', () => {
    expect(opens.some(({ canonical }) => canonical)).toBe(true);
    for (const { text, store, data, key, canonical } of opens) {
      const keyfile = parseKeyfile(Buffer.from(text));
      expect({ ...keyfile, key: keyfile.key.reveal().toString('hex') }).toEqual({
        storeId: store,
        dataPlace: data,
        key,
      });
      const written = encodeKeyfile({ ...keyfile, key: keyfile.key.reveal() }).toString();
      expect(written === text).toBe(canonical);
    }
  });

  it.each(fails)('refuses: $why', ({ text, code }) => {
    expect(() => parseKeyfile(Buffer.from(text))).toThrow(expect.objectContaining({ code }));
  });
});
