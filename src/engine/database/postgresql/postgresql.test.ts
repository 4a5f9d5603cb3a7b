import { describe, expect, it } from 'vitest';
import { databasePlace } from '../../../../test/setup/database-place.ts';
import { describeDatabasePlugin } from '../plugin.contract.ts';
import { postgresql } from './postgresql.ts';

const place = await databasePlace('postgresql');
const create = `CREATE ROLE "{{name}}" WITH LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}'`;

describe.skipIf(place === undefined)('PostgreSQL', () => {
  if (place === undefined) return;
  describeDatabasePlugin(postgresql, place, {
    create: [create, 'GRANT SELECT ON ALL TABLES IN SCHEMA public TO "{{name}}"; -- a remark'],
    halfWay: [`${create};`, 'GRANT SELECT ON no_such_table TO "{{name}}"'],
    ownPassword: [],
    notNames: [],
  });
});

describe('an address of PostgreSQL', () => {
  const parse = (url: string, tls = {}) => postgresql.parseUrl(url, { username: 'u', password: 'p' }, tls);
  const base = 'postgresql://{{username}}:{{password}}@db.example.com';

  it('has defaults', () => {
    expect(parse(`${base}/app`)).toMatchObject({ host: 'db.example.com', port: 5_432, database: 'app' });
    expect(parse('postgres://{{username}}:{{password}}@[::1]:5/')).toMatchObject({
      host: '::1',
      port: 5,
      database: 'u',
    });
    expect(parse('postgresql:///app?host=/run/postgresql')).toMatchObject({
      socket: '/run/postgresql',
      username: 'u',
    });
  });

  it('is checked by certificate unless it is of this machine or says otherwise', () => {
    expect(parse(`${base}/app`).tls.mode).toBe('verify-full');
    expect(parse('postgresql://{{username}}@localhost/app').tls.mode).toBe('off');
    expect(parse('postgresql://{{username}}@127.0.0.1/app', { authority: 'pem' }).tls.mode).toBe(
      'verify-full',
    );
    expect(parse(`${base}/app?sslmode=disable`).tls.mode).toBe('off');
    expect(parse(`${base}/app?sslmode=require`).tls.mode).toBe('encrypt');
    expect(parse(`${base}/app?sslmode=require`, { authority: 'pem' }).tls.mode).toBe('verify-ca');
    expect(parse(`${base}/app`, { skipVerify: true }).tls.mode).toBe('encrypt');
  });

  it.each([
    'sslmode=prefer',
    'sslrootcert=/etc/passwd',
    'host=other',
    'options=-c%20x',
    'sslmode=require&sslmode=disable',
    'passfile=/root/.pgpass',
  ])('does not take %s', (query) => {
    expect(() => parse(`${base}/app?${query}`)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
  });

  it.each([
    ['postgresql://u:pa@ss@h/d', 'postgresql://u:*****@h/d'],
    ['postgresql://u@x:secret@h/d', 'postgresql://u@x:*****@h/d'],
    ['postgresql://u@x:se:c@ret@h:5/d?sslmode=disable', 'postgresql://u@x:*****@h:5/d?sslmode=disable'],
    ['postgresql://{{username}}:se{{password}}@h/d', 'postgresql://{{username}}:*****@h/d'],
    ['postgresql://u:{{ password }}@h/d', 'postgresql://u:{{ password }}@h/d'],
    ['postgresql://u@h/d:x@y', 'postgresql://u@h/d:x@y'],
  ])('threat 16: shows nothing of a password, whatever stands in it: %s', (url, shown) => {
    expect(parse(url)).toMatchObject({ host: 'h' });
    expect(postgresql.maskUrl(url)).toEqual({ url: shown, masked: url !== shown });
  });
});
