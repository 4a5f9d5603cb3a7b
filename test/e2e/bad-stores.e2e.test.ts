/** Places that a server must not serve as they are: it says what is wrong and what would be right, and leaves them as it found them. */
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { defaultRoom } from '../../src/storage/lmdb/room.ts';
import { parseStorageKey } from '../../src/storage/storage.ts';
import { rootTokenOf } from './kill-rounds.ts';
import { cleanUp, cli, freshPlace, type Outcome, type Place, startServer } from './server-process.ts';
import { digestOf, tamper } from './store-digest.ts';
import { openWire } from './wire.ts';

afterAll(cleanUp);

/** A store with a secret in it, whose server has stopped. */
async function madePlace(): Promise<Place> {
  const place = freshPlace();
  const server = await startServer(place, { words: ['--init'] });
  const wire = openWire(server.address, rootTokenOf(place));
  await wire.ask('PUT', 'secret/data/a', { body: { data: { value: 'kept' } } });
  wire.close();
  await server.stop();
  return place;
}

const filesBelow = (folder: string) =>
  existsSync(folder) ? readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort() : 'nothing';

function keyfileOf(place: Place): string {
  return join(place.config, readdirSync(place.config).find((name) => name.endsWith('.keyfile')) ?? '');
}

/** Starts a server that should refuse to. */
function refused(place: Place, ...words: readonly string[]): Promise<Outcome> {
  return cli(place, ['server', '--listen', '127.0.0.1:0', ...words]);
}

describe('a place without a store', () => {
  it('is not made one unasked, and nothing is put there', async () => {
    const place = freshPlace();
    const folder = join(place.home, 'volume');
    for (const make of [() => undefined, () => mkdirSync(folder), () => mkdirSync(join(folder, 'store'))]) {
      make();
      const before = filesBelow(folder);
      const outcome = await refused(place, '--data', folder);
      expect(outcome).toMatchObject({ code: 10, stdout: '' });
      expect(outcome.stderr).toContain('--init');
      expect(outcome.stderr).toContain(folder);
      expect(filesBelow(folder)).toEqual(before);
    }
    expect(await refused(place)).toMatchObject({ code: 10, stderr: expect.stringContaining(place.data) });
    expect([existsSync(place.data), existsSync(place.config)]).toEqual([false, false]);
  });

  it('is not made a new store beside the keyfile of the one that was there', async () => {
    const place = await madePlace();
    const files = filesBelow(place.config);
    rmSync(place.data, { recursive: true });
    for (const [make, word] of [
      [() => undefined, '--init'],
      [() => mkdirSync(place.data, { mode: 0o700 }), '--init'],
      [() => undefined, '--init-by-api'],
    ] as const) {
      make();
      const found = filesBelow(place.data);
      const outcome = await refused(place, word);
      expect(outcome).toMatchObject({ code: 10, stdout: '' });
      expect(outcome.stderr).toContain(place.data);
      expect(outcome.stderr).toContain(keyfileOf(place));
      expect(filesBelow(place.config)).toEqual(files);
      expect(filesBelow(place.data)).toEqual(found);
    }
  });

  it('is made one elsewhere although another store’s keyfile is there', async () => {
    const place = await madePlace();
    const second = await startServer(place, { words: ['--init', '--data', join(place.home, 'second')] });
    expect(second.stdout).toContain('A new store has been made.');
    await second.stop();
    expect(readdirSync(place.config).filter((name) => name.endsWith('.keyfile'))).toHaveLength(2);
    const first = await startServer(place);
    const wire = openWire(first.address, rootTokenOf(place));
    expect((await wire.ask('GET', 'sys/seal-status')).json).toMatchObject({ sealed: false });
    wire.close();
  });
});

describe('the making of a store', () => {
  it('by two at the same moment makes one, and leaves nothing of the other', async () => {
    for (let round = 0; round < 4; round++) {
      const place = freshPlace();
      const tries = [1, 2].map(() => startServer(place, { words: ['--init'] }));
      const settled = await Promise.allSettled(tries);
      const made = settled.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
      expect(made.length).toBeGreaterThan(0);
      for (const each of settled)
        if (each.status === 'rejected')
          expect(String(each.reason)).toMatch(/ended with (6|10) before it served/);
      expect(
        readdirSync(place.config)
          .map((name) => name.replace(/^.{36}\./, ''))
          .sort(),
      ).toEqual(['keyfile', 'root-token', 'token']);
      for (const server of made) {
        const env = { COFFER_ADDR: server.address };
        expect(await cli(place, ['token', 'lookup', '--field', 'policies'], { env })).toMatchObject({
          code: 0,
        });
        await server.stop();
      }
    }
  });

  it('that fails half-way leaves nothing that stands in the way of the next', async () => {
    const place = freshPlace();
    const taken = join(place.home, 'taken');
    writeFileSync(taken, 'something else\n');
    for (const [option, code] of [
      ['--root-token-file', 9],
      ['--keyfile', 6],
    ] as const) {
      const outcome = await refused(place, '--init', option, taken);
      expect(outcome, option).toMatchObject({ code, stdout: '', stderr: expect.stringContaining(taken) });
      expect(readFileSync(taken, 'utf8')).toBe('something else\n');
    }
    const server = await startServer(place, { words: ['--init'] });
    expect(server.stdout).toContain('A new store has been made.');
    await server.stop();
  });
});

describe('a store that is not whole', () => {
  let whole: Place;

  beforeAll(async () => {
    whole = await madePlace();
  });

  /** A copy to damage; the keyfile stays where it is. */
  function copy(name: string): string {
    const data = join(whole.home, name);
    cpSync(whole.data, data, { recursive: true });
    return data;
  }

  it.each(['boot/store', 'boot/slots', 'core/keyring'])('without %s is refused, and named', async (key) => {
    const data = copy(`without-${key.replace('/', '-')}`);
    await tamper(data, parseStorageKey(key), () => null);
    const before = await digestOf(data);
    for (const words of [[], ['--init'], ['--init-by-api']]) {
      const outcome = await refused(whole, '--data', data, ...words);
      expect(outcome).toMatchObject({ code: 10, stdout: '' });
      expect(outcome.stderr).toContain(`half-written store: ${key} missing`);
    }
    expect(await digestOf(data)).toBe(before);
  });

  it('of a newer format is refused', async () => {
    const data = copy('newer');
    await tamper(data, parseStorageKey('boot/store'), (value) =>
      Buffer.from(value.toString().replace('"format":1', '"format":2')),
    );
    const before = await digestOf(data);
    const outcome = await refused(whole, '--data', data, '--init');
    expect(outcome).toMatchObject({ code: 10, stdout: '' });
    expect(outcome.stderr).toContain('format 2 and was written by a newer Coffer');
    expect(await digestOf(data)).toBe(before);
  });

  it.each(['boot/store', 'boot/slots'])('with a flipped bit in %s is refused', async (key) => {
    const data = copy(`flipped-${key.replace('/', '-')}`);
    await tamper(data, parseStorageKey(key), (value) => {
      value[5] = (value[5] ?? 0) ^ 1;
      return value;
    });
    expect(await refused(whole, '--data', data)).toMatchObject({
      code: 7,
      stdout: '',
      stderr: expect.stringContaining('damaged'),
    });
  });

  it('threat 25: with a flipped bit in its keyring, is not opened', async () => {
    const data = copy('flipped-keyring');
    await tamper(data, parseStorageKey('core/keyring'), (value) => {
      const last = value.length - 1;
      value[last] = (value[last] ?? 0) ^ 1;
      return value;
    });
    const outcome = await refused(whole, '--data', data);
    expect(outcome).toMatchObject({ code: 7, stdout: '' });
    expect(outcome.stderr).toMatch(/integrity|changed|damaged|not what was/);
  });

  it('with a data file cut short is refused, whatever its length', async () => {
    // What is behind the last page is room for a full disk: nothing of the store is lost with it.
    const size = statSync(join(whole.data, 'store', 'data.mdb')).size - defaultRoom;
    const page = 4_096;
    for (const length of [100, page, 2 * page, size >> 1, size - page, size - 1]) {
      const data = copy(`cut-${length}`);
      truncateSync(join(data, 'store', 'data.mdb'), length);
      const outcome = await refused(whole, '--data', data, '--init');
      expect(outcome, `cut to ${length} of ${size}`).toMatchObject({ code: 10, stdout: '' });
      expect(outcome.stderr).toContain(join(data, 'store', 'data.mdb'));
      expect(statSync(join(data, 'store', 'data.mdb')).size).toBe(length);
    }
  });

  it('with an empty data file is a place without a store', async () => {
    const data = copy('emptied');
    truncateSync(join(data, 'store', 'data.mdb'), 0);
    expect(await refused(whole, '--data', data)).toMatchObject({ code: 10, stdout: '' });
  });
});

describe('a keyfile that is not the store’s', () => {
  let place: Place;
  let before = '';

  beforeAll(async () => {
    place = await madePlace();
    before = await digestOf(place.data);
  });

  /** The server starts sealed, says why, and serves nothing. */
  async function staysSealed(words: readonly string[], why: RegExp): Promise<void> {
    const server = await startServer(place, { words });
    const wire = openWire(server.address, rootTokenOf(place));
    expect((await wire.ask('GET', 'sys/seal-status')).json).toMatchObject({
      initialized: true,
      sealed: true,
    });
    expect((await wire.ask('GET', 'secret/data/a')).status).toBe(503);
    wire.close();
    const env = { COFFER_ADDR: server.address };
    expect(await cli(place, ['get', 'a'], { env })).toMatchObject({ code: 8, stdout: '' });
    expect(await cli(place, ['status'], { env })).toMatchObject({ code: 8 });
    expect(await server.stop()).toMatchObject({ code: 0 });
    expect(server.stderr).toMatch(why);
    expect(server.stdout).toContain('The store is sealed');
    expect(await digestOf(place.data)).toBe(before);
  }

  it('but another store’s opens nothing', async () => {
    const other = await madePlace();
    await staysSealed(['--keyfile', keyfileOf(other)], /wrong_key.*belongs to store/);
  });

  it('but text, opens nothing', async () => {
    const file = join(place.home, 'text.keyfile');
    writeFileSync(file, 'not a keyfile\n', { mode: 0o600 });
    await staysSealed(['--keyfile', file], /invalid_request.*text\.keyfile/);
  });

  it('but missing, opens nothing', async () => {
    await staysSealed(['--keyfile', join(place.home, 'nowhere')], /there is no keyfile at .*nowhere/);
  });

  it('threat 26: or is, but others may read it, opens nothing', async () => {
    const file = join(place.home, 'lax.keyfile');
    writeFileSync(file, readFileSync(keyfileOf(place)));
    chmodSync(file, 0o644);
    await staysSealed(['--keyfile', file], /mode 0644.*chmod 600/);
    chmodSync(file, 0o600);
    const server = await startServer(place, { words: ['--keyfile', file] });
    expect(server.stdout).not.toContain('sealed');
    await server.stop();
  });
});

describe('unseal keys', () => {
  async function byApi(shares: number, threshold: number) {
    const place = freshPlace();
    const server = await startServer(place, { words: ['--init-by-api'] });
    const wire = openWire(server.address);
    const made = await wire.ask('PUT', 'sys/init', {
      body: { secret_shares: shares, secret_threshold: threshold },
    });
    const keys = made.json['keys_base64'] as readonly string[];
    return { place, server, wire, keys, token: String(made.json['root_token']) };
  }

  it('count once each, open nothing when too few, and are refused when another store’s', async () => {
    const { place, server, wire, keys, token } = await byApi(5, 3);
    const other = await byApi(3, 2);
    const unseal = (key: string) => wire.ask('PUT', 'sys/unseal', { body: { key } });
    const [a = '', b = '', c = '', d = ''] = keys;
    for (const key of [a, a, a])
      expect((await unseal(key)).json).toMatchObject({ sealed: true, progress: 1 });
    expect((await unseal(b)).json).toMatchObject({ sealed: true, progress: 2 });
    expect((await wire.ask('GET', 'auth/token/lookup-self', { token })).status).toBe(503);
    const mixed = await unseal(other.keys[0] ?? '');
    expect(mixed).toMatchObject({ status: 400, json: { errors: [expect.stringMatching(/share|key/)] } });
    expect((await wire.ask('GET', 'sys/seal-status')).json).toMatchObject({ sealed: true, progress: 0 });
    for (const nonsense of ['', 'x', '00'.repeat(32), `${a}A`]) {
      expect(await unseal(nonsense), nonsense).toMatchObject({ status: 400 });
    }
    expect((await wire.ask('GET', 'sys/seal-status')).json).toMatchObject({ sealed: true, progress: 0 });
    await unseal(b);
    await unseal(d);
    expect((await unseal(c)).json).toMatchObject({ sealed: false });
    expect((await wire.ask('GET', 'auth/token/lookup-self', { token })).status).toBe(200);
    expect(
      await wire.ask('PUT', 'sys/init', { body: { secret_shares: 1, secret_threshold: 1 } }),
    ).toMatchObject({
      status: 400,
      json: { errors: ['Vault is already initialized'] },
    });
    for (const each of [wire, other.wire]) each.close();
    await server.stop();
    // A store that only shares open starts sealed.
    const again = await startServer(place);
    expect(again.stdout).toContain('The store is sealed');
    const env = { COFFER_ADDR: again.address };
    expect(await cli(place, ['operator', 'unseal'], { env, stdin: `${a}\n${c}\n` })).toMatchObject({
      stderr: expect.stringContaining('still sealed: 2 of 3'),
    });
    expect(await cli(place, ['operator', 'unseal'], { env, stdin: `${d}\n` })).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('the server is unsealed'),
    });
  });
});

describe('an address that can’t be served on', () => {
  it('is told when another program has it, and a store made meanwhile is still told of', async () => {
    const place = freshPlace();
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const address = taken.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const outcome = await cli(place, ['server', '--init', '--listen', `127.0.0.1:${port}`]);
    expect(outcome).toMatchObject({ code: 9 });
    expect(outcome.stderr).toMatch(new RegExp(`cannot listen on 127\\.0\\.0\\.1 port ${port}: .*in use`));
    expect(outcome.stdout).toContain(keyfileOf(place));
    expect(outcome.stdout).not.toContain('Serving');
    await new Promise((resolve) => taken.close(resolve));
    const server = await startServer(place, { listen: ['--listen', `127.0.0.1:${port}`] });
    expect(server.address).toBe(`http://127.0.0.1:${port}`);
  });

  it.each(['0.0.0.0:0', ':::0', '[::]:0', '10.1.2.3:8200', 'example.org:80', '0:0'])(
    'is refused without TLS where others could reach it: %s',
    async (address) => {
      const place = freshPlace();
      const outcome = await cli(place, ['server', '--init', '--listen', address]);
      expect(outcome).toMatchObject({ code: 2, stdout: '' });
      expect([existsSync(place.data), existsSync(place.config)]).toEqual([false, false]);
    },
  );

  it('is served on when told that TLS is not wanted', async () => {
    const server = await startServer(freshPlace(), {
      listen: ['--listen', '0.0.0.0:0', '--tls-disable'],
      words: ['--init'],
    });
    expect(server.address).toMatch(/^http:\/\/0\.0\.0\.0:\d+$/);
  });
});
