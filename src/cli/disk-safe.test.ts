import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../clock.ts';
import { createStore } from '../core/create-store.ts';
import { systemRandom } from '../crypto/random.ts';
import { readBoot } from '../seal/boot.ts';
import { PassphraseSeal } from '../seal/passphrase/passphrase-seal.ts';
import { openLmdbStorage } from '../storage/lmdb/lmdb.ts';
import { call, type Scene } from './cli.fixture.ts';

let home: string;
let path: string;
let env: Record<string, string>;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'coffer-disk-safe-'));
  path = join(home, 'secrets');
  env = { HOME: home, COFFER_SAFE: `file:${path}` };
});

/** A file for its owner alone, open for reading. */
async function openPrivate(file: string, text: string) {
  writeFileSync(file, text, { mode: 0o600 });
  const handle = await open(file, 'r');
  return { fd: handle.fd, close: () => handle.close() };
}

/** Runs a command line that must work. */
async function ok(words: string, scene: Scene = {}): Promise<string> {
  const outcome = await call(words.split(' '), { env, ...scene });
  expect(outcome.stderr).not.toContain('error:');
  expect(outcome.code).toBe(0);
  return outcome.stdout;
}

async function fails(words: string, scene: Scene = {}): Promise<string> {
  const outcome = await call(words.split(' '), { env, ...scene });
  expect(outcome.code).not.toBe(0);
  return `${outcome.code} ${outcome.stderr}`;
}

describe('a safe on disk', () => {
  beforeEach(async () => {
    await ok(`safe init file:${path}`);
  });

  it('keeps secrets, fields and versions', async () => {
    await ok('put app/db user=app password=-', { stdin: 'hunter3' });
    expect(await ok('get app/db --field password')).toBe('hunter3');
    await ok('put app/db second');
    expect(await ok('get app/db')).toBe('second');
    expect(JSON.parse(await ok('get app/db --version 1 --format json'))).toEqual({
      user: 'app',
      password: 'hunter3',
    });
    expect(await fails('get app/db --version 7')).toMatch(/^3 .*no version 7/s);
    expect(await fails('get app')).toMatch(/^3 .*there is no secret app/s);
    expect((await ok('history app/db')).split('\n')).toHaveLength(3);
  });

  it('checks and sets, also from several processes at once', async () => {
    await ok('put n 0 --cas 0');
    expect(await fails('put n 1 --cas 0')).toMatch(/^6 /);
    await ok('put n 1 --cas 1');
    await ok('put n --patch extra=x');
    expect(JSON.parse(await ok('get n --format json'))).toEqual({ value: '1', extra: 'x' });
  });

  it('lists, finds, moves and copies', async () => {
    for (const name of ['a/x', 'a/y', 'a/b/z', 'c']) await ok(`put ${name} ${name}`);
    expect(await ok('list')).toBe('a/\nc\n');
    expect(await ok('list a')).toBe('b/\nx\ny\n');
    expect(await ok('find y')).toBe('a/y\n');
    await ok('mv c d/c');
    expect(await ok('get d/c')).toBe('c');
    await ok('cp -r a/ copy/ --yes');
    expect(await ok('get copy/b/z')).toBe('a/b/z');
    expect(await fails('cp a/x a/y')).toMatch(/^6 .*exists/s);
    await ok('mv -r a/ a2/ --yes');
    expect(await ok('find x')).toBe('a2/x\ncopy/x\n');
    expect(await fails('mv nope other')).toMatch(/^3 /);
  });

  it('deletes, brings back, destroys and forgets', async () => {
    await ok('put s one');
    await ok('put s two');
    await ok('delete s');
    expect(await fails('get s')).toMatch(/^3 .*is deleted/s);
    await ok('undelete s');
    expect(await ok('get s')).toBe('two');
    await ok('delete s --versions 1 --destroy --yes');
    expect(await fails('get s --version 1')).toMatch(/^3 .*destroyed/s);
    expect(await fails('undelete s --versions 1')).toMatch(/^3 .*nothing was brought back/s);
    expect(await fails('delete s --versions 9')).toMatch(/^3 .*nothing was deleted/s);
    await ok('delete s --all --yes');
    expect(await fails('history s')).toMatch(/^3 /);
    expect(await fails('delete s')).toMatch(/^3 .*nothing was deleted/s);
  });

  it('rolls back, diffs, exports, imports and renders', async () => {
    await ok('put s one');
    await ok('put s two');
    expect(await ok('diff s')).toContain('~ value');
    await ok('rollback s');
    expect(await ok('get s')).toBe('one');
    const file = join(home, 'all.json');
    await ok(`export s --as json --output ${file}`);
    await ok(`delete s --all --yes`);
    expect(await fails('render -', { stdin: '{{ secrets.s }}' })).toMatch(
      /^3 .*standard input:1:1: there is no secret s/s,
    );
    await ok(`import ${file} s --yes`);
    expect(await ok('render -', { stdin: '<{{ secrets.s }}>' })).toBe('<one>');
  });

  it('takes secrets of every size up to the limit, and binary ones', async () => {
    const bytes = systemRandom.bytes(300_000);
    await ok('put big', { stdin: bytes });
    expect((await call(['get', 'big'], { env })).bytes.equals(bytes)).toBe(true);
    expect(await fails('put huge', { stdin: systemRandom.bytes(1_100_000) })).toMatch(/^2 /);
    for (let n = 0; n < 12; n++) await ok('put big', { stdin: Buffer.alloc(300_000, `${n}`) });
    await ok('delete big --all --yes');
  });

  it('threat 26: is for its owner alone, and refused when it is not', async () => {
    const files = readdirSync(path, { recursive: true, withFileTypes: true });
    for (const file of files) expect(statSync(join(file.parentPath, file.name)).mode & 0o077).toBe(0);
    const [keyfile = ''] = readdirSync(join(home, '.config/coffer'));
    expect(statSync(join(home, '.config/coffer', keyfile)).mode & 0o777).toBe(0o600);
    chmodSync(path, 0o755);
    expect(await fails('list')).toMatch(/^10 .*chmod 700/s);
  });

  it('opens with its own keyfile only', async () => {
    await ok('put s one');
    const other = join(home, 'other');
    await ok(`safe init file:${other} --keyfile ${join(home, 'other.key')}`);
    expect(await fails(`get s --keyfile ${join(home, 'other.key')}`)).toMatch(/^4 .*belongs to store/s);
    expect(await fails(`get s --keyfile ${join(home, 'nothing')}`)).toMatch(/^3 .*no keyfile/s);
    expect(await ok(`get s`, { env: { ...env, COFFER_SAFE_KEYFILE: '' } })).toBe('one');
  });

  it('holds no plaintext on disk', async () => {
    await ok('put name -', { stdin: 'a very recognisable plaintext' });
    const data = readFileSync(join(path, 'store/data.mdb'));
    expect(data.includes('recognisable')).toBe(false);
  });

  it('is made once, and only in a directory of its own', async () => {
    expect(await fails(`safe init file:${path}`)).toMatch(/^6 .*already/s);
    writeFileSync(join(home, 'file'), '');
    expect(await fails(`safe init file:${home}`)).toMatch(/^10 .*not empty/s);
    expect(await fails(`safe init file:${join(home, 'file')}`)).toMatch(/^10 .*is a file/s);
    expect(await fails('safe init https://host/secret')).toMatch(/^2 /);
    expect(await fails('list', { env: { ...env, COFFER_SAFE: `file:${join(home, 'none')}` } })).toMatch(
      /^3 .*there is no safe/s,
    );
    expect(readdirSync(join(home, '.config/coffer'))).toHaveLength(1);
  });
});

describe('a safe with a passphrase', () => {
  const passphrase = 'gravel otter lantern fjord quilt';

  it('asks for it, or reads it from a private file', async () => {
    const file = join(home, 'passphrase');
    writeFileSync(file, `${passphrase}\n`, { mode: 0o600 });
    await ok(`safe init file:${path} --passphrase-file ${file}`);
    await ok(`put s one --passphrase-file ${file}`);
    expect(await ok('get s', { typed: `${passphrase}\r` })).toBe('one');
    expect(await ok('get s', { env: { ...env, COFFER_SAFE_PASSPHRASE_FILE: file } })).toBe('one');
    expect(await fails('get s', { typed: 'another gravel otter lantern\r' })).toMatch(/^4 .*does not open/s);
    expect(await fails('get s')).toMatch(/^2 .*nobody can be asked/s);
    chmodSync(file, 0o644);
    expect(await fails(`get s --passphrase-file ${file}`)).toMatch(/^2 .*others may read/s);
  });

  it('is asked for it twice when it is made, and takes it from a descriptor too', async () => {
    expect(await fails(`safe init file:${path} --passphrase`)).toMatch(/^2 .*nobody can be asked/s);
    const typo = `${passphrase}\rgravel otter lantern fjord quill\r`;
    expect(await fails(`safe init file:${path} --passphrase`, { typed: typo })).toMatch(/^2 .*differ/s);
    await ok(`safe init file:${path} --passphrase`, { typed: `${passphrase}\r${passphrase}\r` });
    const { fd, close } = await openPrivate(join(home, 'p'), passphrase);
    expect(await ok(`list --passphrase-file /dev/fd/${fd}`)).toBe('');
    await close();
  });

  it('threat 30: refuses one that is weak, and makes nothing', async () => {
    expect(await fails(`safe init file:${path} --passphrase-file -`, { stdin: 'password' })).toMatch(
      /^2 .*too weak/s,
    );
    expect(readdirSync(home)).toEqual([]);
  });

  it('may have a keyfile too, and then either opens it', async () => {
    const key = join(home, 'key');
    await ok(`safe init file:${path} --passphrase-file - --keyfile ${key}`, { stdin: passphrase });
    await ok(`put s one --keyfile ${key}`);
    expect(await ok('get s', { typed: `${passphrase}\r` })).toBe('one');
  });
});

describe('one more key', () => {
  const passphrase = 'gravel otter lantern fjord quilt';
  const only = (keyfile: string) => ({ env: { ...env, COFFER_SAFE_KEYFILE: keyfile } });

  it('opens the safe when the first is lost: another keyfile, and a passphrase', async () => {
    const [first, second] = [join(home, 'first'), join(home, 'second')];
    await ok(`safe init file:${path} --keyfile ${first}`);
    await ok('put s one', only(first));
    await ok(`safe add-key file:${path} --keyfile ${second}`, only(first));
    expect(statSync(second).mode & 0o777).toBe(0o600);
    await ok(`safe add-key file:${path} --passphrase-file - --with-keyfile ${second}`, { stdin: passphrase });
    rmSync(first);
    expect(await ok('get s', only(second))).toBe('one');
    rmSync(second);
    expect(await ok('get s', { typed: `${passphrase}\r` })).toBe('one');
    const third = join(home, 'third');
    await ok(`safe add-key file:${path} --keyfile ${third}`, { typed: `${passphrase}\r` });
    expect(await ok('get s', only(third))).toBe('one');
  });

  it('is refused, and leaves nothing, without one that opens the safe or beside a file', async () => {
    const [first, second] = [join(home, 'first'), join(home, 'second')];
    await ok(`safe init file:${path} --keyfile ${first}`);
    expect(await fails(`safe add-key file:${path} --keyfile ${second}`)).toMatch(/^3 .*no keyfile/s);
    expect(existsSync(second)).toBe(false);
    expect(await fails(`safe add-key file:${path}`, only(first))).toMatch(/^2 .*say one of/s);
    expect(await fails(`safe add-key file:${path} --keyfile ${second} --passphrase`, only(first))).toMatch(
      /^2 .*say one of/s,
    );
    const before = readFileSync(first);
    expect(await fails(`safe add-key file:${path} --keyfile ${first}`, only(first))).toMatch(/^6 /);
    expect(readFileSync(first)).toEqual(before);
    const weak = await fails(`safe add-key file:${path} --passphrase-file -`, {
      ...only(first),
      stdin: 'password',
    });
    expect(weak).toMatch(/^2 .*too weak/s);
    expect(await fails(`get s`, { typed: 'password\r' })).toMatch(/^3 /);
    expect(await fails('safe add-key https://host/secret --passphrase')).toMatch(/^2 /);
  });
});

describe('servers and safes', () => {
  it('refuse each other’s data', async () => {
    const storage = await openLmdbStorage({ path: join(path, 'store'), create: true, roomBytes: 0 });
    using seal = new PassphraseSeal({ passphrase: 'gravel otter lantern fjord quilt', random: systemRandom });
    await createStore({
      storage,
      clock: systemClock,
      random: systemRandom,
      withSecretMount: true,
      makeSlots: async (rootKey, storeId) => {
        const slotId = '7d3a9f5e-0000-4000-8000-000000000001';
        return [{ id: slotId, kind: seal.kind, body: await seal.wrap(rootKey, { storeId, slotId }) }];
      },
    });
    await storage.close();
    chmodSync(path, 0o700);
    expect(await fails('list', { typed: 'gravel otter lantern fjord quilt\r' })).toMatch(
      /^10 .*server's store/s,
    );
    expect(await fails(`safe init file:${path}`)).toMatch(/^10 .*server's store/s);
    expect(await fails(`safe init file:${join(path, 'store')}`)).toMatch(/^10 /);

    const safe = join(home, 'safe');
    await ok(`safe init file:${safe}`);
    const own = await openLmdbStorage({ path: join(safe, 'store'), create: false });
    await expect(readBoot(own)).rejects.toThrow('no store of a server');
    await own.close();
  });
});
