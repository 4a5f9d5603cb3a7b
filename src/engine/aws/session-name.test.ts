import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Caller } from '../../core/endpoint.ts';
import { checkNameText, givenName, nameOf } from './session-name.ts';

const digest = (text: string) => createHash('sha256').update(text).digest('base64url');
const pair = '{{token.metadata.issuer}}.{{token.metadata.account}}';

function caller(metadata: Readonly<Record<string, string>>): Caller {
  return { policies: [], displayName: 'totp-ann', accessor: '', entityId: 'e-1', groups: [], metadata };
}

function named(template: string, metadata: Readonly<Record<string, string>>): string {
  const input = { caller: caller(metadata), roleName: 'Admin', requestId: 'r-1' };
  return nameOf('session_name_template', template, input, digest);
}

describe('the name of a session', () => {
  it.each([
    [pair, { issuer: 'acme', account: 'account-admin' }, 'acme.account-admin'],
    ['{{ token.display_name }}@{{role}}', {}, 'totp-ann@Admin'],
    ['{{identity.entity.id}}', {}, 'e-1'],
    ['x-{{request.id}}', {}, 'x-r-1'],
  ])('by %s is as people know it', (template, metadata, name) => {
    expect(named(template, metadata)).toBe(name);
  });

  it.each([
    ['with a character that STS does not take', { issuer: 'Öl & Gas', account: 'ann' }, /^_l___Gas\.ann=/],
    ['that is too long', { issuer: 'i'.repeat(61), account: 'ann' }, /^i{47}=/],
    ['that can be read in two ways', { issuer: 'a.b', account: 'c' }, /^a\.b\.c=/],
    ['that looks like one with a digest', { issuer: 'a', account: `b=${'x'.repeat(16)}` }, /^a\.b=x{16}=/],
    ['that ends half a character', { issuer: `${'i'.repeat(46)}😀`, account: 'a' }, /^i{46}_=/],
  ])('%s ends in a digest', (_what, metadata, shape) => {
    expect(named(pair, metadata)).toMatch(new RegExp(`${shape.source}[\\w-]{16}$`));
  });

  it('threat 22: is one that STS takes, and another one for everybody else', () => {
    const part = fc.oneof(
      fc.string({ unit: 'binary', minLength: 1, maxLength: 80 }),
      fc.string({ unit: fc.constantFrom('a', 'b', '.', '=', '-', ' '), minLength: 1, maxLength: 24 }),
    );
    const who = fc.record({ issuer: part, account: part });
    fc.assert(
      fc.property(who, who, (one, other) => {
        const [first, second] = [named(pair, one), named(pair, other)];
        expect(first).toMatch(/^[A-Za-z0-9_+=,.@-]{2,64}$/);
        expect(first === second).toBe(one.issuer === other.issuer && one.account === other.account);
      }),
    );
    fc.assert(
      fc.property(part, part, (one, other) => {
        expect(givenName(one, digest)).toMatch(/^[A-Za-z0-9_+=,.@-]{2,64}$/);
        expect(givenName(one, digest) === givenName(other, digest)).toBe(one === other);
      }),
    );
  });

  it('is refused to whoever has not what it is made of', () => {
    for (const metadata of [{}, { issuer: 'acme' }, { issuer: 'acme', account: '' }]) {
      expect(() => named(pair, metadata)).toThrow(/this role wants token\.metadata\.\w+, which your token/);
    }
    expect(() => named('{{token.metadata.toString}}', {})).toThrow(/does not have/);
  });

  it.each([
    ['fixed', /without a place/],
    ['', /without a place/],
    ['{{token.metadata.issuer}', /braces/],
    [
      '{{other}}',
      /it knows token\.display_name, identity\.entity\.id, role, request\.id and token\.metadata\.NAME/,
    ],
    ['{{toString}}', /it knows/],
    ['{{token.metadata.}}', /it knows/],
    ['{{role}} {{request.id}}', /besides its places/],
    [`${'x'.repeat(33)}{{role}}`, /at most 32/],
    ['{{role}}'.repeat(100), /at most 512/],
  ])('cannot be made by %j', (template, message) => {
    expect(() => checkNameText('session_name_template', template)).toThrow(message);
  });
});
