import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { valueIn } from '../../src/telemetry/telemetry.fixture.ts';
import { cleanUp, cli, freshPlace, type Outcome, type Place, startServer } from './server-process.ts';

afterAll(cleanUp);

const canary = 'canary-83be51';

function rootToken(place: Place): string {
  return readFileSync(join(place.config, 'token'), 'utf8').trim();
}

interface Doctor {
  readonly findings: readonly { readonly check: string; readonly level: string; readonly message: string }[];
  readonly summary: { readonly ok: number; readonly warn: number; readonly fail: number };
}

async function doctor(place: Place, words: readonly string[] = [], env: Record<string, string> = {}) {
  const outcome: Outcome = await cli(place, ['doctor', '--format', 'json', ...words], { env });
  const report = JSON.parse(outcome.stdout) as Doctor;
  const levels = new Map(report.findings.map(({ check, level }) => [check, level]));
  return { ...outcome, report, levels };
}

describe('metrics of the real program', () => {
  it('are text of Prometheus, for everyone where a listener says so, and count what was refused at the door', async () => {
    const place = freshPlace();
    const server = await startServer(place, { words: ['--init', '--metrics-without-token', 'true'] });
    await fetch(`${server.address}/v1/${canary}`, { headers: { 'X-Vault-Token': canary } });
    await fetch(`${server.address}/v1/secret/data/a`, { method: 'POST', body: '{"a":' });
    const answer = await fetch(`${server.address}/v1/sys/metrics?format=prometheus`);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4');
    const text = await answer.text();
    expect(valueIn(text, 'coffer_http_refusals_total{status="400"}')).toBe(1);
    expect(valueIn(text, 'coffer_http_connections')).toBeGreaterThan(0);
    expect(valueIn(text, 'coffer_refusals_total{reason="permission_denied"}')).toBe(1);
    expect(valueIn(text, 'coffer_sealed')).toBe(0);
    expect(text).not.toContain(canary);
    expect((await fetch(`${server.address}/v1/sys/host-info`)).status).toBe(403);
    await server.stop();
  });

  it('need a token elsewhere, and are not there when switched off', async () => {
    const place = freshPlace();
    const server = await startServer(place, {
      words: ['--init'],
      env: { COFFER_TELEMETRY_METRICS: 'false' },
    });
    const url = `${server.address}/v1/sys/metrics`;
    expect((await fetch(url)).status).toBe(403);
    const off = await fetch(url, { headers: { 'X-Vault-Token': rootToken(place) } });
    expect(off.status).toBe(400);
    await server.stop();
  });
});

describe('the log of the real program', () => {
  it('threat 16: has a line for each request at level debug, with nothing that its caller sent', async () => {
    const place = freshPlace();
    const server = await startServer(place, { words: ['--init', '--log-level', 'debug'] });
    const headers = { 'X-Vault-Token': rootToken(place) };
    const secret = `${server.address}/v1/secret/data/${canary}`;
    await fetch(secret, { method: 'POST', headers, body: JSON.stringify({ data: { [canary]: canary } }) });
    const { request_id: id } = (await (await fetch(secret, { headers })).json()) as { request_id: string };
    await fetch(`${server.address}/v1/auth/token/lookup/hvs.${canary}`, { headers });
    const { stderr } = await server.stop();
    const lines = stderr
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.find((line) => line['request_id'] === id)).toMatchObject({
      level: 'debug',
      component: 'request',
      msg: 'request answered',
      operation: 'read',
      mount_type: 'kv',
      endpoint: 'data/:path*',
      status: 200,
    });
    expect(lines.every((line) => typeof line['time'] === 'string' && typeof line['msg'] === 'string')).toBe(
      true,
    );
    expect(stderr).not.toContain(canary);
    expect(stderr).not.toContain(headers['X-Vault-Token']);
  });
});

describe('coffer doctor', () => {
  it('finds nothing wrong with a new server, and says what to look at', async () => {
    const place = freshPlace();
    const server = await startServer(place, { words: ['--init'] });
    await cli(place, ['login', '--token-file', '-'], { stdin: rootToken(place) });
    const { code, levels, report, stdout } = await doctor(place, ['--address', server.address]);
    expect(report.findings.filter(({ level }) => level === 'fail')).toEqual([]);
    expect(code).toBe(0);
    expect(Object.fromEntries(levels)).toMatchObject({
      server: 'ok',
      seal: 'ok',
      clock: 'ok',
      token: 'ok',
      policies: 'warn',
      'key slots': 'warn',
      backups: 'warn',
      leases: 'ok',
      'audit log': 'ok',
      'audit chains': 'ok',
      'data directory': 'ok',
      configuration: 'ok',
    });
    expect(stdout).not.toContain(rootToken(place));
    const text = await cli(place, ['doctor', '--address', server.address]);
    expect(text.stdout).toMatch(/^ok {3}server: http/m);
    expect(text.stdout).toMatch(/^ {5}-> /m);
    await server.stop();
  });

  it('works without a token, with a wrong one, sealed, and when the server is down', async () => {
    const place = freshPlace();
    const server = await startServer(place, { words: ['--init', '--data', join(place.home, 'data')] });
    const address = ['--address', server.address];
    const empty = freshPlace();
    const anonymous = await doctor(empty, address);
    expect(anonymous.levels.get('server')).toBe('ok');
    expect(anonymous.levels.has('leases')).toBe(false);
    const wrong = await doctor(empty, address, { VAULT_TOKEN: `hvs.${canary}` });
    expect(wrong.code).toBe(9);
    expect(wrong.levels.get('token')).toBe('fail');
    expect(wrong.stdout + wrong.stderr).not.toContain(canary);
    const token = readFileSync(
      /Root token:?\s+(\S+)/i.exec(server.stdout)?.[1] ?? join(place.config, 'token'),
      'utf8',
    );
    await fetch(`${server.address}/v1/sys/seal`, {
      method: 'PUT',
      headers: { 'X-Vault-Token': token.trim() },
    });
    const sealed = await doctor(empty, address);
    expect(sealed.code).toBe(9);
    expect(sealed.levels.get('seal')).toBe('fail');
    await server.stop();
    const down = await doctor(empty, address);
    expect(down.code).toBe(9);
    expect(down.levels.get('server')).toBe('fail');
    expect(down.levels.get('node')).toBe('ok');
  });

  it('tells lax modes, a broken audit log, a wrong configuration and variables that hide it', async () => {
    const place = freshPlace();
    const server = await startServer(place, { words: ['--init'] });
    await server.stop();
    chmodSync(place.data, 0o755);
    const config = join(place.home, 'coffer.toml');
    writeFileSync(config, '[log]\nlevel = "warn"\n');
    const found = await doctor(place, ['--config', config], {
      COFFER_LOG_LEVEL: 'debug',
      COFFER_TOKEN: canary,
      VAULT_TOKEN: 'another',
    });
    expect(found.code).toBe(9);
    expect(found.levels.get('environment')).toBe('warn');
    const told = found.report.findings.map(({ message }) => message).join('\n');
    expect(told).toContain('has mode 0755');
    expect(told).not.toContain(canary);
    chmodSync(place.data, 0o700);
    const hidden = await doctor(place, ['--config', config], { COFFER_LOG_LEVEL: 'debug' });
    expect(hidden.report.findings.find(({ check }) => check === 'configuration')).toMatchObject({
      level: 'warn',
      message: expect.stringContaining('COFFER_LOG_LEVEL hides what'),
    });
    writeFileSync(config, '[log]\nlevel = "loud"\n');
    const broken = await doctor(place, ['--config', config]);
    expect(broken.levels.get('configuration')).toBe('fail');
  });
});
