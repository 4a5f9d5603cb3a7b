/** The wire contract of moving mounts, of what their settings answer, and of leases by every path that clients know. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { textAt } from '../e2e/wire.ts';
import { leasedType, Outside } from '../fakes/leased-engine.ts';
import { type ContractServer, openContractServer } from './contract-server.ts';
import { contract } from './wire-contract.fixture.ts';

const uuid = expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
const outside = new Outside();

let server: ContractServer;
beforeAll(async () => {
  server = await openContractServer(true, [leasedType(outside)]);
});
afterAll(() => server[Symbol.asyncDispose]());
const at = () => server;
const refusal = (text: string) => ({ errors: [expect.stringContaining(text)] });

describe('sys/remount', () => {
  contract(at, [
    { ask: ['POST', 'sys/mounts/old', { type: 'kv', options: { version: 2 } }], status: 204 },
    { ask: ['POST', 'old/data/a', { data: { a: 1 } }], status: 200 },
    {
      ask: ['POST', 'sys/remount', { from: 'old', to: 'new/place' }],
      status: 200,
      answer: {
        migration_id: uuid,
        data: { migration_id: uuid },
        warnings: [expect.any(String)],
        lease_id: '',
      },
    },
    { ask: ['GET', 'new/place/data/a'], status: 200, answer: { data: { data: { a: 1 } } } },
    { ask: ['GET', 'old/data/a'], status: 404 },
    { ask: ['GET', 'sys/mounts/old'], status: 400, answer: refusal('No secret engine mount at old/') },
    { ask: ['GET', 'sys/mounts/new/place/tune'], status: 200 },
    { ask: ['PUT', 'sys/remount', { from: '/new/place/', to: '/old/' }], status: 200 },
    { ask: ['POST', 'sys/remount', { from: 'old' }], status: 400, answer: refusal('missing field "to"') },
    { ask: ['POST', 'sys/remount', { to: 'old' }], status: 400, answer: refusal('missing field "from"') },
    {
      ask: ['POST', 'sys/remount', { from: 'none', to: 'x' }],
      status: 400,
      answer: refusal('no matching mount'),
    },
    {
      ask: ['POST', 'sys/remount', { from: 'sys', to: 'x' }],
      status: 400,
      answer: refusal('cannot remount'),
    },
    { ask: ['GET', 'sys/remount/status/nothing'], status: 404, answer: refusal('migration ID not found') },
  ]);

  it('says what came of it', async () => {
    const moved = await server.wire.ask('POST', 'sys/remount', { body: { from: 'old', to: 'moved' } });
    const id = textAt(moved.json, 'migration_id');
    const status = await server.wire.ask('GET', `sys/remount/status/${id}`);
    expect(status.json).toMatchObject({
      data: {
        migration_id: id,
        migration_info: { source_mount: 'old/', target_mount: 'moved/', status: 'success' },
      },
    });
  });
});

describe('settings', () => {
  contract(at, [
    { ask: ['POST', 'sys/auth/people', { type: 'userpass' }], status: 204 },
    ...['sys/auth/people/tune', 'sys/mounts/auth/people/tune'].flatMap((path) => [
      {
        ask: [
          'POST',
          path,
          {
            token_type: 'default-batch',
            user_lockout_config: { lockout_threshold: '8', lockout_duration: '5m', lockout_disable: 'true' },
          },
        ] as const,
        status: 204,
      },
      {
        ask: ['GET', path] as const,
        status: 200,
        answer: {
          data: {
            token_type: 'default-batch',
            user_lockout_threshold: 8,
            user_lockout_duration: 300,
            user_lockout_counter_reset_duration: 900,
            user_lockout_disable: true,
          },
        },
      },
    ]),
    {
      ask: ['GET', 'sys/auth'],
      status: 200,
      answer: {
        data: {
          'people/': {
            config: { token_type: 'default-batch', user_lockout_config: { user_lockout_threshold: 8 } },
          },
        },
      },
    },
    { ask: ['POST', 'sys/auth/token/tune', { max_lease_ttl: '8760h' }], status: 204 },
    { ask: ['GET', 'sys/auth/token/tune'], status: 200, answer: { data: { max_lease_ttl: 31_536_000 } } },
    { ask: ['POST', 'sys/mounts/cubbyhole/tune', { max_lease_ttl: '1h' }], status: 400 },
    { ask: ['POST', 'sys/mounts/sys/tune', { description: 'x' }], status: 400 },
  ]);
});

describe('leases', () => {
  contract(at, [
    { ask: ['PUT', 'sys/leases/tidy'], status: 202, answer: { warnings: [expect.any(String)], data: null } },
    {
      ask: ['GET', 'sys/leases/count?type=irrevocable'],
      status: 200,
      answer: { data: { lease_count: 0, counts: {} } },
    },
    { ask: ['GET', 'sys/leases/count'], status: 400 },
    { ask: ['GET', 'sys/leases/count?type=all'], status: 400 },
    { ask: ['POST', 'sys/mounts/db', { type: 'leased' }], status: 204 },
  ]);

  const made = async () => textAt((await server.wire.ask('GET', 'db/creds/app')).json, 'lease_id');

  it.each(['sys/leases/renew', 'sys/renew'])('%s renews by body and by path', async (path) => {
    const id = await made();
    for (const answer of [
      await server.wire.ask('PUT', path, { body: { lease_id: id, increment: '90s' } }),
      await server.wire.ask('POST', `${path}/${id}`, { body: { increment: 90 } }),
    ]) {
      expect(answer.status).toBe(200);
      expect(answer.json).toMatchObject({
        lease_id: id,
        renewable: true,
        lease_duration: 90,
        data: null,
        auth: null,
        warnings: null,
      });
    }
    const long = await server.wire.ask('PUT', path, { body: { lease_id: id, increment: '9000h' } });
    expect(long.json).toMatchObject({
      lease_duration: 2_764_800,
      warnings: [expect.stringContaining('capped')],
    });
  });

  it.each(['sys/leases/revoke', 'sys/revoke'])('%s revokes by body and by path', async (path) => {
    const [first, second] = [await made(), await made()];
    expect((await server.wire.ask('PUT', path, { body: { lease_id: first, sync: true } })).status).toBe(204);
    expect((await server.wire.ask('PUT', `${path}/${second}`)).status).toBe(204);
    for (const id of [first, second]) {
      const looked = await server.wire.ask('PUT', 'sys/leases/lookup', { body: { lease_id: id } });
      expect([looked.status, looked.json]).toMatchObject([400, { errors: ['invalid lease'] }]);
    }
  });

  it.each(['sys/leases/revoke-prefix', 'sys/revoke-prefix', 'sys/leases/revoke-force', 'sys/revoke-force'])(
    '%s ends whole segments, and an exact id',
    async (path) => {
      const id = await made();
      const working = () => outside.working.length;
      const before = working();
      expect((await server.wire.ask('PUT', `${path}/db/creds/ap`)).status).toBe(204);
      expect(working()).toBe(before);
      expect((await server.wire.ask('PUT', `${path}/${id}`)).status).toBe(204);
      expect(working()).toBe(before - 1);
      await made();
      expect((await server.wire.ask('PUT', `${path}/db`)).status).toBe(204);
      expect(working()).toBe(0);
      expect((await server.wire.ask('LIST', 'sys/leases/lookup/db')).status).toBe(404);
    },
  );
});
