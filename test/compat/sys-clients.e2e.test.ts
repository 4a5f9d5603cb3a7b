/** The system endpoints as the clients know them, as they are published. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import nodeVault from 'node-vault';
import { afterAll, expect, it } from 'vitest';
import { cleanUp, freshPlace, runProgram, startServer } from '../e2e/server-process.ts';
import { need } from '../setup/need.ts';

afterAll(cleanUp);

it('hvac walks client.sys', async (context) => {
  const python = need(context, 'hvac');
  const place = freshPlace();
  const server = await startServer(place, { words: ['--init-by-api'] });
  const script = fileURLToPath(new URL('./hvac-sys.py', import.meta.url));
  const parts = ['init', 'seal', 'health', 'leader', 'audit', 'auth', 'policies', 'quota', 'key', 'lease'];
  expect(await runProgram(python, [script, server.address], place.env)).toEqual({
    code: 0,
    stdout: `${[...parts, 'wrapping', 'none', 'misc'].join('\n')}\n`,
    stderr: '',
  });
});

it('node-vault lists, enables and disables audit devices; their file is for the server’s user alone', async () => {
  const place = freshPlace();
  const server = await startServer(place, { words: ['--init'] });
  const token = readFileSync(join(place.config, 'token'), 'utf8').trim();
  const vault = nodeVault({ endpoint: server.address, token });
  expect(Object.keys((await vault.audits()).data)).toEqual(['coffer-chain/']);
  await vault.enableAudit({ name: 'tools', type: 'file', options: { file_path: 'node.log' } });
  expect((await vault.audits()).data['tools/']).toMatchObject({ type: 'file', path: 'tools/', local: false });
  expect((await vault.health()).version).toMatch(/^1\.17\.\d+$/);
  await vault.write('secret/data/a', { data: { password: 'a-value-of-its-own' } });
  await vault.disableAudit({ name: 'tools' });
  const path = join(place.data, 'audit-devices', 'node.log');
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
  expect(lines.length).toBeGreaterThan(3);
  expect(lines.join('')).not.toContain('a-value-of-its-own');
  await expect(
    vault.enableAudit({ name: 'x', type: 'file', options: { file_path: '../../x', mode: '0755' } }),
  ).rejects.toThrow(/0600/);
});
