/**
 * What an application does, on one machine: it is registered, finds its two files in a directory, gets a token with curl, and somebody else verifies
 * that by discovery. The real program, and nobody else's identity provider.
 */
import { existsSync, mkdirSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { afterAll, beforeAll, expect, it, type TestContext } from 'vitest';
import type { JsonObject } from '../../src/json.ts';
import { cleanUp, freshPlace, runProgram, type ServerProcess, startServer } from '../e2e/server-process.ts';
import { need } from '../setup/need.ts';

const place = freshPlace();
const root = 'oauth2-root';
let directory = '';
let server: ServerProcess;
beforeAll(async () => {
  directory = join(realpathSync(place.home), 'delivered');
  mkdirSync(directory, { mode: 0o700 });
  const env = { COFFER_DELIVERY_DIRECTORIES: directory };
  server = await startServer(place, { words: ['--dev', '--dev-root-token-id', root], env });
  await write('sys/mounts/service-users', { type: 'service-users' });
  await write('service-users/apps/myapp', { name: 'My application' });
  const targets = [`directory:${directory}`];
  await write('service-users/apps/myapp/delivery', { targets, scopes: ['parcel.read'], confidential: true });
});
afterAll(cleanUp);

async function write(path: string, data: JsonObject): Promise<void> {
  const answer = await fetch(`${server.address}/v1/${path}`, {
    method: 'POST',
    headers: { 'X-Vault-Token': root },
    body: JSON.stringify(data),
  });
  expect(answer.status, `${path} ${await answer.text()}`).toBeLessThan(300);
}

function delivered(name: string): Record<string, string> {
  return JSON.parse(readFileSync(join(directory, 'myapp', name), 'utf8')) as Record<string, string>;
}

async function filesAreThere(): Promise<void> {
  const names = ['user.json', 'client.json'].map((name) => join(directory, 'myapp', name));
  await expect.poll(() => names.every((name) => existsSync(name)), { timeout: 60_000 }).toBe(true);
}

async function curl(context: TestContext, ...words: readonly string[]): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await runProgram(need(context, 'curl'), ['-sS', ...words], place.env);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout) as Record<string, unknown>;
}

it('curl gets a token with the delivered files, and others verify it by discovery', async (context) => {
  await filesAreThere();
  const { application_username: username, application_password: password } = delivered('user.json');
  const { client_id: clientId, client_secret: clientSecret } = delivered('client.json');
  const answer = await curl(
    context,
    ...['-u', `${clientId}:${clientSecret}`],
    ...['-d', `grant_type=password&username=${username}&password=${password}&scope=cn+uid`],
    `${server.address}/oauth2/access_token`,
  );
  expect(answer).toMatchObject({ token_type: 'Bearer', expires_in: 3_600, scope: 'cn uid' });
  const token = String(answer['access_token']);

  const found = await curl(context, `${server.address}/.well-known/openid-configuration`);
  expect(found['issuer']).toBe(server.address);
  const { payload } = await jwtVerify(token, createRemoteJWKSet(new URL(String(found['jwks_uri']))), {
    issuer: server.address,
    audience: `${server.address}/oauth2`,
    typ: 'at+jwt',
  });
  expect(payload).toMatchObject({ sub: 'stups_myapp', uid: 'stups_myapp', cn: 'My application' });

  const client = ['-u', `${clientId}:${clientSecret}`, '--data-urlencode', `token=${token}`];
  const introspect = () => curl(context, ...client, String(found['introspection_endpoint']));
  expect(await introspect()).toMatchObject({ active: true, client_id: clientId, scope: 'cn uid' });
  await curl(context, ...client, String(found['revocation_endpoint']));
  expect(await introspect()).toEqual({ active: false });
});

it('curl is told what is wrong', async (context) => {
  await filesAreThere();
  const { client_id: clientId } = delivered('client.json');
  const address = `${server.address}/oauth2/access_token`;
  const wrong = ['-u', `${clientId}:wrong`, '-d', 'grant_type=client_credentials'];
  expect(await curl(context, ...wrong, address)).toMatchObject({ error: 'invalid_client' });
  const json = ['-H', 'Content-Type: application/json', '-d', '{"grant_type":"client_credentials"}'];
  expect(await curl(context, ...json, address)).toMatchObject({
    error: 'invalid_request',
    error_description: expect.stringContaining('application/x-www-form-urlencoded'),
  });
});
