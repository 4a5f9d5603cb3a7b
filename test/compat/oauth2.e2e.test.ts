/** Programs that people have, with what an application finds in its files: curl, and a library that verifies tokens by discovery. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { afterAll, beforeAll, expect, it, type TestContext } from 'vitest';
import { clientDocument, userDocument } from '../../src/delivery/document.ts';
import { openTestListener, type TestListener } from '../../src/http/listener.fixture.ts';
import { runProgram } from '../e2e/server-process.ts';
import { BuiltinPlace, type Registered } from '../fakes/builtin-place.ts';
import { need } from '../setup/need.ts';

let at: BuiltinPlace;
let served: TestListener;
let address = '';
const files = mkdtempSync(join(tmpdir(), 'coffer-oauth2-'));
beforeAll(async () => {
  at = await BuiltinPlace.open({ program: { address: () => address } });
  served = await openTestListener({
    oauth2: 'service-users/',
    handle: (request) => at.node.road.handle(request),
  });
  address = `http://127.0.0.1:${served.listener.address.port}`;
  deliver(await at.register('myapp'));
});
afterAll(async () => {
  rmSync(files, { recursive: true, force: true });
  await served?.[Symbol.asyncDispose]();
  await at?.[Symbol.asyncDispose]();
});

function deliver({ user, password, client }: Registered): void {
  writeFileSync(join(files, 'user.json'), userDocument(user.username, password.secret ?? '').text, {
    mode: 0o600,
  });
  writeFileSync(join(files, 'client.json'), clientDocument(client.id, client.secret).text, { mode: 0o600 });
}

function delivered(name: string): Record<string, string> {
  return JSON.parse(readFileSync(join(files, name), 'utf8')) as Record<string, string>;
}

async function curl(context: TestContext, ...words: readonly string[]): Promise<Record<string, unknown>> {
  const env = { PATH: process.env['PATH'] ?? '', HOME: files };
  const { code, stdout, stderr } = await runProgram(need(context, 'curl'), ['-sS', ...words], env);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout) as Record<string, unknown>;
}

it('curl gets a token with the delivered files, and others verify it by discovery', async (context) => {
  const { application_username: username, application_password: password } = delivered('user.json');
  const { client_id: clientId, client_secret: clientSecret } = delivered('client.json');
  const answer = await curl(
    context,
    ...['-u', `${clientId}:${clientSecret}`],
    ...['-d', `grant_type=password&username=${username}&password=${password}&scope=cn+uid`],
    `${address}/oauth2/access_token`,
  );
  expect(answer).toMatchObject({ token_type: 'Bearer', expires_in: 3_600, scope: 'cn uid' });
  const token = String(answer['access_token']);

  const found = await curl(context, `${address}/.well-known/openid-configuration`);
  expect(found['issuer']).toBe(address);
  const keys = createRemoteJWKSet(new URL(String(found['jwks_uri'])));
  const { payload } = await jwtVerify(token, keys, {
    issuer: address,
    audience: `${address}/oauth2`,
    typ: 'at+jwt',
    currentDate: new Date(at.place.clock.now()),
  });
  expect(payload).toMatchObject({ sub: 'stups_myapp', uid: 'stups_myapp', cn: 'Application myapp' });

  const introspect = ['-u', `${clientId}:${clientSecret}`, '--data-urlencode', `token=${token}`];
  expect(await curl(context, ...introspect, String(found['introspection_endpoint']))).toMatchObject({
    active: true,
    client_id: clientId,
  });
  await curl(context, ...introspect, String(found['revocation_endpoint']));
  expect(await curl(context, ...introspect, String(found['introspection_endpoint']))).toEqual({
    active: false,
  });
});

it('curl is told what is wrong', async (context) => {
  const { client_id: clientId } = delivered('client.json');
  const token = `${address}/oauth2/access_token`;
  expect(
    await curl(context, '-u', `${clientId}:wrong`, '-d', 'grant_type=client_credentials', token),
  ).toMatchObject({
    error: 'invalid_client',
  });
  const json = ['-H', 'Content-Type: application/json', '-d', '{"grant_type":"client_credentials"}'];
  expect(await curl(context, ...json, token)).toMatchObject({
    error: 'invalid_request',
    error_description: expect.stringContaining('application/x-www-form-urlencoded'),
  });
});
