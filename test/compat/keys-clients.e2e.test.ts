/** Rotation, rekeying and root tokens as the clients know them, as they are published. */
import { fileURLToPath } from 'node:url';
import nodeVault from 'node-vault';
import { afterAll, expect, it } from 'vitest';
import { cleanUp, freshPlace, runProgram, startServer } from '../e2e/server-process.ts';
import { need } from '../setup/need.ts';

afterAll(cleanUp);

it('hvac rotates, rekeys with verification, and makes a root token', async (context) => {
  const python = need(context, 'hvac');
  const place = freshPlace();
  const server = await startServer(place, { words: ['--init-by-api'] });
  const script = fileURLToPath(new URL('./hvac-keys.py', import.meta.url));
  expect(await runProgram(python, [script, server.address], place.env)).toEqual({
    code: 0,
    stdout: 'rotate\ngenerate-root\nrekey\n',
    stderr: '',
  });
});

it('node-vault rotates and makes a root token', async () => {
  const place = freshPlace();
  const server = await startServer(place, { words: ['--init-by-api'] });
  const vault = nodeVault({ endpoint: server.address });
  const made = await vault.init({ secret_shares: 1, secret_threshold: 1 });
  await vault.unseal({ key: made.keys[0] ?? '' });
  vault.token = made.root_token;
  await vault.rotate();
  expect((await vault.read('sys/key-status')).data).toMatchObject({ term: 2 });
  const otp = 'abcdefghijklmnopqrstuvwxyz12';
  await vault.generateRootInit({ otp });
  await vault.generateRootCancel();
  const begun = (await vault.generateRootInit({ otp })) as unknown as { readonly nonce: string };
  const update = { key: made.keys[0] ?? '', nonce: begun.nonce };
  const done = (await vault.generateRootUpdate(update)) as unknown as { readonly encoded_token: string };
  const bytes = Buffer.from(done.encoded_token, 'base64');
  vault.token = Buffer.from(bytes.map((byte, index) => byte ^ otp.charCodeAt(index))).toString();
  expect((await vault.tokenLookupSelf()).data.policies).toEqual(['root']);
});
