import { describe, expect, it } from 'vitest';
import { functionSettings } from './settings.ts';

const env = {
  AWS_REGION: 'eu-central-1',
  COFFER_STORAGE: 'dynamodb:coffer?region=eu-central-1',
  COFFER_SEAL: 'awskms:alias/coffer?region=eu-central-1',
};

describe('the settings of a function', () => {
  it('are those of a server, as far as they mean something', () => {
    const found = functionSettings({
      ...env,
      COFFER_LIMITS_REQUEST_BYTES: '64KiB',
      COFFER_DEFAULT_LEASE_TTL: '1h',
      COFFER_MAX_LEASE_TTL: '24h',
      COFFER_LAMBDA_HOME: 'billing',
      COFFER_DIALECT: 'vault',
    });
    expect(found.place.name).toContain('dynamodb:coffer');
    expect(found.home).toBe('billing');
    expect(found.settings.limits.requestBytes).toBe(65_536);
    expect(found.settings.leases.maxTtl).toBe(86_400_000);
    const postgres = { ...env, COFFER_STORAGE: 'postgres://coffer@db.example.com/coffer' };
    expect(functionSettings(postgres).place.kind).toBe('postgres');
    expect(functionSettings(env).home).toBeUndefined();
  });

  it.each([
    ['a store that ends with its process', { COFFER_STORAGE: 'memory:' }, /one of dynamodb:.*postgres/],
    ['a store on a disk', { COFFER_STORAGE: 'lmdb:/var/task/store' }, /one of dynamodb:/],
    ['no store', { COFFER_STORAGE: '' }, /needs COFFER_STORAGE/],
    ['no key', { COFFER_SEAL: '' }, /needs COFFER_STORAGE .* and COFFER_SEAL/],
    ['a listener', { COFFER_LISTEN: '0.0.0.0:8200' }, /COFFER_LISTEN means nothing in a function/],
    ['a data directory', { COFFER_DATA: '/tmp' }, /COFFER_DATA means nothing/],
    ['workers', { COFFER_WORKERS: '4' }, /COFFER_WORKERS means nothing/],
    ['trusted proxies', { COFFER_TRUSTED_PROXIES: '0.0.0.0/0' }, /COFFER_TRUSTED_PROXIES means nothing/],
    ['a dialect that there is not', { COFFER_DIALECT: 'smtp' }, /dialect/],
    ['a number that is none', { COFFER_LIMITS_BURST: 'many' }, /burst/i],
  ])('refuse %s', (_what, more, message) => {
    expect(() => functionSettings({ ...env, ...more })).toThrow(message);
  });

  it('threat 16: repeat no password of a storage', () => {
    const storage = 'postgres://coffer:correct-horse@db.example.com/coffer?nonsense=1';
    expect(() => functionSettings({ ...env, COFFER_STORAGE: storage })).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining('correct-horse') }),
    );
  });
});
