/** Codes as others make and take them: RFC 6238's own, and those of the program whose users come over. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ask, makePlace } from '../../../test/fakes/client.ts';
import { HandClock } from '../../../test/fakes/hand-clock.ts';
import { logIn } from '../../../test/fakes/totp-place.ts';
import { encodeBase32 } from '../../crypto/base32.ts';
import { codeAt } from '../../crypto/one-time-code.ts';
import { type LiveDevice, matchesOf } from './codes.ts';
import { type Seed, seedOfUrl } from './seed.ts';

interface Vectors {
  readonly emptySecretCodeAt1234567890_mustBeRejected: string;
  readonly entries: readonly {
    readonly issuer: string;
    readonly accountName: string;
    readonly url: string;
    readonly codes: readonly {
      readonly unix: number;
      readonly code: string;
      readonly acceptedAtOffsets: readonly number[];
      readonly testedOffsets: readonly number[];
    }[];
  }[];
}

const vectors = JSON.parse(
  readFileSync(new URL('../../../test/vectors/stsftw-totp-vectors.json', import.meta.url), 'utf8'),
) as Vectors;

const decoy: Seed = { key: Buffer.alloc(20, 1), algorithm: 'SHA1', digits: 6, period: 30 };

function deviceOf(seed: Seed): LiveDevice {
  const entry = { id: 'a', uid: 'u', slot: 0, disabled: false, source: 'import', addedAt: 0 } as const;
  return { entry, record: { ...seed, uid: 'u', lastStep: -1 }, revision: 1 as LiveDevice['revision'] };
}

/** @param seconds of Unix time */
const isTaken = (seed: Seed, code: string, seconds: number) =>
  matchesOf(codeAt, [deviceOf(seed)], [code], seconds * 1_000).found[0]?.length === 1;

describe('stsftw’s accounts', () => {
  it.each(vectors.entries)('$issuer / $accountName log in with the codes they have', ({ url, codes }) => {
    const seed = seedOfUrl(url);
    expect(codes.length).toBeGreaterThan(3);
    for (const { unix, code, acceptedAtOffsets, testedOffsets } of codes) {
      const accepted = testedOffsets.filter((offset) => isTaken(seed, code, unix + offset));
      expect(accepted, `${unix}`).toEqual(acceptedAtOffsets);
    }
  });

  it('threat 04: nobody logs in with a code of an empty secret', async () => {
    const code = vectors.emptySecretCodeAt1234567890_mustBeRejected;
    expect(() => seedOfUrl('otpauth://totp/acme:admin?issuer=acme')).toThrow(/base32/);
    const place = await makePlace({ clock: new HandClock(1_234_567_890_000) });
    const node = await place.node();
    await ask(node, 'update', 'sys/auth/totp', { type: 'totp' });
    const bob = await makeBob();
    // There, without a device; there, with one; and not there at all, as the first one and as the second.
    await ask(node, 'update', 'auth/totp/accounts/acme/bare');
    for (const [name, more] of [
      ['bare', {}],
      ['nobody', {}],
      ['bob', {}],
      ['bob', { code: bob(), second_account: 'nobody', second_code: code }],
      ['bob', { code: bob(), second_account: 'bare', second_code: code }],
    ] as const) {
      expect((await logIn(node, name, code, more)).status, name).toBe(400);
    }
    await place.remove();

    async function makeBob(): Promise<() => string> {
      const path = 'auth/totp/accounts/acme/bob';
      await ask(node, 'update', path, { second: 'person', authorizers: ['nobody', 'bare'] });
      const url = vectors.entries[0]?.url ?? '';
      await ask(node, 'update', `${path}/devices/phone`, { url });
      return () => codeAt(seedOfUrl(url).key, Math.floor(1_234_567_890 / 30), decoy);
    }
  });
});

describe('RFC 6238 appendix B', () => {
  const digits = '1234567890';
  it.each([
    ['SHA1', 20, [94287082, 7081804, 14050471, 89005924, 69279037, 65353130]],
    ['SHA256', 32, [46119246, 68084774, 67062674, 91819424, 90698825, 77737706]],
    ['SHA512', 64, [90693936, 25091201, 99943326, 93441116, 38618901, 47863826]],
  ] as const)('%s', (algorithm, length, codes) => {
    const key = Buffer.from(digits.repeat(7).slice(0, length));
    const seed = seedOfUrl(
      `otpauth://totp/a:b?algorithm=${algorithm}&digits=8&period=30&secret=${encodeBase32(key)}`,
    );
    const times = [59, 1_111_111_109, 1_111_111_111, 1_234_567_890, 2_000_000_000, 20_000_000_000];
    for (const [index, seconds] of times.entries()) {
      const code = String(codes[index]).padStart(8, '0');
      expect(isTaken(seed, code, seconds), code).toBe(true);
      expect(isTaken(seed, code, seconds + 90), code).toBe(false);
    }
  });
});
