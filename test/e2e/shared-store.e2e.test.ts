/** Several servers over one data directory, and the end of a server that is at work. */

import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { rootTokenOf } from './kill-rounds.ts';
import { cleanUp, cli, freshPlace, type Place, type ServerProcess, startServer } from './server-process.ts';
import { at, openWire, textAt, type Wire } from './wire.ts';

afterAll(cleanUp);

describe('two servers over one data directory', () => {
  let place: Place;
  let servers: readonly ServerProcess[] = [];
  let one: Wire;
  let two: Wire;

  beforeEach(async () => {
    place = freshPlace();
    const first = await startServer(place, { words: ['--init'] });
    const second = await startServer(place);
    servers = [first, second];
    [one, two] = servers.map(({ address }) => openWire(address, rootTokenOf(place))) as [Wire, Wire];
  });
  afterEach(async () => {
    for (const wire of [one, two]) wire.close();
    for (const server of servers) expect(await server.stop()).toMatchObject({ code: 0 });
    // Each process kept a chain of its own, and one more where a server was sealed meanwhile.
    expect(await cli(place, ['audit', 'verify'])).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/^intact: [23] chains/m),
    });
  });

  it('what one has written the other reads, in its next answer', async () => {
    for (let count = 1; count <= 50; count++) {
      const [writer, reader] = count % 2 === 0 ? [one, two] : [two, one];
      await writer.ask('PUT', 'secret/data/turns', { body: { data: { count } } });
      const read = await reader.ask('GET', 'secret/data/turns');
      expect(at(read.json, 'data', 'data', 'count')).toBe(count);
    }
  });

  it('both count on one secret by check-and-set, and no step is lost', async () => {
    const addOne = async (wire: Wire): Promise<boolean> => {
      const found = await wire.ask('GET', 'secret/data/count');
      const version = Number(at(found.json, 'data', 'metadata', 'version') ?? 0);
      const body = { options: { cas: version }, data: { count: version + 1 } };
      return (await wire.ask('PUT', 'secret/data/count', { body })).status === 200;
    };
    const lane = async (wire: Wire) => {
      for (let done = 0; done < 25; ) if (await addOne(wire)) done++;
    };
    await Promise.all([one, two, one, two].map(lane));
    expect((await one.ask('GET', 'secret/data/count')).json).toMatchObject({
      data: { data: { count: 100 }, metadata: { version: 100 } },
    });
  });

  it('a token that one has revoked, a policy that one has changed and a mount that one has removed are so on the other', async () => {
    await one.ask('PUT', 'sys/policies/acl/reader', {
      body: { policy: 'path "secret/data/*" { capabilities = ["read"] }' },
    });
    await one.ask('PUT', 'secret/data/a', { body: { data: { b: 'c' } } });
    const create = async () =>
      textAt(
        (await one.ask('POST', 'auth/token/create', { body: { policies: 'reader' } })).json,
        'auth',
        'client_token',
      );
    const token = await create();
    const reads = async (wire: Wire, by = token) =>
      (await wire.ask('GET', 'secret/data/a', { token: by })).status;
    expect([await reads(one), await reads(two)]).toEqual([200, 200]);
    await one.ask('PUT', 'sys/policies/acl/reader', {
      body: { policy: 'path "secret/data/b" { capabilities = ["read"] }' },
    });
    expect([await reads(two), await reads(one)]).toEqual([403, 403]);
    await two.ask('PUT', 'sys/policies/acl/reader', {
      body: { policy: 'path "secret/data/a" { capabilities = ["read"] }' },
    });
    expect([await reads(one), await reads(two)]).toEqual([200, 200]);
    await one.ask('POST', 'auth/token/revoke', { body: { token } });
    expect([await reads(two), await reads(one)]).toEqual([403, 403]);
    const next = await create();
    expect(await reads(two, next)).toBe(200);
    await two.ask('DELETE', 'sys/mounts/secret');
    expect((await one.ask('GET', 'secret/data/a')).status).toBe(404);
  });

  it('sealing one seals the other by its next request, and neither opens by itself again', async () => {
    await one.ask('PUT', 'secret/data/a', { body: { data: { b: 'c' } } });
    expect((await one.ask('PUT', 'sys/seal')).status).toBe(204);
    expect((await one.ask('GET', 'secret/data/a')).status).toBe(503);
    expect((await two.ask('GET', 'secret/data/a')).status).toBe(503);
    expect((await two.ask('GET', 'sys/seal-status')).json).toMatchObject({ sealed: true });
    const [first] = servers;
    await first?.stop();
    const again = await startServer(place);
    expect(again.stdout).toContain('The store is sealed');
    const keyfile = readdirSync(place.config).find((name) => name.endsWith('.keyfile')) ?? '';
    const key = /^key: (.*)$/m.exec(readFileSync(join(place.config, keyfile), 'utf8'))?.[1] ?? '';
    expect((await two.ask('PUT', 'sys/unseal', { body: { key } })).json).toMatchObject({ sealed: false });
    expect((await two.ask('GET', 'secret/data/a')).status).toBe(200);
    await again.stop();
  });
});

describe('a server that is asked to stop', () => {
  it('lets the request that is under way end, and takes no other', async () => {
    const place = freshPlace();
    const server = await startServer(place, { words: ['--init'] });
    const { hostname, port } = new URL(server.address);
    const body = JSON.stringify({ data: { value: 'came late' } });
    const head = [
      'PUT /v1/secret/data/late HTTP/1.1',
      'Host: x',
      `X-Vault-Token: ${rootTokenOf(place)}`,
      `Content-Length: ${body.length}`,
    ].join('\r\n');
    const socket = connect(Number(port), hostname);
    let answer = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      answer += chunk;
    });
    const closed = new Promise((resolve) => socket.on('close', resolve));
    socket.write(`${head}\r\n\r\n${body.slice(0, 10)}`);
    // The server has seen the head of that request when it has answered another one that came after.
    const wire = openWire(server.address);
    await wire.ask('GET', 'sys/health');
    server.signal('SIGTERM');
    await refusesConnections(server.address);
    socket.write(body.slice(10));
    await closed;
    expect(answer).toMatch(/^HTTP\/1\.1 200 [\s\S]*"version":1/);
    expect(await server.ended).toMatchObject({ code: 0 });
    wire.close();
    const again = await startServer(place);
    expect(await cli(place, ['get', 'late'], { env: { COFFER_ADDR: again.address } })).toMatchObject({
      code: 0,
      stdout: 'came late',
    });
  });
});

/** Resolves when nobody listens there any more. */
async function refusesConnections(address: string): Promise<void> {
  const { hostname, port } = new URL(address);
  const refused = () =>
    new Promise<boolean>((resolve) => {
      const socket = connect(Number(port), hostname);
      socket.on('error', () => resolve(true));
      socket.on('connect', () => {
        socket.destroy();
        resolve(false);
      });
    });
  while (!(await refused()));
}
