/** What one worker is told, all of them know: keys, seals, settings of the log, the configuration; and what is shown is of all. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { makeCertificate } from '../fakes/certificate.ts';
import { databasePlace } from '../setup/database-place.ts';
import { rootTokenOf } from './kill-rounds.ts';
import { cleanUp, cli, freshPlace, type ServerProcess, startServer } from './server-process.ts';
import { at, openWire, textAt, type Wire } from './wire.ts';
import {
  childrenOf,
  oneOfEach,
  said,
  startWorkers,
  type WorkerWire,
  wiresToAll,
} from './worker-processes.ts';

afterAll(cleanUp);

let open: Wire[] = [];
afterEach(() => {
  for (const wire of open) wire.close();
  open = [];
});

async function reach(server: ServerProcess, token: string): Promise<readonly WorkerWire[]> {
  const wires = await wiresToAll(server, token);
  open.push(...wires);
  return oneOfEach(wires);
}

/** Connections without a token: whom they meet is not known, but there are many. */
function strangers(server: ServerProcess): readonly Wire[] {
  const wires = Array.from({ length: 24 }, () => openWire(server.address));
  open.push(...wires);
  return wires;
}

const isSealed = async (wire: Wire) => at((await wire.ask('GET', 'sys/health')).json, 'sealed');

describe('keys with workers', () => {
  it('shares handed in anywhere open the store everywhere; a replaced worker has it open; one seals for all', async () => {
    const server = await startWorkers(freshPlace(), 3, ['--init-by-api']);
    const many = strangers(server);
    const [first, second, third] = many as [Wire, Wire, Wire];
    const made = await first.ask('POST', 'sys/init', { body: { secret_shares: 3, secret_threshold: 2 } });
    const keys = at(made.json, 'keys_base64') as readonly string[];
    const token = textAt(made.json, 'root_token');
    expect(await Promise.all(many.map(isSealed))).toEqual(many.map(() => true));

    const half = await second.ask('POST', 'sys/unseal', { body: { key: keys[0] ?? '' } });
    expect(half.json).toMatchObject({ sealed: true, progress: 1, t: 2 });
    for (const wire of many)
      expect((await wire.ask('GET', 'sys/seal-status')).json).toMatchObject({ sealed: true, progress: 1 });
    const opened = await third.ask('POST', 'sys/unseal', { body: { key: keys[1] ?? '' } });
    expect(opened.json).toMatchObject({ sealed: false });
    expect(await Promise.all(many.map(isSealed))).toEqual(many.map(() => false));

    // Nobody has to hand in keys again because a worker has ended.
    for (const [index, { pid }] of (await reach(server, token)).entries()) {
      process.kill(pid, 'SIGKILL');
      await said(server, 'has taken the place of another', index + 1);
    }
    const all = await reach(server, token);
    expect(all).toHaveLength(3);
    for (const wire of all) expect(await isSealed(wire)).toBe(false);

    // A root token by shares: three requests that meet different workers are one operation.
    const attempt = await all[0]?.ask('POST', 'sys/generate-root/attempt', { body: {} });
    const nonce = textAt(attempt?.json, 'nonce');
    const give = (index: number, key: string | undefined) =>
      all[index]?.ask('POST', 'sys/generate-root/update', { body: { nonce, key: key ?? '' } });
    expect((await give(1, keys[2]))?.json).toMatchObject({ progress: 1, complete: false });
    expect((await give(2, keys[0]))?.json).toMatchObject({ progress: 2, complete: true });

    await all[1]?.ask('PUT', 'sys/seal');
    for (const wire of all) expect(await isSealed(wire)).toBe(true);
    expect(await server.stop()).toMatchObject({ code: 0 });
  });
});

const postgresql = await databasePlace('postgresql');

describe.skipIf(postgresql === undefined)('a store in PostgreSQL', () => {
  if (postgresql === undefined) return;
  afterAll(() => postgresql.close());

  it('is served by workers as one on disk is', async () => {
    const { name, password, server: database } = postgresql;
    const place = freshPlace();
    const storage = `postgres://${name}:${password}@${database.host}:${database.port}/${name}`;
    const server = await startWorkers(place, 2, ['--init'], { env: { COFFER_STORAGE: storage } });
    const token = rootTokenOf(place);
    const [one, two] = (await reach(server, token)) as [WorkerWire, WorkerWire];
    for (const [index, [writer, reader]] of [[one, two] as const, [two, one] as const].entries()) {
      expect((await writer.ask('POST', 'secret/data/a', { body: { data: { index } } })).status).toBe(200);
      expect(at((await reader.ask('GET', 'secret/data/a')).json, 'data', 'data', 'index')).toBe(index);
    }
    process.kill(one.pid, 'SIGKILL');
    await said(server, 'has taken the place of another');
    expect(await reach(server, token)).toHaveLength(2);
    expect(await server.stop()).toMatchObject({ code: 0 });
  });
});

describe('what a person sees of workers', () => {
  it('metrics are of all workers, each with its number', async () => {
    const place = freshPlace();
    const server = await startWorkers(place, 2, ['--init']);
    const all = await reach(server, rootTokenOf(place));
    for (const [index, wire] of all.entries())
      for (let times = 0; times <= index; times++) await wire.ask('GET', 'sys/mounts');
    const texts = await Promise.all(
      all.map(async (wire) => (await wire.ask('GET', 'sys/metrics?format=prometheus')).text),
    );
    for (const text of texts) {
      const counted = [
        ...text.matchAll(/^coffer_requests_total\{[^}]*endpoint="mounts"[^}]*worker="(\d)"\} (\d)/gm),
      ];
      expect(counted.map(([, worker]) => worker)).toEqual(['1', '2']);
      expect(counted.map(([, , count]) => Number(count)).toSorted()).toEqual([1, 2]);
      // What the store holds is not told twice.
      expect(text.match(/^coffer_mounts /gm)).toHaveLength(1);
    }
    const doctor = await cli(place, ['doctor'], { env: { COFFER_ADDR: server.address } });
    expect(doctor.stdout).toMatch(/audit log\W+written, and on disk in time/);
    expect(await server.stop()).toMatchObject({ code: 0 });
  });

  it('running requests, levels and lines of the log are those of all', async () => {
    const place = freshPlace();
    const server = await startWorkers(place, 2, ['--init']);
    const [one, two] = (await reach(server, rootTokenOf(place))) as [WorkerWire, WorkerWire];
    await one.ask('POST', 'sys/loggers/request', { body: { level: 'debug' } });
    const lines: string[] = [];
    const shown = monitor(server.address, rootTokenOf(place), lines);
    // The monitor is a running request, of whichever worker took it.
    for (const wire of [one, two]) {
      const running = Object.values((await wire.ask('GET', 'sys/in-flight-req')).json['data'] ?? {});
      expect(running.map((each) => at(each, 'request_path'))).toContain('/v1/sys/in-flight-req');
    }
    expect((await two.ask('GET', 'sys/loggers/request')).json).toMatchObject({ data: { request: 'debug' } });
    while (new Set(lines.flatMap((line) => /"worker":(\d)/.exec(line)?.[1] ?? [])).size < 2) {
      await one.ask('GET', 'sys/mounts');
      await two.ask('GET', 'sys/mounts');
    }
    shown();
    expect(await server.stop()).toMatchObject({ code: 0 });
  });

  it('SIGHUP and sys/config/reload are for all: limits, certificates, and one line each', async () => {
    const place = freshPlace();
    const config = join(place.home, 'coffer.toml');
    const write = (limit: number, level = 'info') =>
      writeFileSync(config, `workers = 2\nlog.level = "${level}"\n[limits]\nrequest_bytes = ${limit}\n`);
    write(2_000);
    const server = await startServer(place, { words: ['--config', config, '--init'] });
    expect(childrenOf(server.pid)).toHaveLength(2);
    const all = await reach(server, rootTokenOf(place));
    const large = { data: { text: 'x'.repeat(3_000) } };
    for (const wire of all)
      expect((await wire.ask('POST', 'secret/data/a', { body: large })).status).toBe(413);
    write(4_000);
    server.signal('SIGHUP');
    await said(server, '"msg":"reloaded"');
    for (const wire of await reach(server, rootTokenOf(place)))
      expect((await wire.ask('POST', 'secret/data/a', { body: large })).status).toBe(200);
    expect(server.stderr.match(/"msg":"setting changed"/g)).toHaveLength(1);
    writeFileSync(config, 'workers = 2\nnonsense = 1\n');
    expect((await all[1]?.ask('POST', 'sys/config/reload/all'))?.status).toBe(204);
    await said(server, '"msg":"reloaded"', 2);
    expect(server.stderr.match(/the old one stays/g)).toHaveLength(1);
    // A worker that takes a place now has the configuration that the others have.
    process.kill(childrenOf(server.pid)[0] ?? 0, 'SIGKILL');
    await said(server, 'has taken the place of another');
    for (const wire of await reach(server, rootTokenOf(place)))
      expect((await wire.ask('POST', 'secret/data/a', { body: large })).status).toBe(200);
    expect(await server.stop()).toMatchObject({ code: 0 });
  });

  it('TLS, and the methods that the parser does not know, work by every worker', async () => {
    const place = freshPlace();
    const made = makeCertificate('workers');
    const [certificate, key] = [join(place.home, 'tls.crt'), join(place.home, 'tls.key')];
    writeFileSync(certificate, made.certificate);
    writeFileSync(key, made.key, { mode: 0o600 });
    const server = await startWorkers(place, 2, ['--init', '--tls-cert', certificate, '--tls-key', key]);
    const { port } = new URL(server.address);
    const token = rootTokenOf(place);
    const answers = await Promise.all(
      Array.from({ length: 12 }, () =>
        askTls(
          Number(port),
          `LIST /v1/sys/policies/acl HTTP/1.1\r\nhost: a\r\nx-vault-token: ${token}\r\nconnection: close\r\n\r\n`,
        ),
      ),
    );
    for (const text of answers) expect(text).toContain('"keys":["default","root"]');
    expect(await server.stop()).toMatchObject({ code: 0 });
  });
});

function askTls(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false }, () =>
      socket.write(text),
    );
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => {
      answer += chunk;
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(answer));
  });
}

/** Reads the log as it comes, until the returned function is called. */
function monitor(address: string, token: string, lines: string[]): () => void {
  const ending = new AbortController();
  void (async () => {
    const answer = await fetch(`${address}/v1/sys/monitor?log_level=debug`, {
      headers: { 'x-vault-token': token },
      signal: ending.signal,
    });
    const text = new TextDecoder();
    for await (const chunk of answer.body ?? []) lines.push(...text.decode(chunk as Uint8Array).split('\n'));
  })().catch(() => undefined);
  return () => ending.abort();
}
