import { describe, expect, test } from 'vitest';
import type { Answer } from '../core/request.ts';
import { openTestListener, requestBytes, until } from './listener.fixture.ts';

function never(): Promise<Answer> {
  return new Promise(() => {});
}

describe('numbers', () => {
  test('threat 15: connections of one address are limited, with one line in the log', async () => {
    await using server = await openTestListener({ limits: { connectionsPerAddress: 3 } });
    const kept = [await server.connect(), await server.connect(), await server.connect()];
    for (let more = 0; more < 5; more++) expect(await (await server.connect()).closed()).toBe('');
    for (const client of kept) {
      client.send(requestBytes('GET /v1/a'));
      expect((await client.answer()).status).toBe(200);
    }
    expect(server.logged).toEqual(['warn connection refused: too many {"remoteAddress":"127.0.0.1"}']);
    for (const client of kept) client.destroy();
    await until(() => server.listener.usage().connections === 0);
    expect((await server.ask(requestBytes('GET /v1/a'))).status).toBe(200);
  });

  test('threat 15: connections in all are limited', async () => {
    await using server = await openTestListener({ limits: { connections: 2 } });
    const kept = [await server.connect(), await server.connect()];
    await until(() => server.listener.usage().connections === 2);
    expect(await (await server.connect()).closed()).toBe('');
    expect(kept).toHaveLength(2);
  });

  test('threat 15: whoever comes when all connections are taken gets that of a client who rests', async () => {
    await using server = await openTestListener({ limits: { connections: 3 } });
    const silent = await server.connect();
    const rested = [await server.connect(), await server.connect()] as const;
    for (const client of rested) {
      client.send(requestBytes('GET /v1/a'));
      expect((await client.answer()).status).toBe(200);
    }
    await until(() => server.listener.usage().connections === 3);
    const late = await server.connect();
    late.send(requestBytes('GET /v1/late'));
    expect((await late.answer()).status).toBe(200);
    // The one that had rested longest is gone, the others are not.
    expect(await rested[0].closed()).toBe('');
    rested[1].send(requestBytes('GET /v1/b'));
    expect((await rested[1].answer()).status).toBe(200);
    silent.send(requestBytes('GET /v1/c'));
    expect((await silent.answer()).status).toBe(200);
    expect(server.logged).toEqual([]);
  });

  test('threat 15: connections with a request under way are given up for nobody', async () => {
    await using server = await openTestListener({ handle: never, limits: { connections: 2 } });
    const busy = [await server.connect(), await server.connect()];
    for (const client of busy) client.send(requestBytes('GET /v1/a'));
    await until(() => server.requests.length === 2);
    expect(await (await server.connect()).closed()).toBe('');
    expect(server.listener.usage().connections).toBe(2);
    expect(server.logged).toEqual(['warn connection refused: too many {"remoteAddress":"127.0.0.1"}']);
  });

  test('threat 15: requests sent ahead are limited, and none beyond runs', async () => {
    await using server = await openTestListener({ handle: never, limits: { waitingRequests: 4 } });
    const client = await server.connect();
    client.send(Buffer.concat(new Array(500).fill(requestBytes('GET /v1/a'))));
    expect(await client.closed()).toBe('');
    expect(server.requests).toHaveLength(1);
    expect(server.logged).toHaveLength(1);
  });

  test('threat 15: a crowd of dribbling clients holds what the limits say and no more', async () => {
    const limits = { bodyBytesInAll: 1_000_000, bodyBytesPerAddress: 500_000, bodyBytes: 100_000 };
    await using server = await openTestListener({ limits });
    const clients = await Promise.all(Array.from({ length: 200 }, () => server.connect()));
    let most = 0;
    for (const client of clients) {
      client.send(requestBytes('POST /v1/a', ['Transfer-Encoding: chunked']));
      // Single bytes: each would cost a hundred if an object were kept for it.
      client.send('1\r\nx\r\n'.repeat(5_000));
    }
    const answers = clients.map((client) => client.answer().catch(() => undefined));
    const refused = await Promise.race(answers);
    most = Math.max(most, server.listener.usage().bodyBytes);
    expect(refused?.status).toBe(503);
    expect(JSON.parse(refused?.body ?? '')).toEqual({
      errors: ['too much request data is being received; try again later'],
    });
    const other = await server.ask(requestBytes('GET /v1/b'));
    most = Math.max(most, server.listener.usage().bodyBytes);
    expect(other.status).toBe(200);
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(500_000);
    for (const client of clients) client.destroy();
    await until(() => server.listener.usage().connections === 0);
    await until(() => server.listener.usage().bodyBytes === 0);
    expect(server.listener.usage().addresses).toBe(0);
    expect(server.requests.map((request) => request.path)).toEqual(['b']);
  });
});

describe('threat 16: what was sent is in no error and no log', () => {
  const canary = 'canary-7f3a';
  test.each<[string, Buffer | string]>([
    ['body', requestBytes('POST /v1/a', [], `{"password":"${canary}"`)],
    ['binary body', requestBytes('POST /v1/a', [], Buffer.from(`{"a":"${canary}\xff"}`, 'latin1'))],
    [
      'form',
      requestBytes('POST /v1/a', ['Content-Type: application/x-www-form-urlencoded'], `a=${canary}%zz`),
    ],
    ['token', requestBytes('GET /v1/a', [`X-Vault-Token: ${canary} x`])],
    ['bearer', requestBytes('GET /v1/a', [`Authorization: Bearer ${canary} x`])],
    ['namespace', requestBytes('GET /v1/a', [`X-Vault-Namespace: ${canary}`])],
    ['wrap TTL', requestBytes('GET /v1/a', [`X-Vault-Wrap-TTL: ${canary}`])],
    ['path', requestBytes(`GET /v1/${canary}/../a`)],
    ['encoded path', requestBytes(`GET /v1/${canary}%2fa`)],
    ['path outside', requestBytes(`GET /${canary}`)],
    ['query', requestBytes(`GET /v1/a?list=${canary}`)],
    ['method', requestBytes('CANARY-7F3A /v1/a')],
    ['content type', requestBytes('PATCH /v1/a', [`Content-Type: ${canary}/x`], '{}')],
    ['encoding', requestBytes('POST /v1/a', [`Content-Encoding: ${canary}`], '{}')],
    ['expectation', requestBytes('POST /v1/a', [`Expect: ${canary}`], '{}')],
    ['malformed header', `GET /v1/a HTTP/1.1\r\nHost: a\r\n${canary}\r\n\r\n`],
    ['overlong header', requestBytes('GET /v1/a', [`X-A: ${canary.repeat(2_000)}`])],
    ['no HTTP', `${canary}\r\n\r\n`],
  ])('%s', async (_name, bytes) => {
    await using server = await openTestListener();
    const answer = await server.ask(bytes);
    expect(answer.status).toBeGreaterThanOrEqual(400);
    const said = `${answer.text}\n${server.logged.join('\n')}`.toLowerCase();
    expect(said).not.toContain('canary');
    expect(server.requests).toEqual([]);
  });

  test.each<[string, () => Promise<Answer>]>([
    ['a road that rejects', () => Promise.reject(new Error(canary))],
    [
      'a road that throws',
      () => {
        throw new Error(canary);
      },
    ],
    [
      'an answer that is no JSON',
      async () => {
        const cycle: Record<string, unknown> = { [canary]: canary };
        cycle['self'] = cycle;
        return { kind: 'plain', status: 200, body: { cycle } as never };
      },
    ],
  ])('%s is 500', async (_name, handle) => {
    await using server = await openTestListener({ handle });
    const answer = await server.ask(requestBytes('GET /v1/a'));
    expect(answer.status).toBe(500);
    expect(JSON.parse(answer.body)).toEqual({ errors: ['internal error'] });
    expect(server.logged.join()).not.toContain(canary);
  });
});
