/** Without audit nothing happens: a log that refuses lines, at the request or at its answer. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  ask,
  finishDuties,
  loggerInto,
  makeToken,
  rootToken,
  storedText,
  typesWith,
} from '../../test/fakes/client.ts';
import { HandClock } from '../../test/fakes/hand-clock.ts';
import { leasedType, Outside } from '../../test/fakes/leased-engine.ts';
import type { Barrier } from '../barrier/barrier.ts';
import { systemRandom } from '../crypto/random.ts';
import { CofferError } from '../errors.ts';
import type { JsonObject } from '../json.ts';
import { manualSeals } from '../main/catalog.ts';
import { type CofferNode, formatsOf } from '../main/node.ts';
import { createShamirSlot } from '../seal/shamir/shamir.ts';
import { MemoryStorage } from '../storage/memory/memory.ts';
import type { AuditEntry, AuditLog } from './audit/audit.ts';
import { openAuditLog } from './audit/log.ts';
import { defaultLimits } from './quota/limits.ts';
import type { Operation } from './request.ts';
import { createRoad } from './road.ts';
import { SealState } from './seal-state.ts';

let root: string;
let storage: MemoryStorage;
let clock: HandClock;
let node: CofferNode;
let outside: Outside;
/** Which lines the log refuses, as on a disk that fails. */
let refuses: (entry: AuditEntry) => boolean;

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'coffer-audit-failure-'));
  storage = new MemoryStorage();
  clock = new HandClock();
  outside = new Outside();
  refuses = () => false;
  const log = loggerInto([]).error;
  const types = typesWith([leasedType(outside)]);
  const state = new SealState({
    storage,
    clock,
    random: systemRandom,
    types,
    formats: formatsOf(types),
    seals: [],
    manualSeals,
    slotMakers: [],
    dataPlace: 'memory',
    unauthenticatedKeyOperations: false,
    splitSlot: (rootKey, split, place) => createShamirSlot(rootKey, split, place, systemRandom),
    openAudit: openFailingLog,
    log,
  });
  node = { state, road: createRoad({ state, clock, log, encode: () => '', limits: () => defaultLimits }) };
  const { shares } = await state.initialize({ shares: 1, threshold: 1 }, rootToken, true);
  await state.submitKey(shares[0]?.toString('hex') ?? '');
  await ask(node, 'update', 'sys/mounts/leased', { type: 'leased' });
  await ask(node, 'update', 'sys/auth/approle', { type: 'approle' });
  await ask(node, 'update', 'auth/approle/role/app', { role_id: 'the-role' });
  await ask(node, 'update', 'secret/data/there', { data: { a: 1 } });
});
afterEach(async () => {
  await node.state.drop();
  rmSync(root, { recursive: true, force: true });
});

async function openFailingLog(barrier: Barrier): Promise<AuditLog> {
  const log = await openAuditLog({
    directory: join(root, 'audit'),
    store: barrier,
    digestKey: barrier.purposeKey('audit-digest'),
    signingSeed: barrier.purposeKey('audit-signing').export(),
    clock,
    random: systemRandom,
    reserveBytes: 0,
    onFailure: () => {},
  });
  return {
    append: (entry, durability) =>
      refuses(entry)
        ? Promise.reject(new CofferError('unavailable', 'the audit log cannot be written'))
        : log.append(entry, durability),
    digest: (text) => log.digest(text),
    redactRequest: (data, fields) => log.redactRequest(data, fields),
    redactAnswer: (data, schema) => log.redactAnswer(data, schema),
    health: () => log.health(),
    close: () => log.close(),
  };
}

const requests: readonly (readonly [Operation, string, JsonObject])[] = [
  ['read', 'secret/data/there', {}],
  ['update', 'secret/data/new', { data: { b: 2 } }],
  ['delete', 'secret/metadata/there', {}],
  ['update', 'auth/token/create', { policies: ['a'] }],
  ['update', 'auth/token/revoke', { token: 'the-other-token' }],
  ['update', 'auth/approle/role/app/secret-id', {}],
  ['update', 'sys/policies/acl/p', { policy: 'path "x" { capabilities = ["read"] }' }],
  ['update', 'sys/mounts/more', { type: 'kv', options: { version: '2' } }],
  ['delete', 'sys/mounts/secret', {}],
  ['read', 'leased/creds/app', {}],
  ['update', 'sys/seal', {}],
];

describe('a request whose line is refused', () => {
  it.each(requests)('does not happen: %s %s', async (operation, path, data) => {
    await makeToken(node, { id: 'the-other-token', policies: ['a'] });
    const before = await storedText(storage);
    refuses = ({ type }) => type === 'request';
    const answer = await ask(node, operation, path, data);
    expect([answer.status, answer.hasData, answer.auth, answer.lease]).toEqual([503, false, null, null]);
    expect(await storedText(storage)).toBe(before);
    expect(outside.made).toEqual([]);
    refuses = () => false;
    expect((await ask(node, 'read', 'secret/data/there')).status).toBe(200);
  });

  it('spends no use and logs nobody in', async () => {
    const token = await makeToken(node, { policies: ['a'], num_uses: 3 });
    const { data } = await ask(node, 'update', 'auth/approle/role/app/secret-id', { num_uses: 1 });
    const credentials = { role_id: 'the-role', secret_id: data['secret_id'] ?? '' };
    refuses = () => true;
    expect((await ask(node, 'read', 'secret/data/there', {}, token)).status).toBe(503);
    expect((await ask(node, 'update', 'auth/approle/login', credentials, null)).status).toBe(503);
    refuses = () => false;
    expect((await ask(node, 'update', 'auth/token/lookup', { token })).data['num_uses']).toBe(3);
    expect((await ask(node, 'update', 'auth/approle/login', credentials, null)).status).toBe(200);
  });
});

describe('threat 18: an answer whose line is refused', () => {
  const tokens = async () => (await storage.range('core/token/id/', { limit: 100 })).items.length;

  it('leaves no token of a login', async () => {
    const { data } = await ask(node, 'update', 'auth/approle/role/app/secret-id');
    refuses = ({ type }) => type === 'response';
    const credentials = { role_id: 'the-role', secret_id: data['secret_id'] ?? '' };
    const answer = await ask(node, 'update', 'auth/approle/login', credentials, null);
    expect([answer.status, answer.auth]).toEqual([503, null]);
    expect(await tokens()).toBe(1);
  });

  it('leaves no token that was made, and keeps one that was renewed', async () => {
    const token = await makeToken(node, { policies: ['a'], ttl: 60 });
    refuses = ({ type }) => type === 'response';
    expect((await ask(node, 'update', 'auth/token/create', { policies: ['a'] })).status).toBe(503);
    expect((await ask(node, 'update', 'auth/token/renew', { token })).status).toBe(503);
    expect(await tokens()).toBe(2);
    refuses = () => false;
    expect((await ask(node, 'read', 'auth/token/lookup-self', {}, token)).status).toBe(200);
  });

  it('leaves no credential that works outside, and keeps one that was renewed', async () => {
    const kept = await ask(node, 'read', 'leased/creds/app');
    refuses = ({ type }) => type === 'response';
    expect((await ask(node, 'read', 'leased/creds/app')).status).toBe(503);
    expect((await ask(node, 'update', 'sys/leases/renew', { lease_id: kept.lease?.id ?? '' })).status).toBe(
      503,
    );
    expect(outside.made).toHaveLength(2);
    expect(outside.working).toEqual([kept.data['password']]);
  });

  it('leaves a credential that cannot be ended at once to the duty', async () => {
    const token = await makeToken(node, { policies: ['root'], ttl: 60 });
    refuses = ({ type }) => type === 'response';
    outside.failures = 1;
    expect((await ask(node, 'read', 'leased/creds/app', { ttl: 30 }, token)).status).toBe(503);
    expect(outside.working).toHaveLength(1);
    refuses = () => false;
    clock.jump(30);
    await finishDuties(node, clock);
    expect(outside.working).toEqual([]);
  });

  it('tells nothing of what was read', async () => {
    refuses = ({ type }) => type === 'response';
    const answer = await ask(node, 'read', 'secret/data/there');
    expect([answer.status, answer.hasData]).toEqual([503, false]);
  });
});
