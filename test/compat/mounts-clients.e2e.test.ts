/** Mounts, leases and wrapping as the clients know them, as they are published. The engine with leases is a test's. */
import { fileURLToPath } from 'node:url';
import nodeVault from 'node-vault';
import { afterAll, beforeEach, expect, it } from 'vitest';
import { cleanUp, freshPlace, runProgram } from '../e2e/server-process.ts';
import { leasedType, Outside } from '../fakes/leased-engine.ts';
import { need } from '../setup/need.ts';
import { openContractServer, rootToken } from './contract-server.ts';

afterAll(cleanUp);

let outside: Outside;
beforeEach(() => {
  outside = new Outside();
});

it('hvac mounts, tunes, moves, leases and wraps', async (context) => {
  const python = need(context, 'hvac');
  await using server = await openContractServer(true, [leasedType(outside)]);
  const script = fileURLToPath(new URL('./hvac-mounts.py', import.meta.url));
  const ran = await runProgram(python, [script, server.address, rootToken], freshPlace().env);
  expect(ran).toEqual({ code: 0, stdout: 'mounts\nmove\nauth\nleases\nwrapping\n', stderr: '' });
  expect(outside.made).toHaveLength(3);
  expect(outside.working).toEqual([]);
});

it('node-vault mounts, moves, leases and unwraps', async () => {
  await using server = await openContractServer(true, [leasedType(outside)]);
  const vault = nodeVault({ endpoint: server.address, token: rootToken });
  const paths = async () => Object.keys((await vault.mounts()).data);

  await vault.mount({ mount_point: 'db', type: 'leased', description: 'of a test' });
  expect(await paths()).toContain('db/');
  await expect(vault.mount({ mount_point: 'db', type: 'leased' })).rejects.toThrow(
    'path is already in use at db/',
  );
  const first = await vault.read('db/creds/app');
  const second = await vault.read('db/creds/app');
  expect(await vault.renew({ lease_id: first.lease_id, increment: 600 })).toMatchObject({
    lease_id: first.lease_id,
    lease_duration: 600,
    renewable: true,
  });
  await vault.remount({ from: 'db', to: 'data' });
  expect(await paths()).not.toContain('db/');
  await vault.revoke({ lease_id: first.lease_id });
  expect(outside.working).toHaveLength(1);
  expect(await vault.renew({ lease_id: second.lease_id })).toMatchObject({ lease_id: second.lease_id });
  await vault.revokePrefix({ path_prefix: 'data' });
  expect(outside.working).toEqual([]);
  await expect(vault.renew({ lease_id: second.lease_id })).rejects.toThrow('lease not found');
  await expect(vault.remount({ from: 'nowhere', to: 'x' })).rejects.toThrow('no matching mount');
  await vault.unmount({ mount_point: 'data' });
  await vault.unmount({ mount_point: 'data' });
  expect(await paths()).not.toContain('data/');

  await vault.enableAuth({ mount_point: 'machines', type: 'approle', description: 'of a test' });
  expect(Object.keys((await vault.auths()).data)).toEqual(['machines/', 'token/']);
  await vault.disableAuth({ mount_point: 'machines' });
  expect(Object.keys((await vault.auths()).data)).toEqual(['token/']);

  const asked = await server.wire.ask('POST', 'sys/wrapping/wrap', {
    body: { word: 'wrapped' },
    headers: { 'X-Vault-Wrap-TTL': '60' },
  });
  const { token } = (asked.json as { readonly wrap_info: { readonly token: string } }).wrap_info;
  expect((await vault.unwrap({ token })).data).toEqual({ word: 'wrapped' });
  await expect(vault.unwrap({ token })).rejects.toThrow('wrapping token is not valid or does not exist');
});
