/** The npm client `node-vault`, as it is published, does the main job against a server that waits for `sys/init`. */
import nodeVault from 'node-vault';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cleanUp, freshPlace, type ServerProcess, startServer } from '../e2e/server-process.ts';

afterAll(cleanUp);

describe('node-vault', () => {
  const place = freshPlace();
  let server: ServerProcess;
  let vault: nodeVault.client;
  let keys: readonly string[] = [];
  let roleId = '';
  let secretId = '';

  beforeAll(async () => {
    server = await startServer(place, { words: ['--init-by-api'] });
    vault = nodeVault({ endpoint: server.address, noCustomHTTPVerbs: false });
  });

  it('initialises and unseals', async () => {
    expect(await vault.initialized()).toEqual({ initialized: false });
    expect(await vault.health()).toMatchObject({ initialized: false, sealed: true });
    const made = await vault.init({ secret_shares: 3, secret_threshold: 2 });
    expect(made.keys).toHaveLength(3);
    expect(made.keys_base64).toHaveLength(3);
    keys = made.keys;
    expect(await vault.status()).toMatchObject({ initialized: true, sealed: true, t: 2, n: 3, progress: 0 });
    expect(await vault.unseal({ key: keys[0] ?? '' })).toMatchObject({ sealed: true, progress: 1 });
    expect(await vault.unseal({ key: keys[2] ?? '' })).toMatchObject({ sealed: false, progress: 0 });
    vault.token = made.root_token;
    expect(await vault.health()).toMatchObject({ initialized: true, sealed: false, standby: false });
  });

  it('is told in the very words it knows that there is a store already', async () => {
    await expect(vault.init({ secret_shares: 1, secret_threshold: 1 })).rejects.toMatchObject({
      message: 'Vault is already initialized',
      response: { statusCode: 400, body: { errors: ['Vault is already initialized'] } },
    });
  });

  it('mounts an engine and writes, reads, lists and deletes', async () => {
    await vault.mount({ mount_point: 'team', type: 'kv', options: { version: '2' } });
    expect((await vault.mounts())['team/']).toMatchObject({ type: 'kv', options: { version: '2' } });
    await vault.write('team/data/db', { data: { user: 'web', password: 'p' } });
    expect((await vault.read('team/data/db')).data).toMatchObject({
      data: { user: 'web', password: 'p' },
      metadata: { version: 1 },
    });
    expect((await vault.list('team/metadata')).data.keys).toEqual(['db']);
    await vault.delete('team/data/db');
    await expect(vault.read('team/data/db')).rejects.toMatchObject({ response: { statusCode: 404 } });
    await expect(vault.read('team/data/never')).rejects.toMatchObject({ response: { statusCode: 404 } });
    await vault.write('team/data/db', { data: { password: 'q' } });
  });

  it('writes and reads policies', async () => {
    const rules = '{"path":{"team/data/*":{"policy":"read"}}}';
    await vault.addPolicy({ name: 'reader', rules });
    expect((await vault.policies()).policies).toEqual(expect.arrayContaining(['default', 'reader', 'root']));
    expect((await vault.getPolicy({ name: 'reader' })).rules).toBe(rules);
  });

  it('makes an AppRole and logs in with it', async () => {
    await vault.enableAuth({ mount_point: 'approle', type: 'approle', description: 'machines' });
    expect(await vault.auths()).toMatchObject({ 'approle/': { type: 'approle', description: 'machines' } });
    await vault.addApproleRole({ role_name: 'web', policies: 'reader', token_ttl: 600 });
    roleId = (await vault.getApproleRoleId({ role_name: 'web' })).data.role_id;
    secretId = (await vault.getApproleRoleSecret({ role_name: 'web' })).data.secret_id;
    const application = nodeVault({ endpoint: server.address });
    const login = await application.approleLogin({ role_id: roleId, secret_id: secretId });
    expect(login.auth).toMatchObject({ policies: ['default', 'reader'], lease_duration: 600 });
    expect(application.token).toBe(login.auth.client_token);
    expect((await application.read('team/data/db')).data.data).toEqual({ password: 'q' });
    await expect(application.write('team/data/db', { data: {} })).rejects.toMatchObject({
      response: { statusCode: 403 },
    });
    await expect(application.mounts()).rejects.toThrow(/permission denied/);
  });

  it('looks its token up, renews and revokes it', async () => {
    const application = nodeVault({ endpoint: server.address });
    await application.approleLogin({ role_id: roleId, secret_id: secretId });
    const self = (await application.tokenLookupSelf()).data;
    expect(self).toMatchObject({ path: 'auth/approle/login', meta: { role_name: 'web' }, renewable: true });
    expect((await application.tokenRenewSelf()).auth.lease_duration).toBe(600);
    const rootToken = vault.token;
    const created = await vault.tokenCreate({ policies: ['reader'], ttl: '1h' });
    // The client goes on as the token that it made.
    expect(vault.token).toBe(created.auth.client_token);
    vault.token = rootToken;
    expect((await vault.tokenLookup({ token: created.auth.client_token })).data.policies).toContain('reader');
    await vault.tokenRevoke({ token: created.auth.client_token });
    await expect(vault.tokenLookup({ token: created.auth.client_token })).rejects.toThrow(/bad token/);
    await application.tokenRevokeSelf();
    await expect(application.tokenLookupSelf()).rejects.toThrow(/permission denied/);
  });

  it('makes a user and logs in with a password', async () => {
    await vault.enableAuth({ mount_point: 'userpass', type: 'userpass' });
    await vault.write('auth/userpass/users/alice', {
      password: 'Caf\u00e9 \ud83d\udd11',
      policies: 'reader',
    });
    const person = nodeVault({ endpoint: server.address });
    const login = await person.userpassLogin({ username: 'alice', password: 'Caf\u00e9 \ud83d\udd11' });
    expect(login.auth).toMatchObject({ policies: ['default', 'reader'], metadata: { username: 'alice' } });
    expect((await person.read('team/data/db')).data.data).toEqual({ password: 'q' });
    await expect(person.userpassLogin({ username: 'alice', password: 'wrong' })).rejects.toMatchObject({
      message: 'invalid username or password',
      response: { statusCode: 400 },
    });
    await vault.disableAuth({ mount_point: 'userpass' });
    await expect(person.tokenLookupSelf()).rejects.toThrow(/permission denied/);
  });

  it('takes down what it put up, and seals', async () => {
    await vault.deleteApproleRole({ role_name: 'web' });
    await vault.disableAuth({ mount_point: 'approle' });
    await vault.unmount({ mount_point: 'team' });
    await vault.removePolicy({ name: 'reader' });
    expect(await vault.mounts()).not.toHaveProperty('team/');
    await vault.seal();
    expect(await vault.status()).toMatchObject({ sealed: true });
    expect(await vault.health()).toMatchObject({ initialized: true, sealed: true });
    await expect(vault.tokenLookupSelf()).rejects.toMatchObject({ response: { statusCode: 503 } });
    await vault.unseal({ key: keys[1] ?? '' });
    expect(await vault.unseal({ key: keys[2] ?? '' })).toMatchObject({ sealed: false });
    expect((await vault.tokenLookupSelf()).data.policies).toEqual(['root']);
  });
});
