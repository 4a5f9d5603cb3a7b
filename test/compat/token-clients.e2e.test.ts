/** Published clients, unmodified, use all that they know of tokens. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import nodeVault from 'node-vault';
import { afterAll, expect, it } from 'vitest';
import { cleanUp, freshPlace, runProgram, startServer } from '../e2e/server-process.ts';
import { need } from '../setup/need.ts';

afterAll(cleanUp);

async function running() {
  const place = freshPlace();
  const server = await startServer(place, { words: ['--init'] });
  const [file = ''] = readdirSync(place.config).filter((name) => name.endsWith('.root-token'));
  return { place, server, rootToken: readFileSync(join(place.config, file), 'utf8').trim() };
}

it('hvac uses all that it knows of tokens', async (context) => {
  const python = need(context, 'hvac');
  const { place, server, rootToken } = await running();
  const script = fileURLToPath(new URL('./hvac-token.py', import.meta.url));
  expect(await runProgram(python, [script, server.address], place.env, rootToken)).toEqual({
    code: 0,
    stdout: 'create\nlookup\nrenew\nroles\nbatch\nrevoke\n',
    stderr: '',
  });
});

it('node-vault uses all that it knows of tokens', async () => {
  const { server, rootToken } = await running();
  // A client goes over to each token that it makes or renews: hence a new one each time.
  const as = (token: string) => nodeVault({ endpoint: server.address, token, noCustomHTTPVerbs: false });
  const vault = () => as(rootToken);
  await vault().addPolicy({ name: 'reader', rules: 'path "secret/*" { capabilities = ["read"] }' });
  const made = await vault().tokenCreate({ policies: ['reader'], ttl: '1h', renewable: true });
  const { client_token: text, accessor } = made.auth;
  expect(made.auth).toMatchObject({ policies: ['default', 'reader'], token_type: 'service' });
  expect((await vault().tokenCreateOrphan({ policies: ['reader'], ttl: '1h' })).auth.orphan).toBe(true);
  expect((await vault().tokenAccessors()).data.keys).toContain(accessor);
  const seen = await vault().tokenLookup({ token: text });
  expect(seen.data).toMatchObject({ id: text, accessor, path: 'auth/token/create' });
  expect((await vault().tokenLookupAccessor({ accessor })).data).toMatchObject({ id: '', accessor });
  expect((await vault().tokenLookupSelf()).data.policies).toEqual(['root']);
  expect((await vault().tokenRenew({ token: text, increment: 7_200 })).auth.lease_duration).toBe(7_200);
  expect((await as(text).tokenRenewSelf({ increment: 5_400 })).auth.lease_duration).toBe(5_400);

  await vault().addTokenRole({ role_name: 'ci', allowed_policies: 'reader', orphan: true, period: 3_600 });
  expect((await vault().getTokenRole({ role_name: 'ci' })).data).toMatchObject({
    orphan: true,
    period: 3_600,
  });
  expect((await vault().tokenRoles()).data.keys).toEqual(['ci']);
  const ofRole = await vault().tokenCreateRole({ role_name: 'ci' });
  expect(ofRole.auth).toMatchObject({ orphan: true, lease_duration: 3_600, policies: ['default', 'reader'] });
  await vault().removeTokenRole({ role_name: 'ci' });
  await expect(vault().tokenCreateRole({ role_name: 'ci' })).rejects.toThrow(/unknown role/);

  const parent = await vault().tokenCreate({ policies: ['root'], ttl: '5h' });
  const asParent = () => as(parent.auth.client_token);
  const child = await asParent().tokenCreate({ policies: ['reader'], ttl: '1h' });
  await vault().tokenRevokeOrphan({ token: parent.auth.client_token });
  await expect(asParent().tokenLookupSelf()).rejects.toMatchObject({ response: { statusCode: 403 } });
  expect((await vault().tokenLookup({ token: child.auth.client_token })).data.orphan).toBe(true);

  await vault().tokenRevokeAccessor({ accessor });
  await vault().tokenRevoke({ token: child.auth.client_token });
  await as(ofRole.auth.client_token).tokenRevokeSelf();
  for (const token of [text, child.auth.client_token, ofRole.auth.client_token]) {
    await expect(vault().tokenLookup({ token })).rejects.toMatchObject({ response: { statusCode: 403 } });
  }
});
