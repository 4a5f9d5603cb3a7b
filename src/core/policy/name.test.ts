import { describe, expect, test } from 'vitest';
import { CofferError } from '../../errors.ts';
import { isDeletable, isReserved, parsePolicyName, parseWritablePolicyName } from './name.ts';

function refused(parse: (text: string) => unknown, text: string): boolean {
  try {
    parse(text);
    return false;
  } catch (error) {
    return error instanceof CofferError && error.code === 'invalid_request';
  }
}

describe('a policy’s name', () => {
  test('is lower-cased, and may hold digits, dots, dashes, underscores and slashes', () => {
    expect(parsePolicyName('Dev')).toBe('dev');
    for (const name of ['a', '0', 'team/dev', 'a.b-c_d/e', 'x'.repeat(128), 'a..b', '1..']) {
      expect(parsePolicyName(name)).toBe(name);
    }
  });

  test('is refused when empty, too long, or of other characters', () => {
    const wrong = [
      '',
      'x'.repeat(129),
      '-a',
      '.a',
      '_a',
      '/a',
      'a b',
      'a\n',
      '\ta',
      'a\0',
      'ä',
      'a*',
      'a+',
      'a,b',
      'a%2f',
    ];
    for (const name of [
      ...wrong,
      'a//b',
      'a/',
      'a/../b',
      'a/.',
      'a/..',
      'ſ',
      'a\u200b',
      '\ud800',
      'x'.repeat(1e6),
    ]) {
      expect(refused(parsePolicyName, name), JSON.stringify(name.slice(0, 20))).toBe(true);
    }
  });

  test('threat 10: root by policy-name normalisation — no spelling becomes root behind the check', () => {
    const spellings = ['root', 'ROOT', 'Root', 'rOOt'];
    for (const spelling of spellings) {
      expect(isReserved(parsePolicyName(spelling))).toBe(true);
      expect(refused(parseWritablePolicyName, spelling)).toBe(true);
    }
    expect(refused(parseWritablePolicyName, 'Response-Wrapping')).toBe(true);
    const disguised = [
      ' root',
      'root ',
      '\troot',
      'root\n',
      'root\r\n',
      '\u00a0root',
      'root\u200b',
      '\ufeffroot',
      'ro\u00adot',
      'r\u03bfot',
      'ｒｏｏｔ',
      'ℝoot',
      'ro\u006f\u0301t',
      'root\0',
      '\0root',
      'root,',
      '"root"',
      './root',
      'root/',
      '/root',
      'x/../root',
      'root/.',
      '%72oot',
      'root%00',
      'roo\u0074\u0334',
      '𝐫oot',
      'ɾoot',
    ];
    for (const spelling of disguised)
      expect(refused(parsePolicyName, spelling), JSON.stringify(spelling)).toBe(true);
    // The Kelvin sign and the long s are folded to k and s by Unicode's rules: here they are simply not letters.
    expect(refused(parsePolicyName, '\u212a')).toBe(true);
    expect(refused(parsePolicyName, 're\u017fponse-wrapping')).toBe(true);
    // Whatever passes is final: parsing it again changes nothing.
    for (const name of ['Root-x', 'a/Root', 'ROOTS']) {
      const parsed = parsePolicyName(name);
      expect(parsePolicyName(parsed)).toBe(parsed);
      expect(isReserved(parsed)).toBe(false);
    }
  });

  test('default may be written but not deleted', () => {
    expect(parseWritablePolicyName('Default')).toBe('default');
    expect(isDeletable(parsePolicyName('default'))).toBe(false);
    expect(isDeletable(parsePolicyName('root'))).toBe(false);
    expect(isDeletable(parsePolicyName('response-wrapping'))).toBe(false);
    expect(isDeletable(parsePolicyName('dev'))).toBe(true);
  });
});
