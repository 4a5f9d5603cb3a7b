import { describe, expect, it } from 'vitest';
import { isWithin, parseNetwork } from './network.ts';

describe('an address', () => {
  it.each([
    ['10.1.2.3', ['10.0.0.0/8']],
    ['10.1.2.3', ['10.1.2.3']],
    ['10.1.2.3', ['10.1.2.3/32']],
    ['10.1.2.3', ['192.0.2.0/24', '10.1.2.0/24']],
    ['10.1.2.3', ['0.0.0.0/0']],
    ['::ffff:10.1.2.3', ['10.0.0.0/8']],
    ['2001:db8::1', ['2001:db8::/32']],
    ['2001:db8:0:0:0:0:0:1', ['2001:db8::1']],
    ['::1', ['::/0']],
  ])('%s lies in %j', (address, networks) => {
    expect(isWithin(address, networks)).toBe(true);
  });

  it.each([
    ['10.1.2.3', []],
    ['10.1.2.3', ['10.1.2.4']],
    ['10.1.2.3', ['11.0.0.0/8']],
    ['10.1.2.3', ['::/0']],
    ['2001:db9::1', ['2001:db8::/32']],
    ['2001:db8::1', ['0.0.0.0/0']],
    ['10.1.2.3', ['nonsense', '10.0.0.0/99', '']],
    ['', ['0.0.0.0/0', '::/0']],
    ['localhost', ['0.0.0.0/0']],
    ['10.1.2.3:8200', ['0.0.0.0/0']],
    ['010.1.2.3', ['10.0.0.0/8']],
    ['10.1.2', ['10.0.0.0/8']],
    ['::ffff:', ['0.0.0.0/0']],
  ])('%j does not lie in %j', (address, networks) => {
    expect(isWithin(address, networks)).toBe(false);
  });
});

describe('a network', () => {
  it.each(['10.0.0.0/8', '10.1.2.3', '0.0.0.0/0', '::/0', '2001:db8::/32', '::1'])('may be %s', (text) => {
    expect(parseNetwork(text)).toBe(text);
  });

  it.each([
    '',
    '10.0.0.0/33',
    '::/129',
    '10.0.0/8',
    'home',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    '10.0.0.0/-1',
    ' 10.0.0.1',
    '*',
  ])('is not %j', (text) => {
    expect(() => parseNetwork(text)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
  });
});
