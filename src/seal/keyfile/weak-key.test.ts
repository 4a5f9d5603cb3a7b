import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { systemRandom } from '../../crypto/random.ts';
import { checkKeyStrength } from './weak-key.ts';

const root = join(import.meta.dirname, '../../..');
const refusal = expect.objectContaining({ code: 'invalid_request' });

/** Whatever in a text could be pasted into a keyfile: 32 bytes in hex or base64, alone or after `key:`. */
function keysIn(text: string): Buffer[] {
  const hex = [...text.matchAll(/(?<![0-9a-zA-Z])[0-9a-fA-F]{64}(?![0-9a-zA-Z])/g)].map(([found]) =>
    Buffer.from(found, 'hex'),
  );
  const base64 = [...text.matchAll(/(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{43}=(?!=)/g)].map(([found]) =>
    Buffer.from(found, 'base64'),
  );
  return [...hex, ...base64];
}

function accepted(key: Buffer): boolean {
  try {
    checkKeyStrength(key);
    return true;
  } catch {
    return false;
  }
}

describe('threat 30: keys that are keys in form only', () => {
  it('passes what a generator draws', () => {
    for (let count = 0; count < 2_000; count++) checkKeyStrength(systemRandom.bytes(32));
  });

  it('refuses patterns, counters and texts', () => {
    const weak = [
      Buffer.alloc(32),
      Buffer.alloc(32, 0xff),
      Buffer.alloc(32, 'changeme'),
      Buffer.from(Array.from({ length: 32 }, (_, index) => index)),
      Buffer.from(Array.from({ length: 32 }, (_, index) => 255 - index)),
      Buffer.from(Array.from({ length: 32 }, (_, index) => (index * 7 + 3) & 0xff)),
      Buffer.from('0123456789abcdef0123456789abcdef'),
      Buffer.from('A passphrase of 32 letters: nope'),
      Buffer.concat([Buffer.alloc(24), systemRandom.bytes(8)]),
    ];
    for (const key of weak) {
      expect(key.length).toBe(32);
      expect(() => checkKeyStrength(key)).toThrow(refusal);
    }
  });

  it('refuses every key in the published vectors', () => {
    const names = ['barrier-record-v1', 'keyring-v1', 'slot-keyfile-v1', 'slot-shamir-v1', 'keyfile-text-v1'];
    const keys = names.flatMap((name) =>
      keysIn(readFileSync(join(root, 'test/vectors', `${name}.json`), 'utf8')),
    );
    expect(keys.length).toBeGreaterThan(30);
    for (const key of keys) expect(() => checkKeyStrength(key)).toThrow(/published|pattern/);
  });

  it('finds no usable key in the pages about seals', () => {
    expect(keysIn(`key: ${systemRandom.bytes(32).toString('base64')}\n`).filter(accepted).length).toBe(1);
    const folder = join(root, 'docs/reference');
    const pages = readdirSync(folder).filter((name) => name.startsWith('seal-'));
    expect(pages.length).toBeGreaterThanOrEqual(2);
    for (const page of pages) {
      expect(keysIn(readFileSync(join(folder, page), 'utf8')).filter(accepted)).toEqual([]);
    }
  });
});
