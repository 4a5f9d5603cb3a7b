/** The runbook on keys does what it says: each of its shell blocks, against a real server, in the plight that it is for. */
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  cleanUp,
  cli,
  freshPlace,
  type Outcome,
  type Place,
  runProgram,
  startServer,
} from './server-process.ts';

afterAll(cleanUp);

const root = fileURLToPath(new URL('../..', import.meta.url));
const guide = readFileSync(`${root}/docs/guide/keys.md`, 'utf8');
const used = new Set<string>();

function blocksOf(heading: string): readonly string[] {
  const section = guide.split(/^## /m).find((text) => text.startsWith(`${heading}\n`)) ?? '';
  return [...section.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block = '']) => block);
}

/** Runs one block of the guide as it is written. */
async function follow(
  place: Place,
  address: string,
  heading: string,
  index: number,
  stdin = '',
): Promise<Outcome> {
  const block = blocksOf(heading)[index];
  if (block === undefined) throw new Error(`the guide has no such block: ${heading}, ${index}`);
  used.add(block);
  const env = { ...place.env, COFFER_ADDR: address, npm_config_update_notifier: 'false' };
  const outcome = await runProgram('bash', ['-euo', 'pipefail', '-c', block], env, stdin, root);
  expect(outcome, `${block}\n${outcome.stdout}\n${outcome.stderr}`).toMatchObject({ code: 0 });
  return outcome;
}

const rehearsal = 'A second way in, and a rehearsal';
const passphrase = 'nineteen copper herons above Lund';
const another = 'forty velvet anchors beneath Bergen';

function keyfileOf(place: Place): string {
  const name = readdirSync(place.config).find((each) => each.endsWith('.keyfile')) ?? '';
  return join(place.config, name);
}

describe('the runbook on keys', () => {
  const place = freshPlace();
  const serve = (words: readonly string[] = []) => startServer(place, { words });
  let server: Awaited<ReturnType<typeof startServer>>;

  beforeAll(async () => {
    server = await startServer(place, {
      listen: [],
      words: ['--init'],
      env: { COFFER_LISTEN: '127.0.0.1:0' },
    });
    const put = await cli(place, ['put', 'db/password'], {
      stdin: 'kept',
      env: { COFFER_ADDR: server.address },
    });
    expect(put, put.stderr).toMatchObject({ code: 0 });
  });

  it('adds a passphrase and rehearses it', async () => {
    expect((await follow(place, server.address, rehearsal, 0)).stdout).toMatch(/\tkeyfile\tat start\tyes\n$/);
    await follow(place, server.address, rehearsal, 1, `${passphrase}\n`);
    const rehearsed = await follow(place, server.address, rehearsal, 2, `${passphrase}\n`);
    expect(rehearsed.stderr).toMatch(/opens the store/);
  });

  it('gives another root token for a lost one, audited, and none without a slot’s key', async () => {
    const made = await follow(place, server.address, 'A lost root token', 0);
    expect(made.stdout).toContain('root');
    const file = join(place.home, 'root-token');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const audit = await cli(place, ['audit', 'verify']);
    expect(audit, audit.stderr).toMatchObject({ code: 0 });
    const lines = readdirSync(join(place.data, 'audit'), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name !== 'reserve')
      .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'))
      .join('');
    expect(lines).toContain('sys/generate-root/update');
    expect(lines).not.toContain(readFileSync(file, 'utf8').trim());
    const wrong = await cli(place, ['operator', 'generate-root', '--keyfile', '/nowhere/keyfile']);
    expect(wrong).toMatchObject({ code: 3, stdout: '' });
  });

  it('makes a new keyfile for a lost one', async () => {
    await server.stop();
    rmSync(keyfileOf(place));
    const wrong = await cli(place, ['operator', 'generate-root'], { stdin: 'some other passphrase\n' });
    expect(wrong).toMatchObject({ code: 4, stdout: '' });
    const byPassphrase = await cli(place, ['operator', 'generate-root'], { stdin: `${passphrase}\n` });
    expect(byPassphrase.stdout, byPassphrase.stderr).toMatch(/^hvs\.[0-9A-Za-z]{24}\n$/);
    server = await serve();
    await follow(place, server.address, 'A lost keyfile', 0, `${passphrase}\n`);
    await follow(place, server.address, 'A lost keyfile', 1);
    await server.stop();
    server = await serve();
    const read = await cli(place, ['get', 'db/password'], { env: { COFFER_ADDR: server.address } });
    expect(read).toMatchObject({ code: 0, stdout: expect.stringMatching(/^kept\n?$/) });
  });

  it('makes a new passphrase for a lost one', async () => {
    await follow(place, server.address, 'A lost passphrase', 0, `${another}\n`);
    await follow(place, server.address, 'A lost passphrase', 1, `${another}\n`);
    const { stdout } = await cli(place, ['operator', 'slots'], { env: { COFFER_ADDR: server.address } });
    expect(stdout.match(/\tpassphrase\t/g)).toHaveLength(1);
  });

  it('rotates', async () => {
    const rotated = await follow(place, server.address, 'A new encryption key', 0);
    expect(rotated.stdout).toMatch(/^term\t2$/m);
  });

  it('moves the keyfile', async () => {
    await server.stop();
    await follow(place, '', 'Another place for the keyfile', 0);
    server = await serve(['--keyfile', join(place.home, 'keys', 'coffer.keyfile')]);
    const read = await cli(place, ['get', 'db/password'], { env: { COFFER_ADDR: server.address } });
    expect(read.stdout.trim()).toBe('kept');
  });

  it('moves to another machine', async () => {
    await server.stop();
    await follow(place, '', 'Another machine', 0);
    const there = freshPlace();
    copyFileSync(join(place.home, 'coffer-data.tar'), join(there.home, 'coffer-data.tar'));
    await follow(there, '', 'Another machine', 1);
    const sealed = await startServer(there);
    const opened = await cli(there, ['operator', 'unseal'], {
      stdin: `${another}\n`,
      env: { COFFER_ADDR: sealed.address },
    });
    expect(opened, opened.stderr).toMatchObject({ code: 0 });
    await sealed.stop();
    const keyfile = join(there.home, 'coffer.keyfile');
    copyFileSync(join(place.home, 'keys', 'coffer.keyfile'), keyfile);
    const moved = await startServer(there, { words: ['--keyfile', keyfile] });
    mkdirSync(there.config, { recursive: true });
    const token = join(place.home, 'root-token');
    const read = await cli(there, ['get', 'db/password', '--token-file', token], {
      env: { COFFER_ADDR: moved.address },
    });
    expect(read, read.stderr).toMatchObject({ code: 0, stdout: expect.stringMatching(/^kept\n?$/) });
  });
});

it('makes new shares for old ones', async () => {
  const place = freshPlace();
  const server = await startServer(place, { words: ['--init-by-api'] });
  const env = { COFFER_ADDR: server.address };
  const made = await cli(
    place,
    ['operator', 'init', '--shares', '3', '--threshold', '2', '--format', 'json'],
    { env },
  );
  const { shares, root_token } = JSON.parse(made.stdout) as { shares: string[]; root_token: string };
  const old = `${shares[0]}\n${shares[2]}\n`;
  await cli(place, ['operator', 'unseal'], { stdin: old, env });
  const holder = { ...place, env: { ...place.env, COFFER_TOKEN: root_token } };
  await follow(holder, server.address, 'New shares', 0, old);
  const fresh = readFileSync(join(place.home, 'new-shares'), 'utf8');
  expect(fresh.split('\n')).toHaveLength(4);
  await cli(holder, ['operator', 'seal'], { env });
  expect(await cli(place, ['operator', 'unseal'], { stdin: old, env })).toMatchObject({ code: 4 });
  expect(await cli(place, ['operator', 'unseal'], { stdin: fresh, env })).toMatchObject({ code: 0 });
  const remote = await cli(holder, ['operator', 'generate-root', '--remote'], { stdin: fresh, env });
  expect(remote.stdout, remote.stderr).toMatch(/^hvs\.[0-9A-Za-z]{24}\n$/);
  expect(remote.stderr).toContain('made a root token');
  await server.stop();
});

it('has no step that no test takes', () => {
  const all = [...guide.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block = '']) => block);
  expect(all.length).toBeGreaterThan(10);
  expect(all.filter((block) => !used.has(block))).toEqual([]);
});
