import { createSecretKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { systemRandom } from '../crypto/random.ts';
import { createStore } from './barrier.fixture.ts';
import { openText, sealedTextTerm, sealText } from './sealed-text.ts';
import { generateTerm } from './term.ts';

const plaintext = Buffer.from('what it holds');
const text = (term = generateTerm(7, systemRandom, 0)) => ({
  term,
  sealed: sealText(systemRandom, term, 'a-purpose', plaintext),
});

describe('threat 25: a sealed text', () => {
  it('opens with its term and for its purpose only', () => {
    const { term, sealed } = text();
    expect(sealedTextTerm(sealed)).toBe(7);
    expect(openText(term, 'a-purpose', sealed)).toEqual(plaintext);
    expect(() => openText(term, 'another', sealed)).toThrow(/damaged/);
    expect(() => openText({ ...term, id: 8 }, 'a-purpose', sealed)).toThrow(/damaged/);
    expect(() => openText(generateTerm(7, systemRandom, 0), 'a-purpose', sealed)).toThrow(/damaged/);
  });

  it('does not open with any bit turned over, cut or longer', async () => {
    const { barrier } = await createStore();
    const sealed = barrier.texts.sealText('a-purpose', plaintext);
    expect((await barrier.texts.openText('a-purpose', sealed))?.plaintext).toEqual(plaintext);
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const turned = Buffer.from(sealed);
      turned[bit >> 3] = (turned[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(await barrier.texts.openText('a-purpose', turned), `bit ${bit}`).toBeUndefined();
    }
    for (let length = 0; length < sealed.length; length++) {
      expect(await barrier.texts.openText('a-purpose', sealed.subarray(0, length))).toBeUndefined();
    }
    const longer = Buffer.concat([sealed, Buffer.of(0)]);
    expect(await barrier.texts.openText('a-purpose', longer)).toBeUndefined();
  });

  it('never has the key of another: two of the same look nothing alike', () => {
    const { term, sealed } = text();
    const other = sealText(systemRandom, term, 'a-purpose', plaintext);
    // Beyond version and term: salt, nonce, ciphertext and tag.
    expect(other.subarray(0, 5)).toEqual(sealed.subarray(0, 5));
    expect(other.subarray(5, 21)).not.toEqual(sealed.subarray(5, 21));
    // One with the salt of the other does not open.
    const mixed = Buffer.concat([other.subarray(0, 21), sealed.subarray(21)]);
    expect(() => openText(term, 'a-purpose', mixed)).toThrow(/damaged/);
  });

  it('of another store is nothing here', async () => {
    const [one, other] = [
      await createStore(),
      await createStore({ id: '0d9c3c0e-93c5-4a55-8a57-3a1f36f5c2b2' }),
    ];
    const sealed = one.barrier.texts.sealText('a-purpose', plaintext);
    expect(await other.barrier.texts.openText('a-purpose', sealed)).toBeUndefined();
  });
});

describe('a sealed text and rotation', () => {
  it('opens on a node that has not seen the newest term yet', async () => {
    const store = await createStore();
    const other = await store.join();
    await store.barrier.rotate();
    const sealed = store.barrier.texts.sealText('a-purpose', plaintext);
    expect(await other.texts.openText('a-purpose', sealed)).toEqual({ term: 2, plaintext });
    expect(other.texts.keepsTerm(2)).toBe(true);
    expect(other.texts.keepsTerm(3)).toBe(false);
  });

  it('says that the store is sealed, once it is', async () => {
    const { barrier } = await createStore();
    const sealed = barrier.texts.sealText('a-purpose', plaintext);
    barrier.seal();
    await expect(barrier.texts.openText('a-purpose', sealed)).rejects.toMatchObject({ code: 'sealed' });
    expect(() => barrier.texts.sealText('a-purpose', plaintext)).toThrow(/sealed/);
  });
});

interface Vector {
  readonly term_key: string;
  readonly term: number;
  readonly purpose: string;
  readonly sealed: string;
  readonly plaintext: string;
}

describe('the format', () => {
  const file = join(import.meta.dirname, '../../test/vectors/sealed-text-v1.json');
  const { opens, fails } = JSON.parse(readFileSync(file, 'utf8')) as {
    readonly opens: readonly Vector[];
    readonly fails: readonly (Vector & { readonly why: string })[];
  };
  const open = ({ term_key: key, term: id, purpose, sealed }: Vector) => {
    const term = { id, key: createSecretKey(Buffer.from(key, 'hex')), installedAt: 0 };
    return openText(term, purpose, Buffer.from(sealed, 'hex')).toString('hex');
  };

  it.each(opens)('opens for $purpose under term $term', (vector) => {
    expect(sealedTextTerm(Buffer.from(vector.sealed, 'hex'))).toBe(vector.term);
    expect(open(vector)).toBe(vector.plaintext);
  });

  it.each(fails)('does not open with $why', (vector) => {
    expect(() => open(vector)).toThrow(/damaged/);
  });
});
