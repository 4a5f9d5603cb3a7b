import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  derivePassword,
  dummyHash,
  encodePasswordHash,
  hashPassword,
  isPassword,
  isWeaker,
  type PasswordHash,
  parsePasswordHash,
  passwordCost,
} from './password-hash.ts';
import { systemRandom } from './random.ts';

const cheap = { ln: 10, r: 8, p: 1 };
const make = (password: string) => hashPassword(password, systemRandom, cheap, derivePassword);

it('derives what RFC 7914 §12 says', async () => {
  const hash = await derivePassword('password', Buffer.from('NaCl'), { ln: 10, r: 8, p: 16 });
  expect(hash.toString('hex')).toBe('fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162');
});

describe('threat 25: a password hash', () => {
  it('opens for its own password alone, whatever the bytes', async () => {
    const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(text, text, async (password, other) => {
        const stored = parsePasswordHash(encodePasswordHash(await make(password))) as PasswordHash;
        expect(await isPassword(password, stored, derivePassword)).toBe(true);
        expect(await isPassword(other, stored, derivePassword)).toBe(other === password);
      }),
      { numRuns: 20 },
    );
  });

  it('differs for the same password, and a dummy opens for none', async () => {
    expect(encodePasswordHash(await make('same'))).not.toBe(encodePasswordHash(await make('same')));
    expect(await isPassword('', dummyHash(systemRandom, cheap), derivePassword)).toBe(false);
  });

  it('opens no more after a flipped bit', async () => {
    const stored = await make('right');
    for (let bit = 0; bit < 256; bit += 37) {
      const hash = Buffer.from(stored.hash);
      hash.writeUInt8(hash.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      expect(await isPassword('right', { ...stored, hash }, derivePassword)).toBe(false);
    }
  });
});

it('is read back as it was written, and says its cost', async () => {
  const made = await hashPassword('p', systemRandom, passwordCost, derivePassword);
  const text = encodePasswordHash(made);
  expect(text).toMatch(/^\$scrypt\$ln=15,r=8,p=3\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
  expect(parsePasswordHash(text)).toEqual(made);
  expect(isWeaker(made, passwordCost)).toBe(false);
  expect(isWeaker({ ...made, cost: cheap }, passwordCost)).toBe(true);
  expect(isWeaker({ ...made, cost: { ln: 15, r: 8, p: 1 } }, passwordCost)).toBe(true);
});

const salt = 'A'.repeat(22);
const hash = 'A'.repeat(43);
it.each([
  '',
  'plain text',
  '$2a$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW',
  `$scrypt$ln=18,r=8,p=1$${salt}$${hash}`,
  `$scrypt$ln=31,r=8,p=1$${salt}$${hash}`,
  `$scrypt$ln=17,r=8,p=99$${salt}$${hash}`,
  `$scrypt$ln=17,r=99,p=1$${salt}$${hash}`,
  `$scrypt$ln=1,r=8,p=1$${salt}$${hash}`,
  `$scrypt$ln=15,r=0,p=3$${salt}$${hash}`,
  `$scrypt$ln=15,r=8,p=0$${salt}$${hash}`,
  `$scrypt$ln=15,r=8,p=3$$${hash}`,
  `$scrypt$ln=15,r=8,p=3$${salt}$${hash}A`,
  `$scrypt$ln=15,r=8,p=3$${salt}$${hash}\n`,
])('%j is not taken for a hash', (text) => expect(parsePasswordHash(text)).toBeUndefined());
