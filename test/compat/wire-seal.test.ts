/** The wire contract of a store's making, unsealing and sealing. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ContractServer, openContractServer } from './contract-server.ts';
import { contract } from './wire-contract.fixture.ts';

const uuid = expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
const semver = expect.stringMatching(/^\d+\.\d+\.\d+$/);

describe('a store from its making to its sealing', () => {
  let server: ContractServer;
  let keys: readonly string[] = [];
  let base64: readonly string[] = [];
  let root = '';
  beforeAll(async () => {
    server = await openContractServer(false);
  });
  afterAll(() => server[Symbol.asyncDispose]());
  const at = () => server;
  const unseal = async (body: object) => server.wire.ask('PUT', 'sys/unseal', { body: body as never });
  const alreadyThere = { errors: ['Vault is already initialized'] };

  contract(at, [
    { ask: ['GET', 'sys/init'], status: 200, answer: { initialized: false } },
    {
      ask: ['GET', 'sys/seal-status'],
      status: 200,
      answer: {
        type: 'shamir',
        initialized: false,
        sealed: true,
        t: 0,
        n: 0,
        progress: 0,
        nonce: '',
        version: semver,
      },
    },
    { ask: ['GET', 'sys/health'], status: 501, answer: { initialized: false, sealed: true, standby: false } },
    { ask: ['GET', 'sys/health?uninitcode=299'], status: 299, answer: { initialized: false } },
    { ask: ['GET', 'secret/data/a'], status: 503 },
    { ask: ['PUT', 'sys/unseal', { key: '00'.repeat(32) }], status: 400 },
    ...[
      {},
      { secret_shares: 0, secret_threshold: 0 },
      { secret_shares: 2, secret_threshold: 3 },
      { secret_shares: 5, secret_threshold: 1 },
      { secret_shares: 256, secret_threshold: 2 },
      { secret_shares: 1, secret_threshold: 1, recovery_shares: 1, recovery_threshold: 1 },
      { secret_shares: 1, secret_threshold: 1, pgp_keys: ['k'] },
    ].map((body) => ({ ask: ['PUT', 'sys/init', body] as const, status: 400 })),
    { ask: ['GET', 'sys/init'], status: 200, answer: { initialized: false } },
  ]);

  it('is made once, and stays sealed', async () => {
    const { status, json } = await server.wire.ask('PUT', 'sys/init', {
      body: { secret_shares: '3', secret_threshold: 2 },
    });
    expect(status).toBe(200);
    expect(Object.keys(json).toSorted()).toEqual(['keys', 'keys_base64', 'root_token']);
    keys = json['keys'] as string[];
    base64 = json['keys_base64'] as string[];
    root = String(json['root_token']);
    expect(keys.map((key) => Buffer.from(key, 'hex').toString('base64'))).toEqual(base64);
    expect(keys.every((key) => key.length === 66)).toBe(true);
    expect(root).toMatch(/^hvs\..{24}$/);
  });

  contract(at, [
    {
      ask: ['PUT', 'sys/init', { secret_shares: 1, secret_threshold: 1 }],
      status: 400,
      answer: alreadyThere,
    },
    { ask: ['PUT', 'sys/init'], status: 400, answer: alreadyThere },
    {
      ask: ['GET', 'sys/seal-status'],
      status: 200,
      answer: { initialized: true, sealed: true, t: 2, n: 3, progress: 0 },
    },
    { ask: ['GET', 'sys/health'], status: 503, answer: { initialized: true, sealed: true } },
    { ask: ['GET', 'sys/health?sealedcode=200&standbyok=true'], status: 200, answer: { sealed: true } },
    { ask: ['GET', 'secret/data/a'], status: 503, answer: { errors: ['Vault is sealed'] } },
    { ask: ['PUT', 'sys/seal'], status: 503, answer: { errors: ['Vault is sealed'] } },
    { ask: ['PUT', 'sys/unseal'], status: 400 },
    { ask: ['PUT', 'sys/unseal', { key: '' }], status: 400 },
    { ask: ['PUT', 'sys/unseal', { key: 'no key' }], status: 400 },
    { ask: ['GET', 'sys/leader'], status: 200, answer: { ha_enabled: false } },
  ]);

  it('counts keys, forgets them when told, and opens with enough of them', async () => {
    const progress = async (body: object, wanted: object) =>
      expect(await unseal(body)).toMatchObject({ status: 200, json: wanted });
    await progress({ key: keys[0] }, { sealed: true, progress: 1 });
    await progress({ key: base64[0] }, { sealed: true, progress: 1 });
    await progress({ reset: true }, { sealed: true, progress: 0 });
    await progress({ key: keys[1] }, { sealed: true, progress: 1 });
    const stranger = `${'5a'.repeat(32)}07`;
    expect((await unseal({ key: stranger })).status).toBe(400);
    await progress({ key: base64[2] }, { sealed: true, progress: 1 });
    await progress({ key: keys[0], migrate: false }, { sealed: false, progress: 0, cluster_id: uuid });
    await progress({ key: keys[0] }, { sealed: false });
    expect(await unseal({ reset: true })).toMatchObject({
      status: 400,
      json: { errors: ['vault is unsealed'] },
    });
  });

  it('says how it is, with and without a body', async () => {
    const { json } = await server.wire.ask('GET', 'sys/health');
    expect(json).toMatchObject({
      initialized: true,
      sealed: false,
      standby: false,
      performance_standby: false,
      replication_performance_mode: 'disabled',
      replication_dr_mode: 'disabled',
      server_time_utc: Math.floor(server.clock.now() / 1_000),
      version: semver,
      enterprise: false,
      cluster_name: expect.any(String),
      cluster_id: uuid,
    });
    const status = await server.wire.ask('GET', 'sys/seal-status');
    expect(status.json).toMatchObject({
      type: 'shamir',
      build_date: expect.any(String),
      migration: false,
      recovery_seal: false,
      storage_type: expect.any(String),
    });
    for (const shown of [json, status.json]) expect(shown).not.toHaveProperty('request_id');
    expect(await server.wire.ask('HEAD', 'sys/health?activecode=204')).toMatchObject({
      status: 204,
      text: '',
    });
  });

  it('is sealed by root alone', async () => {
    expect((await server.wire.ask('PUT', 'sys/seal')).status).toBe(403);
    expect(await server.wire.ask('PUT', 'sys/seal', { token: root })).toMatchObject({
      status: 204,
      text: '',
    });
    expect((await server.wire.ask('GET', 'sys/health')).status).toBe(503);
  });
});
