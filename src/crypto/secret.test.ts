import { format, inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { Secret } from './secret.ts';

describe('Secret', () => {
  it('threat 16: shows nothing however it is printed', () => {
    const secret = new Secret(Buffer.from('hunter2'));
    const error = new Error('failed', { cause: secret });
    const shown = [
      String(secret),
      `${secret}`,
      ['a', secret].join(),
      JSON.stringify({ secret, list: [secret] }),
      inspect(secret, { showHidden: true, depth: null }),
      inspect({ nested: { secret } }, { depth: null }),
      inspect(error),
      format('%s %o %j %O', secret, secret, secret, secret),
      JSON.stringify(Object.entries(secret)),
    ].join('\n');
    expect(shown).not.toContain('hunter2');
    expect(shown).not.toContain(Buffer.from('hunter2').toString('hex'));
    expect(shown).not.toContain('104'); // the first byte, as a number
    expect(shown.match(/\[redacted\]/g)?.length).toBeGreaterThanOrEqual(12);
  });

  it('gives its bytes through one door, and zeroes them when disposed of', () => {
    const bytes = Buffer.from('hunter2');
    const secret = new Secret(bytes);
    expect(secret.reveal()).toBe(bytes);
    secret[Symbol.dispose]();
    expect(bytes.every((byte) => byte === 0)).toBe(true);
    expect(() => secret.reveal()).toThrow('disposed');
    secret[Symbol.dispose]();
  });

  it('works with `using`', () => {
    const bytes = Buffer.from('hunter2');
    {
      using secret = new Secret(bytes);
      expect(secret.reveal().toString()).toBe('hunter2');
    }
    expect(bytes.toString('hex')).toBe('00000000000000');
  });
});
