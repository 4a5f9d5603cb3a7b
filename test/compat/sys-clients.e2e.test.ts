/** The system endpoints as the clients know them, as they are published. */
import { mkdirSync, readFileSync, renameSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Ajv } from 'ajv';
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

interface NodeVaultCommand {
  readonly method: string;
  readonly path: string;
  readonly schema?: { readonly res?: object };
}

it('what node-vault’s own schemas say of answers is so', async () => {
  const place = freshPlace();
  const server = await startServer(place, { words: ['--init'] });
  const token = readFileSync(join(place.config, 'token'), 'utf8').trim();
  const load = createRequire(import.meta.url);
  const commands = load('node-vault/src/commands.js') as Readonly<Record<string, NodeVaultCommand>>;
  const ajv = new Ajv({ strict: false });
  const checked: string[] = [];
  for (const [name, { method, path, schema }] of Object.entries(commands)) {
    if (schema?.res === undefined || method !== 'GET' || !path.startsWith('/sys/')) continue;
    const answer = await fetch(`${server.address}/v1${path}`, { headers: { 'X-Vault-Token': token } });
    const isRight = ajv.compile(schema.res);
    expect(isRight(await answer.json()), `${name}: ${ajv.errorsText(isRight.errors)}`).toBe(true);
    checked.push(name);
  }
  expect(checked.toSorted()).toEqual(['health', 'leader', 'status']);
});

it('a server writes devices where its configuration lists them, begins files anew, and shows itself', async () => {
  const place = freshPlace();
  const listed = join(place.home, 'listed');
  mkdirSync(listed, { mode: 0o700 });
  const server = await startServer(place, { words: ['--init', '--audit-directories', listed] });
  const token = readFileSync(join(place.config, 'token'), 'utf8').trim();
  const vault = nodeVault({ endpoint: server.address, token });
  const path = join(listed, 'audit.log');
  await vault.enableAudit({ name: 'file', type: 'file', options: { file_path: path } });
  await vault.enableAudit({ name: 'out', type: 'file', options: { file_path: 'stdout' } });
  await vault.read('sys/mounts');
  const both = async (count: number) => {
    const lines = () =>
      [path, undefined].map((at) => (at === undefined ? server.stdout : readFileSync(at, 'utf8')));
    for (;;) {
      const enough = lines().every((text) => (text.match(/"type":"response"/g) ?? []).length >= count);
      if (enough) return;
      await vault.health();
    }
  };
  await both(3);
  expect(statSync(path).mode & 0o7777).toBe(0o600);
  renameSync(path, `${path}.1`);
  await vault.write('sys/config/reload/all', {});
  await vault.read('sys/mounts');
  for (let size = 0; size === 0; ) {
    size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
    if (size === 0) await vault.health();
  }
  const { data } = await vault.read('sys/config/state/sanitized');
  expect(data).toMatchObject({ storage: { type: 'lmdb' }, log_level: 'info' });
  expect(JSON.stringify(data)).not.toContain(place.home);
  await server.stop();
  const text = `${readFileSync(`${path}.1`, 'utf8')}${readFileSync(path, 'utf8')}`;
  for (const line of text.trimEnd().split('\n')) expect(() => JSON.parse(line) as unknown).not.toThrow();
  expect(text).not.toContain(token);
  // What is configured elsewhere is no place for this one any more: it starts, and says so.
  const again = await startServer(place);
  const other = nodeVault({ endpoint: again.address, token });
  const state = async () => (await other.audits()).data['file/'].state as string;
  while ((await state()) !== 'failing') await other.read('sys/mounts');
  expect(again.stderr).toContain('an audit device fails');
});
