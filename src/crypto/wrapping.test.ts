import { createSecretKey } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { encodeContext } from './context.ts';
import { systemRandom } from './random.ts';
import { unwrapBytes, wrapBytes } from './wrapping.ts';

const key = createSecretKey(systemRandom.bytes(32));
const place = encodeContext('test place', [1, 'here']);
const secret = systemRandom.bytes(32);
const wrapping = wrapBytes(systemRandom, key, secret, place);

function flip(bytes: Buffer, index: number): Buffer {
  const flipped = Buffer.from(bytes);
  flipped.writeUInt8(flipped.readUInt8(index) ^ 1, index);
  return flipped;
}

describe('wrapping', () => {
  it('opens with its key at its place', () => {
    expect(unwrapBytes(key, wrapping, place)).toEqual({ kind: 'opened', bytes: secret });
  });

  it('tells a wrong key from damage', () => {
    const other = createSecretKey(systemRandom.bytes(32));
    expect(unwrapBytes(other, wrapping, place)).toEqual({ kind: 'wrong-key' });
    expect(unwrapBytes(key, wrapping, encodeContext('test place', [1, 'there']))).toEqual({
      kind: 'damaged',
    });
    expect(unwrapBytes(key, { ...wrapping, wrapped: Buffer.alloc(0) }, place)).toEqual({ kind: 'damaged' });
    expect(unwrapBytes(key, { ...wrapping, check: Buffer.alloc(0) }, place)).toEqual({ kind: 'damaged' });
  });

  it('threat 25: any flipped byte is told as damage, in either part', () => {
    for (let index = 0; index < wrapping.wrapped.length; index++) {
      const damaged = { ...wrapping, wrapped: flip(wrapping.wrapped, index) };
      expect(unwrapBytes(key, damaged, place)).toEqual({ kind: 'damaged' });
    }
    for (let index = 0; index < wrapping.check.length; index++) {
      const damaged = { ...wrapping, check: flip(wrapping.check, index) };
      expect(unwrapBytes(key, damaged, place)).toEqual({ kind: 'damaged' });
    }
  });
});
