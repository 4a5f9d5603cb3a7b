import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { CofferError } from '../../errors.ts';
import { jwtAlgorithms } from './algorithms.ts';
import { parsePemKey, type VerificationKey } from './keys.ts';
import { verifyJwt } from './verify.ts';

const pairs = [
  ['EdDSA', generateKeyPairSync('ed25519')],
  ['ES256', generateKeyPairSync('ec', { namedCurve: 'P-256' })],
  ['ES512', generateKeyPairSync('ec', { namedCurve: 'P-521' })],
  ['RS256', generateKeyPairSync('rsa', { modulusLength: 2_048 })],
] as const;

function keyOf(at: number, keyId?: string): VerificationKey {
  const pem = pairs[at]?.[1].publicKey.export({ type: 'spki', format: 'pem' }).toString() ?? '';
  return { ...parsePemKey(pem), keyId };
}

async function signed(at: number, keyId?: string): Promise<string> {
  const [alg, { privateKey }] = pairs[at] ?? pairs[0];
  const header = keyId === undefined ? { alg } : { alg, kid: keyId };
  return new SignJWT({ sub: 'ann', n: at }).setProtectedHeader(header).sign(privateKey);
}

/** What came of it, in a word. */
async function outcome(text: string, keys: readonly VerificationKey[]): Promise<string> {
  try {
    return (await verifyJwt(text, keys, jwtAlgorithms)).kind;
  } catch (error) {
    if (error instanceof CofferError && error.code === 'invalid_request') return 'refused';
    throw error;
  }
}

describe('verifying', () => {
  it('finds the key by its id, by its kind, or among those without an id', async () => {
    const named = pairs.map((_, at) => keyOf(at, `k${at}`));
    for (const [at] of pairs.entries()) {
      expect(await outcome(await signed(at, `k${at}`), named)).toBe('verified');
      expect(await outcome(await signed(at), named)).toBe('verified');
      expect(await outcome(await signed(at, 'other'), [keyOf(at)])).toBe('verified');
      expect(await outcome(await signed(at, 'other'), named)).toBe('unknown-key');
      expect(await outcome(await signed(at, `k${at}`), named.with(at, keyOf((at + 1) % 4, `k${at}`)))).toBe(
        'refused',
      );
      expect(await outcome(await signed(at), [])).toBe('unknown-key');
    }
  });

  it('believes the right one of several keys under one id', async () => {
    const other = generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' }).toString();
    const keys = [{ ...parsePemKey(other), keyId: 'k' }, keyOf(0, 'k')];
    expect(await outcome(await signed(0, 'k'), keys)).toBe('verified');
  });

  it('threat 24: takes no token of which any character is another', async () => {
    const tokens = await Promise.all(pairs.map((_, at) => signed(at, 'k')));
    const keys = pairs.map((_, at) => keyOf(at, 'k'));
    const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=';
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...tokens),
        fc.nat(),
        fc.constantFrom(...letters),
        fc.constantFrom('replace', 'insert', 'cut'),
        async (token, place, letter, how) => {
          const at = place % token.length;
          const bent =
            token.slice(0, at) + (how === 'cut' ? '' : letter) + token.slice(at + (how === 'insert' ? 0 : 1));
          fc.pre(bent !== token);
          expect(await outcome(bent, keys)).not.toBe('verified');
        },
      ),
      { numRuns: 600 },
    );
  });

  it('threat 15: refuses any text in the same way', async () => {
    const keys = [keyOf(0)];
    const part = fc.oneof(
      fc.base64String(),
      fc.string(),
      fc.json().map((text) => Buffer.from(text).toString('base64url')),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(part, { maxLength: 5 }), async (parts) => {
        expect(await outcome(parts.join('.'), keys)).toBe('refused');
      }),
      { numRuns: 500 },
    );
  });
});
