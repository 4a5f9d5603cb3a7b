/** A server by its configuration: file, TLS, reloading, checking, modes, and a stop with work in hand. */
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { Agent, request as secureRequest } from 'node:https';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { afterAll, describe, expect, it } from 'vitest';
import { makeCertificate } from '../fakes/certificate.ts';
import { need } from '../setup/need.ts';
import {
  cleanUp,
  cli,
  freshPlace,
  type Place,
  runProgram,
  type ServerProcess,
  startServer,
} from './server-process.ts';

afterAll(cleanUp);

const token = 'config-root';
const dev = ['--dev', '--dev-root-token-id', token];

function put(place: Place, name: string, text: string, mode = 0o600): string {
  const path = join(place.home, name);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

function putCertificate(place: Place, name = 'server'): ReturnType<typeof makeCertificate> {
  const made = makeCertificate(name);
  put(place, 'tls.crt', made.certificate, 0o644);
  put(place, 'tls.key', made.key);
  return made;
}

const twoListeners = `
[[listener]]
address = "127.0.0.1:0"

[[listener]]
address = "localhost:0"
tls_cert = "tls.crt"
tls_key = "tls.key"
`;

function start(place: Place, config: string, words: readonly string[] = dev): Promise<ServerProcess> {
  return startServer(place, { listen: [], words: ['--config', config, ...words] });
}

function addressesOf(server: ServerProcess): readonly string[] {
  return [...(/^Serving .*/m.exec(server.stdout)?.[0] ?? '').matchAll(/https?:\/\/[^\s,]+/g)].map(
    ([url]) => url,
  );
}

/** Resolves once the log has said so. */
async function logged(server: ServerProcess, pattern: RegExp): Promise<void> {
  let gone = false;
  void server.ended.then(() => {
    gone = true;
  });
  while (!pattern.test(server.stderr)) {
    if (gone) throw new Error(`the server ended without ${pattern}:\n${server.stderr}`);
    await new Promise(setImmediate);
  }
}

describe('two listeners of one file', () => {
  it('serve plain and TLS, for curl with a CA and for the command line, LIST and all', async (context) => {
    const curl = need(context, 'curl');
    const place = freshPlace();
    putCertificate(place);
    const server = await start(place, put(place, 'coffer.toml', twoListeners));
    const [plain = '', secure = ''] = addressesOf(server);
    expect([plain, secure]).toEqual([expect.stringMatching(/^http:/), expect.stringMatching(/^https:/)]);
    const ca = join(place.home, 'tls.crt');
    const fetch = (...words: readonly string[]) =>
      runProgram(curl, ['-sS', '--header', `X-Vault-Token: ${token}`, ...words], place.env);
    expect(await fetch('--data', '{"data":{"a":"b"}}', `${plain}/v1/secret/data/x`)).toMatchObject({
      code: 0,
    });
    const list = await fetch('--cacert', ca, '--request', 'LIST', `${secure}/v1/secret/metadata/`);
    expect(JSON.parse(list.stdout)).toMatchObject({ data: { keys: ['x'] } });
    expect((await fetch(`${secure}/v1/sys/health`)).code).toBe(60);

    const env = { COFFER_TOKEN: token, COFFER_ADDR: secure };
    expect(await cli(place, ['get', 'x'], { env })).toMatchObject({
      code: 9,
      stderr: expect.stringContaining('--ca-cert'),
    });
    const trusting = { ...env, VAULT_CACERT: ca };
    expect(await cli(place, ['get', 'x', '--field', 'a'], { env: trusting })).toMatchObject({
      code: 0,
      stdout: 'b',
    });
    expect(await cli(place, ['get', 'x'], { env: { ...trusting, VAULT_SKIP_VERIFY: 'true' } })).toMatchObject(
      {
        code: 2,
        stderr: expect.stringContaining('VAULT_SKIP_VERIFY'),
      },
    );
    const named = { ...trusting, COFFER_TLS_SERVER_NAME: 'elsewhere.example' };
    expect(await cli(place, ['get', 'x'], { env: named })).toMatchObject({
      code: 9,
      stderr: expect.stringContaining('another name'),
    });
    expect(await server.stop()).toMatchObject({ code: 0 });
  });

  it('take a new certificate, log level and limit on SIGHUP, while a kept connection goes on', async () => {
    const place = freshPlace();
    const old = putCertificate(place, 'old');
    const config = put(place, 'coffer.toml', `${twoListeners}[limits]\nrequest_bytes = "1MiB"\n`);
    const server = await start(place, config);
    const [, secure = ''] = addressesOf(server);
    const agent = new Agent({ keepAlive: true, maxSockets: 1, ca: old.certificate, maxCachedSessions: 0 });
    const before = await ask(secure, agent, '{"data":{"a":"b"}}');
    expect(before).toMatchObject({ status: 200, subject: 'old', reused: false });

    const fresh = putCertificate(place, 'new');
    put(
      place,
      'coffer.toml',
      `data = "elsewhere"\nseal = ["awskms:alias/x?region=eu-central-1"]\n${twoListeners}[limits]\nrequest_bytes = "2KiB"\n[log]\nlevel = "warn"\n`,
    );
    server.signal('SIGHUP');
    await logged(server, /"setting":"data".*setting waits for a restart/);
    await logged(server, /"setting":"seal".*setting waits for a restart/);
    await logged(server, /"setting":"limits.request_bytes".*setting changed/);
    await logged(server, /certificate changed/);
    expect(await ask(secure, agent, `{"data":{"a":"${'x'.repeat(3_000)}"}}`)).toMatchObject({
      status: 413,
      subject: 'old',
      reused: true,
    });
    const other = new Agent({ ca: fresh.certificate, maxCachedSessions: 0 });
    expect(await ask(secure, other, '{"data":{"a":"b"}}')).toMatchObject({ status: 200, subject: 'new' });

    // What cannot be used changes nothing.
    put(place, 'tls.key', old.key);
    put(place, 'coffer.toml', 'lisener = 1\n');
    server.signal('SIGHUP');
    await logged(server, /coffer\.toml:1:1.*configuration has a problem/);
    await logged(server, /the new certificate cannot be used/);
    expect(await ask(secure, other, '{"data":{"a":"b"}}')).toMatchObject({ status: 200, subject: 'new' });
    for (const each of [agent, other]) each.destroy();
    expect(await server.stop()).toMatchObject({ code: 0 });
  });
});

interface Answered {
  readonly status: number;
  readonly subject: string;
  readonly reused: boolean;
}

function ask(base: string, agent: Agent, body: string): Promise<Answered> {
  const { port } = new URL(base);
  return new Promise((resolve, reject) => {
    const headers = { 'X-Vault-Token': token, 'Content-Length': Buffer.byteLength(body) };
    const path = '/v1/secret/data/x';
    const message = secureRequest(
      { agent, host: 'localhost', port, method: 'POST', path, headers },
      (response) => {
        const subject = (response.socket as TLSSocket).getPeerCertificate().subject.CN;
        const reused = message.reusedSocket;
        response
          .resume()
          .on('end', () => resolve({ status: response.statusCode ?? 0, subject: String(subject), reused }));
      },
    );
    message.on('error', reject);
    message.end(body);
  });
}

const eightErrors = `dta = "/srv"
[[listener]]
address = "0.0.0.0:8200"
[[listener]]
address = "127.0.0.1:8200"
tls_cert = "tls.crt"
[limits]
connections = -1
request_bytes = "1 parsec"
tokens_per_identity = 0
[log]
level = "loud"
colour = true
`;

describe('coffer server --check', () => {
  it('tells eight problems at once with their lines, as text and as JSON, and a start refuses the same', async () => {
    const place = freshPlace();
    const config = put(place, 'coffer.toml', eightErrors);
    const lines = [1, 3, 6, 8, 9, 10, 12, 13];
    for (const words of [['--check'], ['--init']]) {
      const outcome = await cli(place, ['server', '--config', config, ...words]);
      expect(outcome).toMatchObject({ code: 2, stdout: '' });
      const told = [...outcome.stderr.matchAll(/coffer\.toml:(\d+):\d+: /g)].map(([, line]) => Number(line));
      expect(told).toEqual(lines);
      expect(outcome.stderr).toContain('8 problems');
    }
    const json = await cli(place, ['server', '--config', config, '--check', '--format', 'json']);
    const document = JSON.parse(json.stdout) as { valid: boolean; problems: { line: number }[] };
    expect([json.code, document.valid, document.problems.map(({ line }) => line)]).toEqual([2, false, lines]);
    expect([existsSync(place.data), existsSync(place.config)]).toEqual([false, false]);
  });

  it('says what would be served and where each setting comes from, and touches nothing', async () => {
    const place = freshPlace();
    putCertificate(place, 'checked');
    const config = put(
      place,
      'coffer.json',
      JSON.stringify({
        data: 'data',
        listener: [{ address: 'localhost:8443', tls_cert: 'tls.crt', tls_key: 'tls.key' }],
      }),
    );
    const before = readdirSync(place.home);
    const env = { COFFER_LOG_LEVEL: 'warn' };
    const text = await cli(place, ['server', '--config', config, '--check', '--limits-connections=999'], {
      env,
    });
    expect(text).toMatchObject({ code: 0 });
    expect(text.stdout).toContain(`data directory\t${join(place.home, 'data')}\tstore absent\n`);
    expect(text.stdout).toMatch(
      /listener\thttps:\/\/localhost:8443\tDNS:localhost, IP Address:127\.0\.0\.1, until 20/,
    );
    expect(text.stdout).toContain('log.level\twarn\tCOFFER_LOG_LEVEL\n');
    expect(text.stdout).toContain('limits.connections\t999\t--limits-connections\n');
    expect(text.stdout).toMatch(/listener\[0\]\.tls_key\t.*tls\.key\t.*coffer\.json:1:\d+\n/);
    const json = await cli(place, ['server', '--config', config, '--check', '--format', 'json'], { env });
    expect(JSON.parse(json.stdout)).toMatchObject({
      valid: true,
      data: { store: 'absent' },
      listeners: [
        { address: 'https://localhost:8443', tls: { names: expect.stringContaining('localhost') } },
      ],
      settings: { 'log.level': { value: 'warn', from: 'COFFER_LOG_LEVEL' } },
    });
    expect(readdirSync(place.home)).toEqual(before);
  });

  it('refuses certificates that cannot be used', async () => {
    const place = freshPlace();
    putCertificate(place);
    const config = put(place, 'coffer.toml', twoListeners);
    const check = async () => (await cli(place, ['server', '--config', config, '--check'])).stderr;
    put(place, 'tls.key', makeCertificate('other').key);
    expect(await check()).toMatch(/coffer\.toml:7:1: the key in .*tls\.key is not that of/);
    put(place, 'tls.crt', 'no certificate', 0o644);
    expect(await check()).toMatch(/tls\.crt holds no certificate in PEM/);
  });
});

describe('what others may reach', () => {
  it('threat 26: a key of TLS, a data directory, a store, an audit log and a configuration are refused with the chmod to say', async () => {
    const place = freshPlace();
    putCertificate(place);
    const config = put(place, 'coffer.toml', twoListeners);
    const data = join(place.home, 'data');
    const words = ['--config', config, '--data', data];
    const made = await start(place, config, ['--data', data, '--init']);
    expect(await made.stop()).toMatchObject({ code: 0 });
    const cases: readonly (readonly [string, number, number, number])[] = [
      [join(place.home, 'tls.key'), 0o640, 0o600, 2],
      [data, 0o750, 0o700, 10],
      [join(data, 'store'), 0o710, 0o700, 10],
      [join(data, 'audit'), 0o755, 0o700, 10],
    ];
    for (const [path, lax, right, code] of cases) {
      chmodSync(path, lax);
      const wanted = expect.stringContaining(`chmod ${right.toString(8)} ${path}`);
      expect(await cli(place, ['server', ...words])).toMatchObject({ code, stdout: '', stderr: wanted });
      expect(await cli(place, ['server', ...words, '--check'])).toMatchObject({ code: 2, stderr: wanted });
      chmodSync(path, right);
    }
    chmodSync(config, 0o666);
    expect(await cli(place, ['server', ...words])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(`chmod go-w ${config}`),
    });
    chmodSync(config, 0o644);
    const again = await start(place, config, ['--data', data]);
    expect(await again.stop()).toMatchObject({ code: 0 });
  });

  it('threat 26: a new directory that was made with wide rights is narrowed before anything is put there', async () => {
    const place = freshPlace();
    const data = join(place.home, 'data');
    mkdirSync(data, { mode: 0o755 });
    const server = await startServer(place, { words: ['--data', data, '--init'] });
    expect(await server.stop()).toMatchObject({ code: 0 });
    expect(await cli(place, ['server', '--data', data, '--check'])).toMatchObject({ code: 0 });
  });
});

describe('commands on the host', () => {
  it('find the data directory and the storage of the configuration file, as its server does', async () => {
    const place = freshPlace();
    const lines = [
      'data = "kept"',
      'storage = "lmdb:kept-elsewhere"',
      '[[listener]]',
      'address = "127.0.0.1:0"',
    ];
    const config = put(place, 'coffer.toml', lines.join('\n'));
    const server = await start(place, config, ['--init', '--root-token-file', join(place.home, 'first')]);
    expect(await server.stop()).toMatchObject({ code: 0 });
    expect(existsSync(join(place.home, 'kept-elsewhere', 'data.mdb'))).toBe(true);
    expect(existsSync(join(place.home, 'kept', 'store'))).toBe(false);
    const run = (words: readonly string[], file = config) =>
      cli(place, words, { env: { COFFER_CONFIG: file } });
    const token = join(place.home, 'token');
    const made = await run(['operator', 'generate-root', '--output', token]);
    expect(made, made.stderr).toMatchObject({ code: 0 });
    const verified = await run(['audit', 'verify']);
    expect(verified, verified.stderr).toMatchObject({ code: 0 });
    const other = join(place.home, 'other');
    expect(await run(['audit', 'verify', '--data', other])).toMatchObject({
      code: 7,
      stderr: expect.stringContaining(other),
    });
    const wrong = await run(['audit', 'verify'], put(place, 'wrong.toml', 'storrage = "lmdb:x"\n'));
    expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('storrage') });
    const inMemory = await run(['audit', 'verify'], put(place, 'memory.toml', 'storage = "memory:"\n'));
    expect(inMemory).toMatchObject({ code: 2, stderr: expect.stringContaining('a store in memory') });
  });
});

describe('the process', () => {
  it('keeps its memory out of core dumps, and opens no inspector on SIGUSR1', async () => {
    const server = await startServer(freshPlace(), { words: dev });
    if (process.platform === 'linux') {
      expect(readFileSync(`/proc/${server.pid}/coredump_filter`, 'utf8').trim()).toMatch(/^0+$/);
    }
    server.signal('SIGUSR1');
    server.signal('SIGHUP');
    await logged(server, /reloaded/);
    expect(server.stderr).not.toMatch(/debugger|inspector/i);
    expect(await server.stop()).toMatchObject({ code: 0 });
  });

  it('threat 30: does not start with the inspector open', async () => {
    const place = freshPlace();
    const outcome = await cli(place, ['server', '--init'], {
      env: { NODE_OPTIONS: '--inspect=127.0.0.1:0' },
    });
    expect(outcome).toMatchObject({ code: 2, stderr: expect.stringContaining('the inspector is open') });
    expect(existsSync(place.data)).toBe(false);
  });

  it('lets a request end that is under way when SIGTERM comes', async () => {
    const server = await startServer(freshPlace(), { words: dev });
    const { port } = new URL(server.address);
    const body = JSON.stringify({ data: { a: 'b' } });
    const message = request({
      host: '127.0.0.1',
      port,
      method: 'POST',
      path: '/v1/secret/data/x',
      headers: { 'X-Vault-Token': token, 'Content-Length': Buffer.byteLength(body), Expect: '100-continue' },
    });
    const answered = once(message, 'response');
    message.flushHeaders();
    // The server has the request, and waits for its body.
    await once(message, 'continue');
    server.signal('SIGTERM');
    await logged(server, /stopping/);
    message.end(body);
    const [response] = (await answered) as [
      { statusCode: number; headers: Record<string, string>; resume(): void },
    ];
    response.resume();
    expect([response.statusCode, response.headers['connection']]).toEqual([200, 'close']);
    expect(await server.ended).toMatchObject({ code: 0 });
  });
});
