import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { addressOf, parseConsulPlace } from './address.ts';
import { AgentToken } from './token.ts';

const directory = mkdtempSync(join(tmpdir(), 'coffer-consul-address-'));
afterAll(() => rmSync(directory, { recursive: true }));

const read = (url: string, env: Record<string, string> = {}) => addressOf(parseConsulPlace(url), env);
const invalid = (text: string | RegExp) =>
  expect.objectContaining({ code: 'invalid_request', message: expect.stringMatching(text) });

describe('where a store in Consul is', () => {
  it.each([
    ['consul:coffer', {}, 'http://127.0.0.1:8500', 'coffer'],
    ['consul:team/coffer.1/', {}, 'http://127.0.0.1:8500', 'team/coffer.1'],
    ['consul:coffer', { CONSUL_HTTP_ADDR: '127.0.0.1:1234' }, 'http://127.0.0.1:1234', 'coffer'],
    [
      'consul:coffer',
      { CONSUL_HTTP_ADDR: 'http://consul.example:8500/' },
      'http://consul.example:8500',
      'coffer',
    ],
    ['consul:coffer', { CONSUL_HTTP_ADDR: 'https://consul.example' }, 'https://consul.example:443', 'coffer'],
    [
      'consul:coffer',
      { CONSUL_HTTP_ADDR: 'localhost', CONSUL_HTTP_SSL: 'true' },
      'https://localhost:8500',
      'coffer',
    ],
    ['consul://consul.example/coffer', {}, 'https://consul.example:8500', 'coffer'],
    ['consul://consul.example:80/coffer?tls=off', {}, 'http://consul.example:80', 'coffer'],
    ['consul://[::1]:8500/coffer', { CONSUL_HTTP_ADDR: 'elsewhere:1' }, 'http://[::1]:8500', 'coffer'],
    ['consul://127.0.0.1/coffer?ca=/ca.pem', {}, 'https://127.0.0.1:8500', 'coffer'],
  ])('%s with %j', (url, env, origin, prefix) => {
    expect(read(url, env as Record<string, string>)).toMatchObject({ origin, prefix });
  });

  it('speaks TLS to another machine unless somebody says otherwise', () => {
    expect(read('consul:c', { CONSUL_HTTP_ADDR: 'consul.example:8500' }).origin).toBe(
      'https://consul.example:8500',
    );
    expect(
      read('consul:c', { CONSUL_HTTP_ADDR: 'consul.example:8500', CONSUL_HTTP_SSL: 'false' }).origin,
    ).toBe('http://consul.example:8500');
    expect(() => read('consul://consul.example/c?tls=off', { CONSUL_CACERT: '/ca.pem' })).toThrow(
      invalid('say one of the two'),
    );
  });

  it('threat 24: never goes without TLS where somebody asked for it', () => {
    expect(
      read('consul:c', { CONSUL_HTTP_ADDR: 'http://consul.example:8501', CONSUL_HTTP_SSL: 'true' }).origin,
    ).toBe('https://consul.example:8501');
    expect(read('consul://127.0.0.1:8501/c', { CONSUL_HTTP_SSL: 'true' }).origin).toBe(
      'https://127.0.0.1:8501',
    );
    for (const word of ['on', 'yes', 'tru']) {
      expect(() =>
        read('consul:c', { CONSUL_HTTP_ADDR: 'consul.example:8500', CONSUL_HTTP_SSL: word }),
      ).toThrow(invalid('CONSUL_HTTP_SSL is true or false'));
    }
  });

  it('takes certificates, a socket, a datacenter and a token from where they are said', () => {
    const env = {
      CONSUL_CACERT: '/env/ca.pem',
      CONSUL_CLIENT_CERT: '/env/cert.pem',
      CONSUL_CLIENT_KEY: '/env/key.pem',
      CONSUL_TLS_SERVER_NAME: 'server.dc1.consul',
      CONSUL_HTTP_TOKEN: 'of-the-environment',
    };
    expect(read('consul://consul.example/c?dc=dc2&ca=/own/ca.pem', env)).toMatchObject({
      tls: {
        authority: '/own/ca.pem',
        certificate: '/env/cert.pem',
        key: '/env/key.pem',
        serverName: 'server.dc1.consul',
      },
      datacenter: 'dc2',
      token: 'of-the-environment',
    });
    expect(read('consul:c', { CONSUL_HTTP_ADDR: 'unix:///run/consul.sock' })).toMatchObject({
      socket: '/run/consul.sock',
      tls: undefined,
    });
    expect(read('consul:c?token-file=/t', env)).toMatchObject({ token: undefined, tokenFile: '/t' });
    expect(read('consul:c', { ...env, CONSUL_HTTP_TOKEN_FILE: '/f' }).tokenFile).toBe('/f');
    expect(read('consul://:of-the-url@localhost/c', env)).toMatchObject({
      token: 'of-the-url',
      tokenFile: undefined,
    });
  });

  it.each([
    ['consul:', 'prefix'],
    ['consul:/', 'prefix'],
    ['consul:a//b', 'prefix'],
    ['consul:../a', 'prefix'],
    ['consul:a/..', 'prefix'],
    ['consul:a..b', 'prefix'],
    ['consul:a b', 'prefix'],
    ['consul:é', 'prefix'],
    [`consul:${'a'.repeat(129)}`, 'prefix'],
    ['consul://localhost', 'consul://HOST:8500/PREFIX|prefix'],
    ['consul://localhost/', 'prefix'],
    ['consul:///c', 'names no host'],
    ['consul://localhost:0/c', 'a port'],
    ['consul://localhost:99999/c', 'a port'],
    ['consul:c?tls=maybe', 'tls is on or off'],
    ['consul:c?what=1', 'not one of'],
    ['consul:c?dc=a&dc=b', 'dc twice'],
    ['consul:c?dc=', 'is empty'],
    ['consul:c?dc=a/b', 'datacenter'],
    ['consul:c?ca=ca.pem', 'absolute path'],
    ['consul:c#x', 'consul:PREFIX'],
  ])('%s is refused', (url, text) => {
    expect(() => parseConsulPlace(url)).toThrow(invalid(new RegExp(text)));
  });

  it('threat 16: shows no token, and repeats none in a message', () => {
    expect(parseConsulPlace('consul://:s3cret@consul.example/c?dc=d').shown).toBe(
      'consul://consul.example:8500/c?dc=d',
    );
    for (const url of [
      'consul://s3cret@h/c',
      'consul://:s3cret@h/c?x=1',
      'consul://:s3cret@h',
      'consul://:s3 cret@h/c',
      'consul://a:s3cret@h/c',
    ]) {
      const refusal = (): unknown => {
        try {
          return parseConsulPlace(url);
        } catch (error) {
          return String(error);
        }
      };
      expect(refusal(), url).not.toContain('s3');
    }
  });

  it('threat 24: never goes without the check of certificates', () => {
    for (const value of ['false', '0', 'no', 'FALSE']) {
      expect(() => read('consul:c', { CONSUL_HTTP_SSL_VERIFY: value })).toThrow(invalid('CONSUL_CACERT'));
    }
    expect(read('consul:c', { CONSUL_HTTP_SSL_VERIFY: 'true' }).prefix).toBe('c');
  });

  it.each(['CONSUL_CAPATH', 'CONSUL_HTTP_AUTH', 'CONSUL_NAMESPACE', 'CONSUL_PARTITION'])(
    'refuses %s, which it would not heed',
    (name) => {
      expect(() => read('consul:c', { [name]: 's3cret' })).toThrow(
        invalid(`^${name} is set, and not heeded`),
      );
      expect(read('consul:c', { [name]: '' }).prefix).toBe('c');
    },
  );

  it.each(['http://h:1/path', 'ftp://h', 'user@h:1', ''.padEnd(3, '/'), 'a b'])(
    'refuses CONSUL_HTTP_ADDR=%s',
    (text) => {
      expect(() => read('consul:c', { CONSUL_HTTP_ADDR: text })).toThrow(
        invalid('CONSUL_HTTP_ADDR|names no host'),
      );
    },
  );

  it('refuses half a client certificate', () => {
    expect(() => read('consul:c', { CONSUL_CLIENT_CERT: '/c' })).toThrow(invalid('go together'));
  });

  it('threat 26: reads a token only from a file of its own, and one that can be sent', () => {
    const tokenFile = join(directory, 'token');
    const open = () => new AgentToken({ token: undefined, tokenFile }).current;
    expect(open).toThrow(
      expect.objectContaining({ code: 'store_unusable', message: expect.stringContaining('cannot be read') }),
    );
    writeFileSync(tokenFile, 'a-token\n', { mode: 0o600 });
    expect(open()).toBe('a-token');
    chmodSync(tokenFile, 0o640);
    expect(open).toThrow(expect.objectContaining({ message: expect.stringContaining('chmod 600') }));
    chmodSync(tokenFile, 0o600);
    for (const text of ['', 'two\nlines', 'gé']) {
      writeFileSync(tokenFile, text);
      expect(open).toThrow(invalid('token of Consul'));
    }
  });
});
