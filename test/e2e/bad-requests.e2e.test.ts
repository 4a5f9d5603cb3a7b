/** Requests that should never have been sent: each gets its status and a word of explanation, changes nothing, and hurts nobody else. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { rootTokenOf } from './kill-rounds.ts';
import { cleanUp, cli, freshPlace, type ServerProcess, startServer } from './server-process.ts';
import { digestOf } from './store-digest.ts';
import { openWire, sendBytes, textAt, type Wire, type WireRequest } from './wire.ts';

afterAll(cleanUp);

describe('a server that is sent nonsense', () => {
  const place = freshPlace();
  let server: ServerProcess;
  let wire: Wire;
  let rootToken = '';
  let before = '';

  beforeAll(async () => {
    server = await startServer(place, { words: ['--init'] });
    rootToken = rootTokenOf(place);
    wire = openWire(server.address, rootToken);
    await wire.ask('PUT', 'secret/data/kept', { body: { data: { value: 'as it was' } } });
  });
  afterAll(() => wire.close());

  beforeEach(async () => {
    before = await digestOf(place.data);
  });

  afterEach(async () => {
    expect(await digestOf(place.data), 'something was changed').toBe(before);
    const kept = await wire.ask('GET', 'secret/data/kept');
    expect([kept.status, kept.text.includes('as it was')]).toEqual([200, true]);
  });

  const deep = `${'{"data":'.repeat(10_000)}1${'}'.repeat(10_000)}`;
  const bodies: readonly (readonly [
    string,
    string,
    WireRequest['body'] & (string | Buffer),
    number,
    RegExp,
  ])[] = [
    ['JSON that ends early', 'secret/data/kept', '{"data":{"a":', 400, /JSON/],
    ['JSON with something behind it', 'secret/data/kept', '{"data":{}} trailing', 400, /JSON/],
    ['a list for an object', 'secret/data/kept', '[1,2]', 400, /object/],
    ['text for an object', 'secret/data/kept', '{"data":"text"}', 400, /data.*object/],
    ['no data', 'secret/data/kept', '{"value":"x"}', 400, /no data provided/],
    ['a word for a number', 'secret/data/kept', '{"data":{},"options":{"cas":"two"}}', 400, /cas|number/],
    ['10,000 objects inside each other', 'secret/data/kept', deep, 400, /deep|nested|inside|depth/],
    [
      'bytes that are not UTF-8',
      'secret/data/kept',
      Buffer.from('{"data":{"a":"\xff"}}', 'latin1'),
      400,
      /UTF-8/,
    ],
    ['a TTL of words', 'auth/token/create', '{"ttl":"soon"}', 400, /ttl.*duration/],
    ['a policy that is none', 'sys/policies/acl/bad', '{"policy":"path {"}', 400, /./],
    ['a mount of no type', 'sys/mounts/x', '{"type":"nonsense"}', 400, /nonsense|unknown|plugin/],
    ['a mount over another', 'sys/mounts/secret', '{"type":"kv-v2"}', 400, /path is already in use/],
  ];

  it.each(bodies)('threat 15: %s', async (_what, path, body, status, text) => {
    const answer = await wire.ask('POST', path, { body });
    expect(answer).toMatchObject({ status, json: { errors: [expect.stringMatching(text)] } });
    expect(answer.headers['content-type']).toBe('application/json');
  });

  it('threat 15: a body of 33 MiB, announced', async () => {
    const head = `PUT /v1/secret/data/kept HTTP/1.1\r\nHost: x\r\nX-Vault-Token: ${rootToken}\r\nContent-Length: ${33 * 2 ** 20}\r\n\r\n`;
    expect(await sendBytes(server.address, head)).toMatch(
      /^HTTP\/1\.1 413 [\s\S]*"errors":\["[^"]*(large|MiB|bytes)/,
    );
  });

  it('threat 15: a body of 33 MiB, in pieces that do not say how many follow', async () => {
    const head = `PUT /v1/secret/data/kept HTTP/1.1\r\nHost: x\r\nX-Vault-Token: ${rootToken}\r\nTransfer-Encoding: chunked\r\n\r\n`;
    const piece = Buffer.concat([
      Buffer.from('100000\r\n'),
      Buffer.alloc(2 ** 20, 0x20),
      Buffer.from('\r\n'),
    ]);
    const bytes = Buffer.concat([
      Buffer.from(head),
      ...Array.from({ length: 33 }, () => piece),
      Buffer.from('0\r\n\r\n'),
    ]);
    expect(await sendBytes(server.address, bytes)).toMatch(/^HTTP\/1\.1 413 /);
  });

  const paths: readonly (readonly [string, number, RegExp])[] = [
    ['secret/data/../data/kept', 400, /\.\./],
    ['secret/data/%2e%2e/data/kept', 400, /\.\./],
    ['secret/data/%2E%2e/kept', 400, /\.\./],
    ['secret/./data/kept', 400, /"\."|\.\./],
    ['secret/data/a%2fb', 400, /slash/],
    ['secret/data/a%5cb', 400, /slash/],
    ['secret/data/kept%00', 400, /./],
    ['secret/data/kept%0a', 400, /./],
    ['secret/data/%ff', 400, /UTF-8/],
    ['secret/data/%zz', 400, /% without two hexadecimal digits/],
    ['nowhere/data/kept', 404, /no handler for route \\"nowhere\/data\/kept\/?\\"/],
    ['sys/nowhere', 404, /./],
    ['auth/nowhere/login', 404, /./],
  ];

  it.each(paths)('threat 12: the path %s', async (path, status, text) => {
    for (const method of ['GET', 'PUT', 'DELETE', 'LIST']) {
      // An unknown method of a known path, or a known one's answer, would both be wrong.
      const answer = await wire.ask(method, path, method === 'PUT' ? { body: { data: { a: 'b' } } } : {});
      expect(answer, `${method} ${answer.text}`).toMatchObject({ status });
      expect(answer.text).toMatch(text);
    }
  });

  it('threat 12: a path longer than any', async () => {
    const answer = await wire.ask('GET', `secret/data/${'x'.repeat(4_000)}`);
    expect(answer).toMatchObject({ status: 400, json: { errors: [expect.stringMatching(/long|bytes/)] } });
  });

  it('threat 12: doubled slashes lead to the one path, and are not another', async () => {
    const answer = await wire.ask('GET', 'secret//data///kept');
    expect(answer.headers['location']).toBe('/v1/secret/data/kept');
    expect([301, 307, 308]).toContain(answer.status);
    const put = await wire.ask('PUT', 'secret/data//kept', { body: { data: { value: 'other' } } });
    expect(put.status).not.toBe(200);
  });

  const tokens: readonly (readonly [string, (token: string) => string])[] = [
    ['none', () => ''],
    ['a forged one', (token) => `${token.slice(0, 4)}${'A'.repeat(token.length - 4)}`],
    ['one cut short', (token) => token.slice(0, -1)],
    ['one with something behind it', (token) => `${token}A`],
    ['one in capitals', (token) => token.toUpperCase()],
    ['one of a batch that is none', () => `hvb.${'A'.repeat(120)}`],
    ['a very long one', () => `hvs.${'A'.repeat(9_000)}`],
    ['the stored form of nothing', () => '../../core/token'],
  ];

  it.each(tokens)('the token: %s', async (_what, spoil) => {
    const token = spoil(rootToken);
    for (const [method, path] of [
      ['GET', 'secret/data/kept'],
      ['PUT', 'secret/data/kept'],
      ['GET', 'auth/token/lookup-self'],
      ['GET', 'nowhere/at/all'],
    ] as const) {
      const answer = await wire.ask(method, path, { token });
      expect(answer, `${method} ${path}`).toMatchObject({
        status: 403,
        json: { errors: [expect.stringContaining('permission denied')] },
      });
      expect(answer.text).not.toContain(token === '' ? rootToken : token);
    }
  });

  it('a token with a line end in it is not the token without', async () => {
    const read = (header: string) =>
      sendBytes(
        server.address,
        `GET /v1/secret/data/kept HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${header}\r\n\r\n`,
      );
    expect(await read(`X-Vault-Token: ${rootToken}`)).toMatch(/^HTTP\/1\.1 200 /);
    for (const header of [
      `X-Vault-Token: ${rootToken}\n`,
      `X-Vault-Token: ${rootToken}\r\n folded`,
      `X-Vault-Token: ${rootToken}\n: x`,
      `X-Vault-Token: ${rootToken.slice(0, 10)}\r\n ${rootToken.slice(10)}`,
      `X-Vault-Token: ${rootToken}\0`,
    ]) {
      expect(await read(header)).toMatch(/^HTTP\/1\.1 40[03] /);
    }
    const file = join(place.home, 'two-lines');
    writeFileSync(file, `${rootToken}\n${rootToken}\n`, { mode: 0o600 });
    const refused = await cli(place, ['get', 'kept', '--token-file', file], {
      env: { COFFER_ADDR: server.address },
    });
    expect(refused).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('is not a token') });
    expect(refused.stderr).not.toContain(rootToken);
  });

  it('the CLI tells each refusal by its exit code', async () => {
    const env = { COFFER_ADDR: server.address };
    const cases: readonly (readonly [readonly string[], number, RegExp])[] = [
      [['get', 'never'], 3, /there is no secret never/],
      [['get', ''], 2, /name/],
      [['get', '../kept'], 2, /./],
      [['get', 'kept', '--field', 'nope'], 3, /no such field/],
      [['get', 'kept', '--version', '7'], 3, /version 7/],
      [['get', 'kept', '--version', 'x'], 2, /whole number/],
      [['put', 'kept'], 2, /./],
      [['put', 'kept', 'a=1', 'a=2'], 2, /twice/],
      [['nonsense'], 2, /unknown command/],
      [['policy', 'write', 'root', '-'], 2, /./],
      [['auth', 'enable', 'nonsense'], 2, /nonsense|unknown|plugin/],
      [['status', '--address', 'http://127.0.0.1:1'], 9, /127\.0\.0\.1:1/],
    ];
    for (const [words, code, text] of cases) {
      const outcome = await cli(place, words, { env, stdin: '' });
      expect(outcome, words.join(' ')).toMatchObject({ code, stdout: '' });
      expect(outcome.stderr, words.join(' ')).toMatch(text);
    }
  });
});

describe('tokens that were good once', () => {
  it('are refused from the answer that revoked them on, and from the end of their life', async () => {
    const place = freshPlace();
    const server = await startServer(place, { words: ['--init'] });
    const wire = openWire(server.address, rootTokenOf(place));
    const create = async (body: Record<string, string>) =>
      textAt((await wire.ask('POST', 'auth/token/create', { body })).json, 'auth', 'client_token');
    const lookUp = async (token: string) =>
      (await wire.ask('GET', 'auth/token/lookup-self', { token })).status;

    const revoked = await create({ ttl: '1h' });
    expect(await lookUp(revoked)).toBe(200);
    await wire.ask('POST', 'auth/token/revoke', { body: { token: revoked } });
    expect(await lookUp(revoked)).toBe(403);

    const parent = await create({ ttl: '1h', policies: 'root' });
    const child = textAt(
      (await wire.ask('POST', 'auth/token/create', { token: parent, body: { ttl: '1h' } })).json,
      'auth',
      'client_token',
    );
    expect(await lookUp(child)).toBe(200);
    await wire.ask('POST', 'auth/token/revoke', { body: { token: parent } });
    expect(await lookUp(child)).toBe(403);

    const short = await create({ ttl: '1s' });
    let status = await lookUp(short);
    expect(status).toBe(200);
    while (status === 200) status = await lookUp(short);
    expect(status).toBe(403);
    wire.close();
  });
});
