/** The compose file: its secrets as the script makes them, and a server started with its environment on a real PostgreSQL. */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, inject, it } from 'vitest';
import { parse } from 'yaml';
import { cleanUp, cli, freshPlace, runProgram, startServer } from '../e2e/server-process.ts';
import { OwnPostgresql } from '../setup/own-postgresql.ts';
import { pairs, words } from './dockerfile.ts';
import { file } from './image.ts';
import { root } from './released-package.ts';
import { checkSchema } from './schemas.ts';
import { settingVariables } from './variables.ts';

interface Service {
  readonly command?: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly secrets: readonly string[];
  readonly volumes: readonly string[];
  readonly networks: readonly string[];
  readonly ports?: readonly string[];
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
}

interface Compose {
  readonly services: { readonly coffer: Service; readonly postgresql: Service };
  readonly networks: Readonly<Record<string, { readonly internal?: boolean }>>;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
}

const folder = join(root, 'deploy/compose');
const compose = parse(readFileSync(join(folder, 'compose.yaml'), 'utf8')) as Compose;
const { coffer, postgresql } = compose.services;

const temporary = mkdtempSync(join(tmpdir(), 'coffer-compose-'));
afterAll(async () => {
  rmSync(temporary, { recursive: true, force: true });
  await cleanUp();
});

it('it is what the specification of Compose says a file is', () => {
  expect(checkSchema('vendor.compose-spec', [join(folder, 'compose.yaml')])).toBe('');
  if (inject('tools')['check-jsonschema'].path === undefined) return;
  const wrong = join(temporary, 'wrong.yaml');
  writeFileSync(wrong, readFileSync(join(folder, 'compose.yaml'), 'utf8').replace('read_only:', 'readonly:'));
  expect(checkSchema('vendor.compose-spec', [wrong])).toContain('readonly');
});

it('threat 16: passwords are files, and no value of an environment', () => {
  const secrets = ['pgpass', 'postgresql-password'];
  expect(Object.keys(compose.secrets).toSorted()).toEqual(secrets);
  for (const { environment } of [coffer, postgresql]) {
    for (const value of Object.values(environment)) expect(value).not.toMatch(/:[^/@]+@|\$\{/);
  }
  expect(coffer.environment['PGPASSFILE']).toBe('/run/secrets/pgpass');
  expect(postgresql.environment['POSTGRES_PASSWORD_FILE']).toBe('/run/secrets/postgresql-password');
});

it('the server is reached from this machine only, and the database by the server only', () => {
  expect(coffer.ports).toEqual(['127.0.0.1:8200:8200']);
  expect(postgresql.ports).toBeUndefined();
  expect(postgresql.networks).toEqual(['store']);
  expect(compose.networks['store']).toEqual({ internal: true });
  expect(coffer).toMatchObject({ read_only: true, cap_drop: ['ALL'] });
});

it('each variable is a setting, and the volumes are those of the image', () => {
  const names = Object.keys(coffer.environment).filter((name) => name !== 'PGPASSFILE');
  expect(names.filter((name) => !settingVariables.has(name))).toEqual([]);
  const ofImage = file.stages.at(-1)?.instructions.find(({ name }) => name === 'VOLUME')?.text ?? '[]';
  expect(coffer.volumes.map((volume) => volume.replace(/^\w+:/, ''))).toEqual(words(ofImage));
});

const own = { COFFER_OWNER: `${process.getuid?.()}:${process.getgid?.()}` };

function makeSecrets(place: string, env: Readonly<Record<string, string>>) {
  cpSync(join(folder, 'make-secrets.sh'), join(place, 'make-secrets.sh'));
  return runProgram(join(place, 'make-secrets.sh'), [], { PATH: process.env['PATH'] ?? '', ...env });
}

it('threat 26: the script gives the password file to the image’s user alone, and keeps what is there', async () => {
  const place = mkdtempSync(join(temporary, 'own-'));
  const asRoot = process.getuid?.() === 0;
  expect(await makeSecrets(place, asRoot ? {} : own)).toMatchObject({ code: 0, stdout: '' });
  const status = statSync(join(place, 'secrets/pgpass'));
  expect([status.mode & 0o777, status.uid]).toEqual([0o600, asRoot ? 10_001 : process.getuid?.()]);
  const password = readFileSync(join(place, 'secrets/postgresql-password'), 'utf8');
  expect(password).toMatch(/^[0-9a-f]{64}$/);
  expect(readFileSync(join(place, 'secrets/pgpass'), 'utf8')).toBe(`*:*:*:coffer:${password}\n`);
  expect(await makeSecrets(place, own)).toMatchObject({
    code: 0,
    stderr: expect.stringContaining('nothing was'),
  });
  expect(readFileSync(join(place, 'secrets/postgresql-password'), 'utf8')).toBe(password);
  expect(readdirSync(place).toSorted()).toEqual(['make-secrets.sh', 'secrets']);
});

it('a server with this environment keeps its store in PostgreSQL', async () => {
  const database = await OwnPostgresql.make();
  if (database === undefined) throw new Error('PostgreSQL is not to be had here');
  try {
    await database.start();
    expect(await makeSecrets(temporary, own)).toMatchObject({ code: 0 });
    const password = readFileSync(join(temporary, 'secrets/postgresql-password'), 'utf8');
    await database.sql(`CREATE ROLE coffer LOGIN PASSWORD '${password}'`);
    await database.sql('CREATE DATABASE coffer OWNER coffer');
    const place = freshPlace();
    const image = pairs(file.stages.at(-1)?.instructions.find(({ name }) => name === 'ENV')?.text ?? '');
    const env = {
      ...Object.fromEntries(image),
      ...coffer.environment,
      COFFER_DATA: place.data,
      XDG_CONFIG_HOME: place.env['XDG_CONFIG_HOME'] ?? '',
      PGPASSFILE: join(temporary, 'secrets/pgpass'),
      COFFER_LISTEN: '0.0.0.0:0',
      // The name that Compose gives the database.
      COFFER_STORAGE: (coffer.environment['COFFER_STORAGE'] ?? '').replace(
        '@postgresql:5432/',
        `@127.0.0.1:${database.port}/`,
      ),
    };
    const [verb = '', ...more] = coffer.command ?? [];
    const server = await startServer(place, { verb: [verb], words: more, listen: [], env });
    const [token = ''] = readdirSync(place.config).filter((name) => name.endsWith('.root-token'));
    const asked = {
      COFFER_ADDR: `http://127.0.0.1:${new URL(server.address).port}`,
      COFFER_TOKEN: readFileSync(join(place.config, token), 'utf8').trim(),
    };
    expect(await cli(place, ['put', 'db/password', 'a=b'], { env: asked })).toMatchObject({ code: 0 });
    expect(await cli(place, ['status'], { env: asked })).toMatchObject({ code: 0 });
    expect(await server.stop()).toMatchObject({ code: 0 });
    // The next start, with the same words, serves what is there.
    const again = await startServer(place, { verb: [verb], words: more, listen: [], env });
    const there = { ...asked, COFFER_ADDR: `http://127.0.0.1:${new URL(again.address).port}` };
    expect(await cli(place, ['get', 'db/password', '--field', 'a'], { env: there })).toMatchObject({
      code: 0,
      stdout: 'b',
    });
    await again.stop();
  } finally {
    await database.dispose();
  }
});
