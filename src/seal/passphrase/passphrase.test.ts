import { describe, expect, it } from 'vitest';
import { encodeContext } from '../../crypto/context.ts';
import { sha256 } from '../../crypto/digest.ts';
import { randomBase62, randomUuid, systemRandom } from '../../crypto/random.ts';
import type { JsonObject } from '../../json.ts';
import { sealContract } from '../seal.contract.ts';
import { passphraseByHand } from './manual.ts';
import { PassphraseSeal } from './passphrase-seal.ts';
import { deriveKek } from './scrypt.ts';

const cost = { logN: 15, r: 8, p: 1 };
const place = { storeId: randomUuid(systemRandom), slotId: randomUuid(systemRandom) };
const rootKey = systemRandom.bytes(32);
const words = `tumble ${randomBase62(systemRandom, 12)} lantern`;
const sealOf = (passphrase: string) => new PassphraseSeal({ passphrase, random: systemRandom, cost });

/** A slot to try things on, for tests that need no new one. */
const wrapped = sealOf(words).wrap(rootKey, place);

/** A body as somebody would forge it who knows the format. */
function withSum(body: JsonObject): JsonObject {
  const numbers = [body['log_n'], body['r'], body['p']].map(Number);
  const texts = [body['salt'], body['wrapped'], body['check']].map(String);
  if (!numbers.every(Number.isInteger)) return body;
  const sum = sha256(encodeContext('coffer passphrase', [1, ...numbers, ...texts])).subarray(0, 16);
  return { ...body, sum: sum.toString('base64') };
}

sealContract('passphrase', async () => ({
  seal: sealOf(words),
  stranger: sealOf(`${words} not`),
}));

describe('a passphrase', () => {
  it('is the same however it is typed: blanks around it, Unicode composed or not', async () => {
    const body = await sealOf(`Äpfel und Birnen ${words}`).wrap(rootKey, place);
    for (const typed of [`  A\u0308pfel und Birnen ${words}\r\n`, `\u00c4pfel und Birnen ${words}`]) {
      const step = await passphraseByHand.collect(body, place).add(typed);
      expect(step).toEqual({ kind: 'opened', rootKey });
    }
    await expect(
      passphraseByHand.collect(body, place).add(`äpfel und Birnen ${words}`),
    ).rejects.toMatchObject({ code: 'wrong_key' });
  });

  it.each(['', '   ', 'a\nb', 'x'.repeat(1_025), 'tab\tin the middle', '\ud800 lone surrogate'])(
    'is refused when it can be none: %j',
    async (text) => {
      await expect(passphraseByHand.collect(await wrapped, place).add(text)).rejects.toMatchObject({
        code: 'invalid_request',
      });
    },
  );

  it.each([
    'short words',
    'aaaaaaaaaaaaaaaaaa',
    'abcabcabcabcabcabc',
    'abcdefghijklmnop',
    '0123456789012345',
    'correct horse battery staple',
    'Correct-Horse-Battery-Staple!',
    'password123456789',
    'My Secret Passphrase 1',
    'the quick brown fox jumps over the lazy dog',
    'Passw0rd'.repeat(1),
    'coffer test password 2026',
  ])('threat 30: makes no slot when it is short, a pattern or a known sample: %j', async (text) => {
    await expect(sealOf(text).wrap(rootKey, place)).rejects.toMatchObject({
      code: 'invalid_request',
      message: expect.not.stringContaining(text),
    });
  });
});

describe('threat 25: the cost of guessing', () => {
  it('is scrypt with 128 MiB unless told', async () => {
    using seal = new PassphraseSeal({ passphrase: words, random: systemRandom });
    expect(await seal.wrap(rootKey, place)).toMatchObject({ log_n: 17, r: 8, p: 1 });
  });

  it.each([
    { logN: 14, r: 8, p: 1 },
    { logN: 21, r: 8, p: 1 },
    { logN: 17, r: 7, p: 1 },
    { logN: 17, r: 8, p: 0 },
    { logN: 17, r: 8, p: 5 },
    { logN: 17.5, r: 8, p: 1 },
  ])('is never chosen out of bounds, nor believed: %o', async (weak) => {
    const wrapping = new PassphraseSeal({ passphrase: words, random: systemRandom, cost: weak });
    await expect(wrapping.wrap(rootKey, place)).rejects.toMatchObject({ code: 'invalid_request' });
    const body = await wrapped;
    const weakened = withSum({ ...body, log_n: weak.logN, r: weak.r, p: weak.p });
    await expect(sealOf(words).unwrap(weakened, place)).rejects.toMatchObject({ code: 'integrity' });
  });

  it('is bound to the slot: another sound cost does not open it', async () => {
    const body = await wrapped;
    const other = withSum({ ...body, log_n: 16 });
    await expect(sealOf(words).unwrap(other, place)).rejects.toMatchObject({
      code: 'wrong_key',
    });
  });
});

it('threat 15: few passphrases wait at a time, and the next one after them is tried again', async () => {
  const tries = Array.from({ length: 9 }, () =>
    deriveKek(Buffer.from(words), Buffer.alloc(16, 1), cost).then(
      () => 'derived',
      (error: { code: string }) => error.code,
    ),
  );
  const outcomes = await Promise.all(tries);
  expect(outcomes.filter((outcome) => outcome === 'derived')).toHaveLength(4);
  expect(outcomes.filter((outcome) => outcome === 'rate_limited')).toHaveLength(5);
  expect(await deriveKek(Buffer.from(words), Buffer.alloc(16, 1), cost)).toHaveLength(32);
});

it('threat 15: whoever tries passphrases without end leaves others their turn', async () => {
  const one = (from: string) =>
    deriveKek(Buffer.from(words), Buffer.alloc(16, 1), cost, from).then(
      () => 'derived',
      (error: { code: string }) => error.code,
    );
  const flood = Array.from({ length: 30 }, () => one('198.51.100.1'));
  const owner = one('192.0.2.1');
  expect(await owner).toBe('derived');
  expect((await Promise.all(flood)).filter((outcome) => outcome === 'derived')).toHaveLength(4);
});
