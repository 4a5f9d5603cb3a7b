import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parsePostgresAddress } from './address.ts';
import { findPassword, passwordIn } from './password.ts';

describe('the URL of a store in PostgreSQL', () => {
  it('has defaults, and a place that names no user', () => {
    expect(parsePostgresAddress('postgres://coffer@db.example.com/secrets')).toEqual({
      hosts: [{ host: 'db.example.com', port: 5432 }],
      database: 'secrets',
      username: 'coffer',
      password: undefined,
      schema: undefined,
      connections: 10,
      tls: { mode: 'verify-full' },
      place: 'postgres://db.example.com:5432/secrets',
    });
  });

  it('may name several hosts, a socket, a schema, and escapes', () => {
    const several = parsePostgresAddress(
      'postgresql://u:p%40%3A%2F@a:1,[::1]:2,c/d%20b?schema=s%26t&connections=3',
    );
    expect(several).toMatchObject({
      hosts: [
        { host: 'a', port: 1 },
        { host: '::1', port: 2 },
        { host: 'c', port: 5432 },
      ],
      password: 'p@:/',
      database: 'd b',
      schema: 's&t',
      connections: 3,
      place: 'postgres://a:1,[::1]:2,c:5432/d%20b?schema=s%26t',
    });
    expect(parsePostgresAddress('postgres://u@/d?host=/run/postgresql')).toMatchObject({
      hosts: [{ host: '/run/postgresql', port: 5432 }],
      tls: { mode: 'disable' },
    });
    expect(parsePostgresAddress('postgres://u:a:b@c@localhost').password).toBe('a:b@c');
  });

  it('threat 24: has certificates checked unless it is of this machine or says otherwise', () => {
    const modeOf = (rest: string) => parsePostgresAddress(`postgres://u@${rest}`).tls.mode;
    expect(modeOf('db/d')).toBe('verify-full');
    expect(modeOf('localhost,db/d')).toBe('verify-full');
    expect(modeOf('localhost.example.com/d')).toBe('verify-full');
    expect(modeOf('127.0.0.1.example.com/d')).toBe('verify-full');
    expect(modeOf('127.0.0.1/d')).toBe('disable');
    expect(modeOf('[::1]/d')).toBe('disable');
    expect(modeOf('localhost/d?sslrootcert=/ca.pem')).toBe('verify-full');
    expect(modeOf('db/d?sslmode=require')).toBe('require');
  });

  it.each([
    'postgres://h/d',
    'postgres://:secret-word@h/d',
    'postgres://u:secret-word@/d',
    'postgres://u:secret-word@h:99999/d',
    'postgres://u:secret-word@h:x/d',
    'postgres://u:secret-word@h,,i/d',
    'postgres://u:secret-word@h/d/e',
    'postgres://u:secret-word@h/d#secret-word',
    'postgres://u:%zz@h/d',
    'postgres://u:%00@h/d',
    'postgres://u@h/d?password=secret-word',
    'postgres://u@h/d?options=-csecret-word',
    'postgres://u@h/d?sslmode=prefer',
    'postgres://u@h/d?sslmode=require&sslmode=disable',
    'postgres://u@h/d?sslmode=disable&sslrootcert=/ca',
    'postgres://u@h/d?sslmode=require&sslrootcert=/ca',
    'postgres://u@h/d?sslrootcert=ca',
    'postgres://u@h/d?sslcert=/c',
    'postgres://u@h/d?connections=0',
    'postgres://u@h/d?connections=999',
    'postgres://u@h/d?host=other',
    'postgres://u@h/d?host=/run',
    'postgres:u@h',
    '',
  ])('threat 16: is refused with what would be right, and is not repeated: %s', (url) => {
    const parse = () => parsePostgresAddress(url);
    expect(parse).toThrow(expect.objectContaining({ code: 'invalid_request' }));
    expect(parse).not.toThrow(/secret-word/);
  });
});

describe('a password that the URL does not have', () => {
  const wanted = { host: 'db.example.com', port: 5432, database: 'secrets', username: 'coffer' };

  it('is in the first line of the file that fits', () => {
    const file = [
      '# db.example.com:5432:secrets:coffer:remark',
      'other:5432:secrets:coffer:1',
      'too:few:fields',
      '*:*:secrets:coffer:of:colons\\\\and\\:more',
      '*:*:*:*:last',
    ].join('\n');
    expect(passwordIn(file, wanted)).toBe('of:colons\\and:more');
    expect(passwordIn(file, { ...wanted, database: 'else' })).toBe('last');
    expect(passwordIn(file, { ...wanted, host: 'other' })).toBe('1');
    expect(passwordIn('h\\:1:5432:secrets:coffer:x', { ...wanted, host: 'h:1' })).toBe('x');
    expect(passwordIn('localhost:5432:*:*:s', { ...wanted, host: '/run' })).toBe('s');
    expect(passwordIn('', wanted)).toBeUndefined();
  });

  it('threat 26: is taken from PGPASSWORD, else from a file that is for its owner alone', () => {
    const home = mkdtempSync(join(tmpdir(), 'coffer-pgpass-'));
    try {
      const path = join(home, '.pgpass');
      writeFileSync(path, '*:*:*:*:of-the-file', { mode: 0o600 });
      expect(findPassword(wanted, { HOME: home })).toBe('of-the-file');
      expect(findPassword(wanted, { HOME: home, PGPASSWORD: 'direct' })).toBe('direct');
      const lax = join(home, 'lax');
      writeFileSync(lax, '*:*:*:*:of-the-file', { mode: 0o640 });
      expect(() => findPassword(wanted, { HOME: home, PGPASSFILE: lax })).toThrow(
        /mode 0640; say: chmod 600/,
      );
      expect(findPassword(wanted, { PGPASSFILE: join(home, 'none') })).toBe('');
      expect(findPassword(wanted, {})).toBe('');
    } finally {
      rmSync(home, { recursive: true });
    }
  });
});
