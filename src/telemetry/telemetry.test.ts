import { afterEach, describe, expect, it } from 'vitest';
import { countedUserpass } from '../../test/fakes/cheap-userpass.ts';
import {
  ask,
  finishDuties,
  makePlace,
  makeToken,
  type Place,
  rootToken,
  tokenOf,
} from '../../test/fakes/client.ts';
import { leasedType, Outside } from '../../test/fakes/leased-engine.ts';
import type { CofferNode } from '../main/node.ts';
import { catalogue, type MetricName } from './catalogue.ts';
import { handTelemetry, seriesIn, valueIn } from './telemetry.fixture.ts';

let place: Place;
afterEach(() => place.remove());

async function metrics(node: CofferNode): Promise<string> {
  const asked = await ask(node, 'read', 'sys/metrics', { format: 'prometheus' });
  expect(asked.status).toBe(200);
  return asked.text ?? '';
}

const read = 'mount_type="kv",endpoint="data/:path*",operation="read"';

describe('what is counted', () => {
  it('tells requests apart by endpoint, operation and class of status', async () => {
    const telemetry = await handTelemetry();
    place = await makePlace({ telemetry });
    const node = await place.node();
    await ask(node, 'update', 'secret/data/app', { data: { a: 1 } });
    await ask(node, 'read', 'secret/data/app');
    await ask(node, 'read', 'secret/data/app');
    await ask(node, 'read', 'secret/data/other');
    await ask(node, 'read', 'secret/data/app', {}, null);
    const text = await metrics(node);
    expect(valueIn(text, `coffer_requests_total{${read},status="2xx"}`)).toBe(2);
    expect(valueIn(text, `coffer_requests_total{${read},status="4xx"}`)).toBe(2);
    expect(valueIn(text, `coffer_request_seconds_count{${read}}`)).toBe(4);
    expect(valueIn(text, `coffer_request_seconds_bucket{le="+Inf",${read}}`)).toBe(4);
    expect(valueIn(text, 'coffer_refusals_total{reason="permission_denied"}')).toBe(1);
    // This one is on its way.
    expect(valueIn(text, 'coffer_requests_in_flight')).toBe(1);
  });

  it('counts logins, tokens and leases, and what ends them', async () => {
    const telemetry = await handTelemetry();
    const outside = new Outside();
    place = await makePlace({
      telemetry,
      engines: [leasedType(outside)],
      authMethods: [countedUserpass().type],
    });
    const node = await place.node();
    await ask(node, 'update', 'sys/mounts/leased', { type: 'leased' });
    await ask(node, 'update', 'sys/auth/userpass', { type: 'userpass' });
    await ask(node, 'update', 'auth/userpass/users/ann', { password: 'right' });
    tokenOf(await ask(node, 'update', 'auth/userpass/login/ann', { password: 'right' }, null));
    await ask(node, 'update', 'auth/userpass/login/ann', { password: 'wrong' }, null);
    await makeToken(node);
    const lease = (await ask(node, 'read', 'leased/creds/one')).lease?.id ?? '';
    await ask(node, 'update', 'sys/leases/renew', { lease_id: lease });
    await ask(node, 'update', 'sys/leases/revoke', { lease_id: lease });
    const text = await metrics(node);
    expect(valueIn(text, 'coffer_logins_total{mount_type="userpass",outcome="granted"}')).toBe(1);
    expect(valueIn(text, 'coffer_logins_total{mount_type="userpass",outcome="refused"}')).toBe(1);
    expect(valueIn(text, 'coffer_tokens_issued_total')).toBe(2);
    expect(valueIn(text, 'coffer_leases_total{event="issued"}')).toBe(1);
    expect(valueIn(text, 'coffer_leases_total{event="renewed"}')).toBe(1);
    expect(valueIn(text, 'coffer_leases_total{event="ended"}')).toBe(1);
  });

  it('shows what is overdue, and leases that were given up', async () => {
    const telemetry = await handTelemetry();
    const outside = new Outside();
    place = await makePlace({ telemetry, engines: [leasedType(outside)] });
    const node = await place.node();
    await ask(node, 'update', 'sys/mounts/leased', { type: 'leased' });
    await ask(node, 'read', 'leased/creds/one');
    outside.failures = 1_000;
    place.clock.jump(86_400 * 40);
    const late = await metrics(node);
    expect(valueIn(late, 'coffer_due_overdue')).toBeGreaterThan(0);
    expect(valueIn(late, 'coffer_due_oldest_seconds')).toBeGreaterThan(86_400);
    for (let tries = 0; tries < 7; tries++) {
      await finishDuties(node, place.clock);
      place.clock.jump(3_600);
    }
    const after = await metrics(node);
    expect(valueIn(after, 'coffer_due_overdue')).toBe(0);
    expect(valueIn(after, 'coffer_leases_given_up')).toBe(1);
    expect(valueIn(after, 'coffer_leases_total{event="given_up"}')).toBe(1);
    expect(valueIn(after, 'coffer_leases_total{event="end_failed"}')).toBe(5);
  });

  it('tells of storage, seals and the audit log', async () => {
    const telemetry = await handTelemetry();
    place = await makePlace({ telemetry });
    const node = await place.node();
    const before = await metrics(node);
    await ask(node, 'update', 'secret/data/app', { data: { a: 1 } });
    const text = await metrics(node);
    const count = (line: string) => (valueIn(text, line) ?? 0) - (valueIn(before, line) ?? 0);
    expect(count('coffer_storage_calls_total{operation="commit"}')).toBeGreaterThan(0);
    expect(count('coffer_audit_seconds_count{durability="disk"}')).toBe(1);
    expect(valueIn(text, 'coffer_storage_failures_total{operation="commit",reason="failure"}')).toBe(0);
    expect(valueIn(text, 'coffer_audit_state{state="open"}')).toBe(1);
    expect(valueIn(text, 'coffer_audit_lines_total')).toBeGreaterThan(1);
    expect(valueIn(text, 'coffer_barrier_term')).toBe(1);
    expect(valueIn(text, 'coffer_barrier_seals')).toBeGreaterThan(0);
    expect(valueIn(text, 'coffer_barrier_seals_limit')).toBe(2 ** 32);
    expect(valueIn(text, 'coffer_sealed')).toBe(0);
    expect(valueIn(text, 'process_resident_memory_bytes')).toBeGreaterThan(1e6);
  });

  it('says how far the audit log is behind its disk', async () => {
    const telemetry = await handTelemetry();
    place = await makePlace({ telemetry });
    const node = await place.node();
    await ask(node, 'update', 'secret/data/app', { data: { a: 1 } });
    await ask(node, 'read', 'secret/data/app');
    const health = node.state.core?.audit.health();
    expect(health?.linesBehind).toBeGreaterThan(0);
    place.clock.jump(7);
    expect(node.state.core?.audit.health()?.behind).toBe(7_000);
    await ask(node, 'update', 'secret/data/app', { data: { a: 2 } });
    expect(node.state.core?.audit.health()).toMatchObject({ state: 'open', linesBehind: 0, behind: 0 });
  });
});

/** On this machine, where nobody listens. */
async function addWebhook(node: CofferNode): Promise<void> {
  const options = { url: 'http://127.0.0.1:1/' };
  const secret = 'a-secret-of-twenty-four-characters';
  await ask(node, 'update', 'sys/notifiers/ops', { type: 'webhook', kinds: 'a.b', options, secret });
}

describe('notifiers', () => {
  it('are counted by what becomes of notices, and shown by type while they fail', async () => {
    const telemetry = await handTelemetry();
    place = await makePlace({ telemetry });
    const node = await place.node();
    await addWebhook(node);
    expect((await ask(node, 'update', 'sys/notifiers/ops/test')).status).toBe(503);
    await node.state.core?.notices.post({ kind: 'a.b', subject: 'a', fields: {} });
    await expect(
      node.state.core?.notices.demand({ kind: 'a.c', subject: 'a', fields: {} }, ['ops']),
    ).rejects.toMatchObject({ code: 'unavailable' });
    place.clock.jump(61);
    await node.state.core?.notices.run();
    const text = await metrics(node);
    for (const line of [
      'coffer_notices_total{event="posted"} 1',
      'coffer_notices_total{event="refused"} 1',
      'coffer_notices_total{event="delivered"} 0',
      'coffer_notifiers_failing{type="webhook"} 1',
      'coffer_notices_dead{type="webhook"} 0',
    ]) {
      expect(text).toContain(`${line}\n`);
    }
    expect(text).toMatch(/coffer_notices_total\{event="failed"\} [1-9]/);
    expect(text).not.toContain('ops');
  });
});

describe('audit devices', () => {
  it('are counted by type and never named', async () => {
    const telemetry = await handTelemetry();
    place = await makePlace({ telemetry });
    const node = await place.node();
    expect(await metrics(node)).not.toContain('coffer_audit_device_lines_total{');
    for (const path of ['first', 'second']) {
      await ask(node, 'update', `sys/audit/${path}-of-its-own`, { type: 'discard' });
    }
    const nowhere = { type: 'stdout' };
    await ask(node, 'update', 'sys/audit/third', nowhere);
    await ask(node, 'read', 'sys/mounts');
    const devices = node.state.core?.devices;
    for (let turn = 0; turn < 10_000 && devices?.list()[2]?.state !== 'failing'; turn++) {
      await new Promise(setImmediate);
    }
    const text = await metrics(node);
    expect(valueIn(text, 'coffer_audit_device_lines_total{type="discard"}')).toBeGreaterThan(3);
    expect(valueIn(text, 'coffer_audit_device_dropped_total{type="discard"}')).toBe(0);
    expect(valueIn(text, 'coffer_audit_device_failing{type="discard"}')).toBe(0);
    expect(valueIn(text, 'coffer_audit_device_failing{type="stdout"}')).toBe(1);
    expect(valueIn(text, 'coffer_audit_device_waiting{type="stdout"}')).toBeGreaterThan(0);
    expect(text).not.toContain('of-its-own');
  });
});

describe('who may read it', () => {
  it('a token that a policy allows, or everyone where the listener says so; also while sealed then', async () => {
    const telemetry = await handTelemetry();
    place = await makePlace({ telemetry });
    const node = await place.node();
    const open = { request: { metricsWithoutToken: true } };
    const query = { format: 'prometheus' };
    expect((await ask(node, 'read', 'sys/metrics', query, null)).status).toBe(403);
    const unprivileged = await makeToken(node, { policies: ['default'] });
    expect((await ask(node, 'read', 'sys/metrics', query, unprivileged)).status).toBe(403);
    expect((await ask(node, 'read', 'sys/metrics', query, null, open)).status).toBe(200);
    // Nothing else is opened by it.
    expect((await ask(node, 'read', 'sys/host-info', {}, null, open)).status).toBe(403);
    expect((await ask(node, 'read', 'sys/mounts', {}, null, open)).status).toBe(403);
    await node.state.drop();
    expect((await ask(node, 'read', 'sys/metrics', query)).status).toBe(503);
    const sealed = await ask(node, 'read', 'sys/metrics', query, null, open);
    expect(valueIn(sealed.text ?? '', 'coffer_sealed')).toBe(1);
    expect(valueIn(sealed.text ?? '', 'coffer_due_overdue')).toBeUndefined();
  });

  it('nobody where metrics are off; a wrong format and a wrapped text are refused', async () => {
    place = await makePlace({ telemetry: await handTelemetry({ metrics: false }) });
    const off = await place.node();
    expect((await ask(off, 'read', 'sys/metrics')).errors).toEqual([
      'metrics are switched off on this server: see the setting telemetry.metrics',
    ]);
    await place.remove();
    place = await makePlace({ telemetry: await handTelemetry() });
    const node = await place.node();
    expect((await ask(node, 'read', 'sys/metrics', { format: 'xml' })).status).toBe(400);
    const wrapped = await ask(node, 'read', 'sys/metrics', { format: 'prometheus' }, rootToken, {
      wrapTtl: 60,
    });
    expect(wrapped.status).toBe(400);
    expect(wrapped.text).toBeUndefined();
  });

  it('is JSON without a format, and host-info tells of the machine', async () => {
    place = await makePlace({ telemetry: await handTelemetry({ directory: '/' }) });
    const node = await place.node();
    const { data } = await ask(node, 'read', 'sys/metrics');
    expect(Object.keys(data)).toEqual(['Timestamp', 'Gauges', 'Points', 'Counters', 'Samples']);
    const host = (await ask(node, 'read', 'sys/host-info')).data;
    expect(Array.isArray(host['cpu'])).toBe(true);
    expect(host['host']).toMatchObject({ hostname: expect.any(String), os: expect.any(String) });
    expect(host['disk']).toEqual([expect.objectContaining({ total: expect.any(Number) })]);
    expect(host['memory']).toMatchObject({ total: expect.any(Number), available: expect.any(Number) });
  });
});

describe('what callers can do to it', () => {
  it('threat 15: no path, name or method of a caller makes a series', async () => {
    const telemetry = await handTelemetry();
    place = await makePlace({ telemetry, silent: true, limits: () => unlimited });
    const node = await place.node();
    const paths = (round: string) => [
      `secret/data/${round}`,
      `secret/metadata/${round}/`,
      `secret/nothing-${round}/x`,
      `nowhere-${round}/x`,
      `sys/${round}`,
      `sys/policies/acl/${round}`,
      `auth/${round}/login`,
      `auth/token/lookup/${round}`,
      `${round}"},evil="1`,
    ];
    const visit = async (round: string) => {
      for (const path of paths(round)) {
        await ask(node, 'read', path);
        await ask(node, 'update', path, { [round]: round }, `hvs.${round}`);
        await ask(node, 'list', path, {}, null);
      }
    };
    await visit('zzq-0');
    const before = seriesIn(await metrics(node));
    for (let round = 0; round < 50; round++) await visit(`zzq-${round}`);
    const after = await metrics(node);
    expect(seriesIn(after).length).toBe(seriesIn(await metrics(node)).length);
    const fresh = seriesIn(after).filter((name) => !before.includes(name) && !name.includes('metrics'));
    expect(fresh).toEqual([]);
    expect(after).not.toMatch(/zzq|evil/);
  });

  it('threat 15: who asks for metrics often has the store sampled now and then', async () => {
    const telemetry = await handTelemetry();
    place = await makePlace({ telemetry });
    const node = await place.node();
    const ranges = async () => valueIn(await metrics(node), 'coffer_storage_calls_total{operation="range"}');
    const first = (await ranges()) ?? 0;
    for (let times = 0; times < 20; times++) await metrics(node);
    expect(await ranges()).toBe(first);
    place.clock.jump(6);
    await metrics(node);
    expect(await ranges()).toBeGreaterThan(first);
  });

  it('a store that cannot be read leaves its metrics out and says so', async () => {
    const telemetry = await handTelemetry();
    place = await makePlace({ telemetry });
    const node = await place.node();
    const { core } = node.state;
    if (core === undefined) throw new Error('sealed');
    const { list } = core.jobs;
    core.jobs.list = () => Promise.reject(new Error('broken'));
    const text = await metrics(node);
    expect(valueIn(text, 'coffer_sample_failed')).toBe(1);
    expect(valueIn(text, 'coffer_due_overdue')).toBeUndefined();
    core.jobs.list = list;
    expect(valueIn(await metrics(node), 'coffer_sample_failed')).toBe(0);
  });
});

const unlimited = {
  requestsPerSecond: 0,
  burst: 0,
  tokensPerIdentity: 1_000_000,
  leasesPerIdentity: 1_000_000,
};

it('has every metric of the catalogue somewhere, with the labels that it declares', async () => {
  const telemetry = await handTelemetry();
  place = await makePlace({ telemetry, authMethods: [countedUserpass().type] });
  const node = await place.node();
  telemetry.httpRefusal(431);
  await ask(node, 'update', 'sys/audit/none', { type: 'discard' });
  await addWebhook(node);
  await ask(node, 'update', 'sys/auth/userpass', { type: 'userpass' });
  await ask(node, 'update', 'auth/userpass/login/ann', { password: 'wrong' }, null);
  const text = await metrics(node);
  const shown = new Map<string, Set<string>>();
  for (const series of seriesIn(text)) {
    const [, name = '', labels = ''] = /^([a-z_]+)(?:\{(.*)\})?$/.exec(series) ?? [];
    const base = Object.hasOwn(catalogue, name) ? name : name.replace(/_(bucket|sum|count)$/, '');
    const names = [...labels.matchAll(/([a-z_]+)="/g)].map(([, label = '']) => label);
    const known = shown.get(base) ?? new Set();
    for (const label of names) if (label !== 'le') known.add(label);
    shown.set(base, known);
  }
  for (const name of Object.keys(catalogue) as MetricName[]) {
    expect([...(shown.get(name) ?? ['missing'])], name).toEqual([...catalogue[name].labels]);
  }
});
