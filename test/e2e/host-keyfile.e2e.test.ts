/** Commands on the host find the keyfile where the server's settings name it, and elsewhere only where these say nothing. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cleanUp, cli, freshPlace, startServer } from './server-process.ts';

afterAll(cleanUp);

const place = freshPlace();
const data = join(place.home, 'data');
const keys = join(place.home, 'keys');
const keyfile = join(keys, 'own.key');
const config = join(place.home, 'coffer.toml');
const backup = join(place.home, 'first.backup');

beforeAll(async () => {
  mkdirSync(keys, { mode: 0o700 });
  writeFileSync(config, `data = "${data}"\nkeyfile = "keys/own.key"\n`, { mode: 0o600 });
  const server = await startServer(place, { words: ['--config', config, '--init'] });
  await server.stop();
  const words = ['operator', 'backup', '--data', data, '--keyfile', keyfile, backup];
  expect(await cli(place, words)).toMatchObject({ code: 0 });
}, 120_000);

const commands = [
  ['operator', 'verify-backup', backup],
  ['operator', 'backup', '--data', data, join(place.home, 'second.backup')],
  ['audit', 'verify', '--data', data],
  ['operator', 'generate-root', '--data', data, '--output', join(place.home, 'root')],
] as const;

describe.each([
  ['the configuration file', { COFFER_CONFIG: config }],
  ['a variable', { COFFER_KEYFILE: keyfile }],
])('by %s', (_, env) => {
  it('every command on the host opens the store', async () => {
    for (const words of commands) {
      const own = words.map((word) =>
        word.replace(/(second\.backup|\/root)$/, `$1-${Object.keys(env).join('-')}`),
      );
      const outcome = await cli(place, own, { env });
      expect(outcome, `${own.join(' ')}: ${outcome.stderr}`).toMatchObject({ code: 0 });
    }
    const target = join(place.home, `restored-${Object.keys(env).join('-')}`);
    const restored = await cli(place, ['operator', 'restore', backup, '--data', target], { env });
    expect(restored, restored.stderr).toMatchObject({ code: 0 });
    const examined = await cli(place, ['doctor', '--data', data, '--format', 'json'], { env });
    const { findings } = JSON.parse(examined.stdout) as { readonly findings: readonly object[] };
    const opens = { check: 'keyfile', level: 'ok', message: `${keyfile} opens the store` };
    expect(findings).toContainEqual(opens);
  }, 120_000);
});

it('a variable goes before the file', async () => {
  const env = { COFFER_CONFIG: config, COFFER_KEYFILE: join(keys, 'none.key') };
  const words = ['audit', 'verify', '--data', data];
  expect(await cli(place, words, { env })).toMatchObject({
    code: 3,
    stderr: expect.stringContaining('none.key'),
  });
});

it('a keyfile of another store is told, and the store’s own is taken where it usually lies', async () => {
  const other = freshPlace();
  const server = await startServer(other, { words: ['--init'] });
  await server.stop();
  const env = { COFFER_KEYFILE: keyfile };
  expect(await cli(other, ['audit', 'verify'], { env })).toMatchObject({ code: 0 });
  const root = ['operator', 'generate-root', '--output', join(other.home, 'root')];
  expect(await cli(other, root, { env })).toMatchObject({ code: 0 });
  const examined = await cli(other, ['doctor'], { env });
  expect(examined.stdout).toMatch(/^fail keyfile: .*(store|key)/m);
}, 120_000);

it('and where nothing names it, nobody opens the store', async () => {
  const nobody = await cli(place, ['audit', 'verify', '--data', data], { stdin: '' });
  expect(nobody).toMatchObject({ code: 3, stderr: expect.stringContaining('there is no keyfile at') });
});
