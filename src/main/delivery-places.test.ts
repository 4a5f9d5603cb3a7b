import { describe, expect, it } from 'vitest';
import { resolveSettings } from '../config/load.ts';
import type { DeliverySettings } from '../config/settings.ts';
import { matchesPattern, requireBucket, requirePrefix } from '../delivery/places.ts';
import { deliveryPlaces, ownDirectory } from './delivery-places.ts';

function settingsOf(flags: Readonly<Record<string, string>>): DeliverySettings {
  const { settings, problems } = resolveSettings({ flags, env: {}, directory: '/work', file: undefined });
  expect(problems).toEqual([]);
  return settings.delivery;
}

function problemsOf(name: string, value: string): readonly string[] {
  const flags = { [name]: value };
  return resolveSettings({ flags, env: {}, directory: '/', file: undefined }).problems.map(
    ({ message }) => message,
  );
}

const own = '/home/x/.local/share/coffer-delivered';

describe('nothing said', () => {
  it('leaves the server’s own directory and nothing else', () => {
    expect(ownDirectory({ data: '/home/x/.local/share/coffer' })).toBe(own);
    const listed = deliveryPlaces(() => settingsOf({}), { own, data: '/srv/data' });
    expect(listed()).toEqual({
      directories: [own],
      ownDirectory: own,
      s3: [],
      secretsmanager: [],
      ssm: [],
      kubernetes: [],
    });
    expect(deliveryPlaces(() => settingsOf({}), {})()).toMatchObject({
      directories: [],
      ownDirectory: undefined,
    });
  });
});

describe('what is said', () => {
  it('takes the place of the default, and is read anew at each call', () => {
    let settings = settingsOf({ 'delivery-directories': '/srv/a,/srv/b' });
    const listed = deliveryPlaces(() => settings, { own, data: '/srv/data' });
    expect(listed()).toMatchObject({ directories: ['/srv/a', '/srv/b'], ownDirectory: undefined });
    settings = settingsOf({ 'delivery-directories': `${own},/srv/data/x,/srv`, 'delivery-s3': 'org-*' });
    expect(listed()).toMatchObject({ directories: [own], ownDirectory: own, s3: ['org-*'] });
  });

  it.each(['/srv/data', '/srv/data/store', '/srv', '/'])(
    'is refused where it is the data directory, in it or around it: %s',
    (path) => {
      const settings = settingsOf({ 'delivery-directories': path });
      expect(() => deliveryPlaces(() => settings, { own, data: '/srv/data' })).toThrow(
        expect.objectContaining({ code: 'usage' }),
      );
    },
  );

  it.each([
    ['delivery-s3', 'org-*@123456789012,plain.bucket', []],
    ['delivery-s3', 'Bucket', [/buckets such as/]],
    ['delivery-s3', 'org@12', [/buckets such as/]],
    ['delivery-s3', '', [/buckets such as/]],
    ['delivery-secretsmanager', 'apps/*@eu-central-1/123456789012,x@*/123456789012,*', []],
    ['delivery-secretsmanager', 'apps/*@eu.evil', [/prefixes such as/]],
    ['delivery-ssm', '/apps/*@eu-central-1,/x', []],
    ['delivery-ssm', 'apps', [/prefixes such as/]],
    [
      'delivery-kubernetes',
      'https://10.0.0.1:6443/shop-*?token=/a/token&ca=/a/ca.crt,https://kubernetes.default.svc/x',
      [],
    ],
    ['delivery-kubernetes', 'http://10.0.0.1/shop', [/namespaces such as/]],
    ['delivery-kubernetes', 'https://user:secret@10.0.0.1/shop', [/namespaces such as/]],
    ['delivery-kubernetes', 'https://10.0.0.1/shop?token=/a', [/namespaces such as/]],
  ] as const)('%s: %s', (name, value, problems) => {
    expect(problemsOf(name, value)).toEqual(problems.map((form) => expect.stringMatching(form)));
  });
});

describe('lists', () => {
  const listed = deliveryPlaces(
    () =>
      settingsOf({
        'delivery-ssm':
          '/apps/*@eu-central-1/123456789012,/apps/*@eu-central-1/111122223333,/any/*@*/444455556666,/open',
      }),
    {},
  );
  it('of prefixes say region and accounts', () => {
    expect(requirePrefix('ssm', '/apps/a', 'eu-central-1', listed())).toEqual({
      accounts: ['123456789012', '111122223333'],
    });
    expect(requirePrefix('ssm', '/any/x', 'us-east-1', listed())).toEqual({ accounts: ['444455556666'] });
    expect(requirePrefix('ssm', '/open', undefined, listed())).toEqual({ accounts: [] });
    for (const [prefix, region] of [
      ['/apps/a', 'us-east-1'],
      ['/apps/a', undefined],
      ['/app', 'eu-central-1'],
      ['/open/x', 'eu-central-1'],
    ] as const) {
      expect(() => requirePrefix('ssm', prefix, region, listed())).toThrow(/delivery\.ssm/);
    }
  });

  it('of buckets: the first that fits counts', () => {
    const s3 = ['org-a*@111122223333', 'org-*'];
    expect(requireBucket('org-ab', undefined, { ...listed(), s3 })).toBe('111122223333');
    expect(requireBucket('org-ab', '444455556666', { ...listed(), s3 })).toBe('444455556666');
    expect(requireBucket('org-b', undefined, { ...listed(), s3 })).toBeUndefined();
  });
});

it.each([
  ['*', 'anything', true],
  ['', 'x', false],
  ['a*', 'a', true],
  ['a*b*c', 'aXbYc', true],
  ['a*b*c', 'abc', true],
  ['a*b*c', 'acb', false],
  ['ab*ba', 'aba', false],
  ['a**b', 'ab', true],
  ['*a*a*', 'a', false],
  ['a.c', 'abc', false],
])('the pattern %s and %s: %s', (pattern, text, fits) => {
  expect(matchesPattern(pattern, text)).toBe(fits);
});
