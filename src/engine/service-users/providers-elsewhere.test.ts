/** Applications whose users are elsewhere, from registration to their end, as a server takes them there: machine, provider and target together. */
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { ask, auditText, type Place, storedText, writePolicy } from '../../../test/fakes/client.ts';
import { HandClock } from '../../../test/fakes/hand-clock.ts';
import { FakeKeycloak } from '../../../test/fakes/keycloak.ts';
import { makeServicePlace } from '../../../test/fakes/service-place.ts';
import { FakeServiceUserApi } from '../../../test/fakes/service-user-api.ts';
import { databasePlace } from '../../../test/setup/database-place.ts';
import { kvTarget } from '../../delivery/kv/kv.ts';
import type { JsonObject } from '../../json.ts';
import { serviceUserApi } from '../../service-user/api/api.ts';
import { keycloak } from '../../service-user/keycloak/keycloak.ts';
import { postgresRoles } from '../../service-user/postgres/postgres.ts';
import { serviceUsers } from './service-users.ts';

const engine = serviceUsers({
  targets: new Map([['kv', kvTarget]]),
  providers: new Map([serviceUserApi, keycloak, postgresRoles].map((type) => [type.type, type])),
});

let place: Place | undefined;
const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await place?.remove();
  place = undefined;
  for (const one of opened.splice(0)) await one.close();
});

interface Settings {
  readonly type: string;
  readonly options: Readonly<Record<string, string>>;
  readonly secret: string;
}

/** A server with one application at a provider, whose team has its credentials put into kv. */
async function served(clock: HandClock, settings: Settings) {
  const service = await makeServicePlace({ engines: [engine], clock });
  ({ place } = service);
  const { node, ask: below } = service;
  const rights = 'path "secret/data/apps/*" { capabilities = ["create", "update", "read"] }';
  await writePolicy(
    node,
    'rights',
    `${rights}\npath "secret/metadata/apps/*" { capabilities = ["read", "delete"] }`,
  );
  const ann = await service.member('ann', ['web']);
  await ask(node, 'update', 'identity/group', { name: 'web', policies: ['rights'] });
  const configured = await below('update', 'providers/corp', { ...settings });
  expect(configured.errors).toEqual([]);
  const said = await below('update', 'apps/shop', {
    team: 'web',
    name: 'Shop',
    active: true,
    provider: 'corp',
  });
  expect(said.errors).toEqual([]);
  await below('update', 'apps/shop/delivery', { targets: ['kv:secret/apps'] }, ann);
  return {
    below,
    ann,
    async pass(seconds: number) {
      clock.jump(seconds);
      await service.outside();
    },
    status: async () => (await below('read', 'apps/shop/status')).data,
    async held(): Promise<JsonObject> {
      return ((await ask(node, 'read', 'secret/data/apps/shop')).data['data'] ?? {}) as JsonObject;
    },
    async secrets() {
      return `${await storedText(service.place.storage)}${auditText(service.place.auditDirectory)}`;
    },
  };
}

type Served = Awaited<ReturnType<typeof served>>;
type GetsIn = (held: JsonObject) => Promise<boolean> | boolean;

/** Rotates at once, through the whole of its overlap. */
async function rotate({ below, ann, pass }: Served): Promise<void> {
  await below('update', 'apps/shop/rotate', { kinds: ['password'] }, ann);
  await pass(1);
  for (let passes = 0; passes < 12; passes++) await pass(600);
}

async function wholeLife(server: Served, getsIn: GetsIn): Promise<void> {
  const { below, pass, status, held } = server;
  await pass(1);
  const first = await held();
  expect((await status())['problems']).toEqual([]);
  expect(await getsIn(first)).toBe(true);
  for (let passes = 0; passes < 3; passes++) await pass(600);
  await rotate(server);
  const second = await held();
  expect(second['application_password']).not.toBe(first['application_password']);
  expect((await status())['problems']).toEqual([]);
  expect(await getsIn(second)).toBe(true);
  expect(await getsIn(first)).toBe(false);
  await below('update', 'apps/shop', { active: false });
  await pass(1);
  expect(await status()).toMatchObject({ user: 'disabled', problems: [] });
  expect(await getsIn(second)).toBe(false);
  await below('update', 'apps/shop', { active: true });
  await pass(1);
  expect(await status()).toMatchObject({ user: 'present', problems: [] });
  expect(await getsIn(await held())).toBe(true);
  await below('update', 'apps/shop', { active: false });
  await pass(1);
  await pass(86_401);
  expect((await status())['user']).toBe('deleted');
  expect(await held()).toEqual({});
  await below('delete', 'apps/shop');
  await pass(1);
  expect((await below('delete', 'providers/corp')).status).toBe(204);
}

describe('an application at the Service User API', () => {
  async function start() {
    const clock = new HandClock();
    const api = await new FakeServiceUserApi(clock).open();
    opened.push(api);
    const settings = { type: 'service-user-api', options: { url: api.url }, secret: api.token };
    return { api, server: await served(clock, settings) };
  }
  const credential = (held: JsonObject) =>
    ({
      kind: 'password',
      generation: 1,
      id: String(held['application_username']),
      secret: String(held['application_password']),
      reference: '',
    }) as const;

  it('is made, rotated, disabled, enabled and deleted there', async () => {
    const { api, server } = await start();
    await wholeLife(server, (held) => api.works({ username: 'stups_shop' }, credential(held)));
    expect(api.services.size).toBe(0);
    expect(await server.secrets()).not.toContain(api.token);
  });

  it('waits where the other side wants a pause, and says so', async () => {
    const { api, server } = await start();
    api.faults.push({ kind: 'status', status: 429, headers: { 'Retry-After': '600' } });
    await server.pass(1);
    expect((await server.status())['problems']).toMatchObject([{ code: 'rate_limited' }]);
    const asked = api.heard.length;
    await server.pass(300);
    expect(api.heard.length).toBe(asked);
    await server.pass(400);
    expect((await server.status())['problems']).toEqual([]);
    expect(api.works({ username: 'stups_shop' }, credential(await server.held()))).toBe(true);
  });
});

describe('an application in Keycloak', () => {
  it('is made, rotated, disabled, enabled and deleted there', async () => {
    const fake = await new FakeKeycloak().open();
    opened.push(fake);
    const options = { url: fake.url, realm: fake.realm, client_id: fake.admin.id };
    const server = await served(new HandClock(), { type: 'keycloak', options, secret: fake.admin.secret });
    await wholeLife(server, async (held) => {
      const answer = await fetch(`${fake.url}/realms/${fake.realm}/protocol/openid-connect/token`, {
        method: 'POST',
        body: new URLSearchParams({
          grant_type: 'password',
          client_id: 'admin-cli',
          username: String(held['application_username']),
          password: String(held['application_password']),
        }),
      });
      return answer.status === 200;
    });
    expect([fake.users.size, fake.clients.size]).toEqual([0, 0]);
  });
});

const database = await databasePlace('postgresql');

describe.skipIf(database === undefined)('an application in PostgreSQL', () => {
  if (database === undefined) return;
  afterAll(() => database.close());

  it('is made, rotated, disabled, enabled and deleted there', async () => {
    const { host, port } = database.server;
    const options = { host, port: String(port), database: database.name, username: database.name };
    const server = await served(new HandClock(), { type: 'postgres', options, secret: database.password });
    const getsIn = (held: JsonObject) =>
      database.whoAmI(String(held['application_username']), String(held['application_password'])).then(
        () => true,
        () => false,
      );
    await wholeLife(server, getsIn);
    // Other tests on the server have names that go on with a hyphen.
    const left = (await database.users('stups_shop')).filter((name) => !name.startsWith('stups_shop-'));
    expect(left).toEqual([]);
  });
});
