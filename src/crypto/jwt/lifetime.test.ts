import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../json.ts';
import { checkLifetime, defaultLeeways } from './lifetime.ts';

const now = 1_800_000_000;

function isGood(claims: JsonObject, leeways = defaultLeeways): boolean {
  try {
    checkLifetime(claims, now * 1_000, leeways);
    return true;
  } catch {
    return false;
  }
}

describe('the life of a JWT', () => {
  it.each<[JsonObject, boolean]>([
    [{ exp: now - 59 }, true],
    [{ exp: now - 60 }, false],
    [{ exp: now + 1, nbf: now + 60 }, true],
    [{ exp: now + 1, nbf: now + 61 }, false],
    [{ exp: now + 1, iat: now + 60 }, true],
    [{ exp: now + 1, iat: now + 61 }, false],
    [{ exp: now + 1, nbf: 0, iat: now + 61 }, false],
    // Without an end: 150 seconds from the later of the two, and the skew.
    [{ iat: now - 209 }, true],
    [{ iat: now - 210 }, false],
    [{ iat: now - 900, nbf: now - 100 }, true],
    // Without a beginning: 150 seconds before the end, less the skew.
    [{ exp: now + 210 }, true],
    [{ exp: now + 211 }, false],
    [{ exp: now + 0.5 }, true],
    [{}, false],
  ])('%j: %s', (claims, good) => {
    expect(isGood(claims)).toBe(good);
  });

  it('has no leeway where there is none', () => {
    const none = { clockSkew: 0, expiration: 0, notBefore: 0 };
    expect(isGood({ exp: now, iat: now - 1 }, none)).toBe(false);
    expect(isGood({ exp: now + 1, iat: now }, none)).toBe(true);
    expect(isGood({ iat: now }, none)).toBe(false);
  });
});
