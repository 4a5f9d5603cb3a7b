/** The database engine as people use it: by curl from first to last, and by hvac as it is published. */
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { cleanUp, freshPlace, runProgram, type ServerProcess, startServer } from '../e2e/server-process.ts';
import { openWire } from '../e2e/wire.ts';
import { type DatabasePlace, databasePlace } from '../setup/database-place.ts';
import { need } from '../setup/need.ts';

const postgresql = await databasePlace('postgresql');
const mariadb = await databasePlace('mariadb');
const places = [postgresql, mariadb].filter((place) => place !== undefined);

afterAll(async () => {
  await cleanUp();
  for (const place of places) await place.close();
});

interface Started {
  readonly server: ServerProcess;
  readonly token: string;
  readonly env: Readonly<Record<string, string>>;
}

async function start(): Promise<Started> {
  const place = freshPlace();
  const server = await startServer(place, { words: ['--init-by-api'] });
  const wire = openWire(server.address);
  const init = await wire.ask('POST', 'sys/init', { body: { secret_shares: 1, secret_threshold: 1 } });
  const made = init.json as { readonly keys: readonly string[]; readonly root_token: string };
  await wire.ask('POST', 'sys/unseal', { body: { key: made.keys[0] ?? '' } });
  wire.close();
  return { server, token: made.root_token, env: place.env };
}

const statements = (place: DatabasePlace) =>
  place.kind === 'postgresql'
    ? {
        create: [`CREATE ROLE "{{name}}" WITH LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}';`],
        administrator: (name: string) => [`CREATE ROLE ${name} LOGIN SUPERUSER PASSWORD 'first'`],
        fixed: (name: string) => [`CREATE ROLE ${name} LOGIN PASSWORD 'first'`],
        drop: (name: string) => `DROP ROLE IF EXISTS ${name}`,
      }
    : {
        create: [`CREATE USER '{{name}}'@'%' IDENTIFIED BY '{{password}}';`],
        administrator: (name: string) => [
          `CREATE USER ${name}@'%' IDENTIFIED BY 'first'`,
          `GRANT ALL PRIVILEGES ON *.* TO ${name}@'%' WITH GRANT OPTION`,
        ],
        fixed: (name: string) => [`CREATE USER ${name}@'%' IDENTIFIED BY 'first'`],
        drop: (name: string) => `DROP USER IF EXISTS ${name}@'%'`,
      };

interface Answer {
  readonly status: number;
  readonly lease_id?: string;
  readonly lease_duration?: number;
  readonly data?: Readonly<Record<string, unknown>>;
}

describe.each(places.map((place) => [place.kind, place] as const))('%s by curl', (_kind, place) => {
  it('goes from a configuration to a mount that takes all its users with it', async (context) => {
    const curl = need(context, 'curl');
    const { server, token, env } = await start();
    const ask = async (method: string, path: string, body?: object): Promise<Answer> => {
      const config = `header = "X-Vault-Token: ${token}"\n`;
      const words = ['-s', '-K', '-', '-X', method, '-w', '\n%{http_code}', `${server.address}/v1/${path}`];
      const sent = body === undefined ? [] : ['--data', JSON.stringify(body)];
      const { stdout } = await runProgram(curl, [...words, ...sent], env, config);
      const at = stdout.lastIndexOf('\n');
      const text = stdout.slice(0, at);
      return { ...(text === '' ? {} : (JSON.parse(text) as object)), status: Number(stdout.slice(at + 1)) };
    };
    const root = `root_${place.name}`;
    const fixed = `fixed_${place.name.slice(-8)}`;
    const { create, administrator, fixed: fixedUser, drop } = statements(place);
    for (const word of [...administrator(root), ...fixedUser(fixed)]) await place.sql(word);
    try {
      expect((await ask('POST', 'sys/mounts/database', { type: 'database' })).status).toBe(204);
      const config = {
        plugin_name: place.plugin,
        connection_url: place.url,
        username: root,
        password: 'first',
        allowed_roles: 'app,job',
      };
      expect((await ask('POST', 'database/config/main', { ...config, password: 'wrong' })).status).toBe(400);
      expect((await ask('POST', 'database/config/main', config)).status).toBe(204);
      expect((await ask('POST', 'database/rotate-root/main')).status).toBe(204);
      await expect(place.whoAmI(root, 'first')).rejects.toThrow();
      const role = { db_name: 'main', creation_statements: create, default_ttl: '1h', max_ttl: '24h' };
      expect((await ask('POST', 'database/roles/app', role)).status).toBe(204);
      const made = await ask('GET', 'database/creds/app');
      const { username = '', password = '' } = made.data as Record<string, string>;
      expect([made.status, made.lease_duration]).toEqual([200, 3_600]);
      expect(await place.whoAmI(username, password)).toBe(username);
      const renewed = await ask('POST', 'sys/leases/renew', { lease_id: made.lease_id, increment: 7_200 });
      expect(renewed.lease_duration).toBe(7_200);
      expect((await ask('POST', 'sys/leases/revoke', { lease_id: made.lease_id })).status).toBe(204);
      await expect(place.whoAmI(username, password)).rejects.toThrow();
      const job = { db_name: 'main', username: fixed, rotation_period: '1h' };
      expect((await ask('POST', 'database/static-roles/job', job)).status).toBe(204);
      const first = (await ask('GET', 'database/static-creds/job')).data;
      expect(await place.whoAmI(fixed, String(first?.['password']))).toBe(fixed);
      expect((await ask('POST', 'database/rotate-role/job')).status).toBe(204);
      await expect(place.whoAmI(fixed, String(first?.['password']))).rejects.toThrow();
      const others = await Promise.all([1, 2, 3].map(() => ask('GET', 'database/creds/app')));
      const names = others.map(({ data }) => String(data?.['username']));
      for (const name of names) expect(await place.users(name)).toEqual([name]);
      expect((await ask('DELETE', 'sys/mounts/database')).status).toBe(204);
      const left = async () => {
        const users: string[] = [];
        for (const name of names) users.push(...(await place.users(name)));
        return users;
      };
      await expect.poll(left, { timeout: 30_000 }).toEqual([]);
    } finally {
      for (const name of [root, fixed]) await place.sql(drop(name));
    }
    // Connections that are idle keep nobody from stopping.
    expect((await server.stop()).code).toBe(0);
  });
});

describe.skipIf(postgresql === undefined)('hvac', () => {
  it('walks all that it knows of the database engine', async (context) => {
    if (postgresql === undefined) return;
    const python = need(context, 'hvac');
    const { server, token, env } = await start();
    const root = `hvac_${postgresql.name}`;
    const fixed = `fixed_${postgresql.name}`;
    const { administrator, fixed: fixedUser, drop } = statements(postgresql);
    for (const word of [...administrator(root), ...fixedUser(fixed)]) await postgresql.sql(word);
    try {
      const script = fileURLToPath(new URL('./hvac-database.py', import.meta.url));
      const given = JSON.stringify({ token, url: postgresql.url, root, fixed });
      expect(await runProgram(python, [script, server.address], env, given)).toEqual({
        code: 0,
        stdout: 'connection\nrole\ncredentials\nstatic role\nrotation\n',
        stderr: '',
      });
    } finally {
      for (const name of [root, fixed]) await postgresql.sql(drop(name));
    }
  });
});
