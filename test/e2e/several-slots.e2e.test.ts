/** A store with slots of several kinds is opened by any of them, also by the commands that work beside the server. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { keyfileOf } from './bulk-store.ts';
import { cleanUp, cli, freshPlace, startServer } from './server-process.ts';

afterAll(cleanUp);

const passphrase = 'ferry lantern gravel undo mosaic';

it('without its keyfile a store is opened by the passphrase or by shares, and says what it takes', async () => {
  const place = freshPlace();
  const server = await startServer(place, { words: ['--init'] });
  const env = { COFFER_ADDR: server.address };
  const shares = join(place.home, 'shares.txt');
  const slots = ['operator', 'slots', 'add'];
  const added = await cli(place, [...slots, 'passphrase'], { stdin: `${passphrase}\n`, env });
  expect(added, added.stderr).toMatchObject({ code: 0 });
  const split = [...slots, 'shamir', '--shares', '3', '--threshold', '2', '--output', shares];
  expect(await cli(place, split, { env })).toMatchObject({ code: 0 });
  const keyfile = readFileSync(keyfileOf(place), 'utf8');
  rmSync(keyfileOf(place));

  const backup = (name: string, stdin: string) =>
    cli(place, ['operator', 'backup', '--data', place.data, join(place.home, name)], { stdin });
  const [first = '', second = '', third = ''] = readFileSync(shares, 'utf8').split('\n');
  const key = /^key: (.*)$/m.exec(keyfile)?.[1] ?? '';
  for (const [name, stdin] of [
    ['passphrase', `${passphrase}\n`],
    ['shares', `${first}\n${third}\n`],
    ['key', `${key}\n`],
  ] as const) {
    const made = await backup(name, stdin);
    expect(made, made.stderr).toMatchObject({ code: 0 });
    const proof = ['operator', 'verify-backup', join(place.home, name)];
    expect(await cli(place, proof, { stdin: `${second}\n${first}\n` })).toMatchObject({ code: 0 });
  }
  const noKey =
    'error: no key was given that opens the store; it takes its keyfile (--keyfile FILE), or its passphrase, or ' +
    '2 unseal keys, one a line\n';
  for (const [stdin, stderr] of [
    ['', noKey],
    [`${first}\n`, expect.any(String)],
    ['another lantern altogether\n', 'error: this passphrase does not open the store\n'],
  ] as const) {
    expect(await backup('refused', stdin)).toMatchObject({ code: 4, stderr });
    expect(existsSync(join(place.home, 'refused'))).toBe(false);
  }
});
