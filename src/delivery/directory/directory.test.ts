/** Files below listed directories: whole, for their owner alone, and never anywhere else. */
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../clock.ts';
import { systemRandom } from '../../crypto/random.ts';
import { type DeliveryPlaces, noDeliveryPlaces } from '../places.ts';
import {
  failureOf,
  firstClient,
  firstUser,
  never,
  parcelOf,
  secondClient,
  secondUser,
  type TargetSubject,
  targetContract,
} from '../target.contract.ts';
import type { OpenTarget } from '../target.ts';
import { directory } from './directory.ts';
import { type OpenFile, systemOpen } from './folder.ts';

const surroundings = { clock: systemClock, random: systemRandom, entityId: '' };
let base = '';
let root = '';
let places: DeliveryPlaces = noDeliveryPlaces;
let openFile: OpenFile = systemOpen;

beforeEach(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), 'coffer-delivered-')));
  root = join(base, 'root');
  mkdirSync(root, { mode: 0o700 });
  places = { ...noDeliveryPlaces, directories: [root] };
  openFile = systemOpen;
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

const type = directory(
  () => places,
  (...words) => openFile(...words),
);
const open = (path = root): OpenTarget => type.open(type.parse(`directory:${path}`), surroundings);
const held = (folder: string) => {
  const entries = existsSync(folder) ? readdirSync(folder) : [];
  return Object.fromEntries(
    entries.map((name) => [name.replace('.json', ''), readFileSync(join(folder, name), 'utf8')]),
  );
};

/** The disk of whatever is opened from now on is full. */
const fullDisk: OpenFile = async (...words) => {
  const file = await systemOpen(...words);
  return Object.assign(file, {
    writeFile: () => Promise.reject(Object.assign(new Error('no room'), { code: 'ENOSPC' })),
  });
};

describe('the contract', () => {
  const subject = (path: () => string): TargetSubject => ({
    type,
    address: `directory:${path()}`,
    open: () => open(path()),
    holds: async (application) => held(join(path(), application)),
    refuse: async () => {
      // Who is root may write everywhere; a directory that others may write to is refused to everyone.
      chmodSync(root, 0o777);
    },
    narrow: () => {
      places = { ...places, directories: [join(base, 'other')] };
    },
    wrong: [
      'directory:relative',
      `directory:${root}//x`,
      `directory:${root}/./x`,
      `directory:${root}/a b`,
      `directory:${root}/.hidden`,
      `directory:${root}x`,
      `directory:${base}`,
      `directory:/`,
      `directory:${root}?a=b`,
      `directory:${root}${'/a'.repeat(9)}`,
      'directory:file:///etc',
    ],
  });
  describe('in the listed directory itself', () => targetContract(() => subject(() => root)));
  describe('below it', () => targetContract(() => subject(() => join(root, 'team', 'a'))));
});

describe('what is written', () => {
  it('is for its owner alone, and nothing but the two documents', async () => {
    const target = open(join(root, 'team'));
    await target.probe('shop', never());
    expect(readdirSync(root)).toEqual([]);
    await target.deliver(parcelOf(firstUser, firstClient), never());
    await target.probe('shop', never());
    expect(readdirSync(join(root, 'team', 'shop')).toSorted()).toEqual(['client.json', 'user.json']);
    const mode = (...names: string[]) => (lstatSync(join(root, ...names)).mode & 0o777).toString(8);
    expect([mode('team'), mode('team', 'shop'), mode('team', 'shop', 'user.json')]).toEqual([
      '700',
      '700',
      '600',
    ]);
  });

  it('is tried for two addresses at once whose directories are not there yet', async () => {
    let opened = 0;
    let bothAreOpen = (): void => undefined;
    const both = new Promise<void>((resolve) => {
      bothAreOpen = resolve;
    });
    openFile = async (...words) => {
      const file = await systemOpen(...words);
      if (++opened === 2) bothAreOpen();
      await both;
      return file;
    };
    await Promise.all(['a', 'b'].map((name) => open(join(root, name)).probe('shop', never())));
    expect(readdirSync(root)).toEqual([]);
  });

  it('threat 26: has narrow modes under any umask', async () => {
    const before = process.umask(0);
    try {
      await open(join(root, 'team')).deliver(parcelOf(firstUser, firstClient), never());
    } finally {
      process.umask(before);
    }
    expect(lstatSync(join(root, 'team', 'shop')).mode & 0o777).toBe(0o700);
    expect(lstatSync(join(root, 'team', 'shop', 'client.json')).mode & 0o777).toBe(0o600);
  });

  it('replaces a file, so that who reads the old one reads it to its end', async () => {
    const target = open();
    await target.deliver(parcelOf(firstUser, firstClient), never());
    const before = lstatSync(join(root, 'shop', 'user.json')).ino;
    await target.deliver(parcelOf(secondUser, firstClient, ['user']), never());
    expect(lstatSync(join(root, 'shop', 'user.json')).ino).not.toBe(before);
  });

  it('sweeps away what a killed server had begun, and leaves what is not its own', async () => {
    const folder = join(root, 'shop');
    mkdirSync(folder, { mode: 0o700 });
    for (const name of ['.user.json.abc', '.client.json.x-y_z', 'notes.txt', '.user.json']) {
      writeFileSync(join(folder, name), 'x');
    }
    const target = open();
    await target.deliver(parcelOf(firstUser, undefined), never());
    expect(readdirSync(folder).toSorted()).toEqual(['.user.json', 'notes.txt', 'user.json']);
    await target.remove('shop', never());
    expect(readdirSync(folder).toSorted()).toEqual(['.user.json', 'notes.txt']);
  });

  it('makes the server’s own directory, and no other', async () => {
    const own = join(base, 'share', 'own');
    places = { ...places, directories: [own], ownDirectory: own };
    await open(own).deliver(parcelOf(firstUser, undefined), never());
    expect(lstatSync(own).mode & 0o777).toBe(0o700);
    places = { ...places, ownDirectory: undefined };
    rmSync(own, { recursive: true });
    expect(await failureOf(open(own).deliver(parcelOf(firstUser, undefined), never()))).toMatchObject({
      code: 'unavailable',
      message: `${own} is not there`,
    });
  });
});

describe('a disk', () => {
  it('that is full keeps the old file, and leaves no piece of the new one', async () => {
    const target = open();
    await target.deliver(parcelOf(firstUser, firstClient), never());
    openFile = fullDisk;
    const failure = await failureOf(target.deliver(parcelOf(secondUser, secondClient), never()));
    expect(failure).toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('the disk is full'),
    });
    expect((await failureOf(target.probe('shop', never()))).message).toContain('the disk is full');
    expect(held(join(root, 'shop'))).toEqual({ user: firstUser.text, client: firstClient.text });
  });

  it('that is read-only is said to be', async () => {
    openFile = () => Promise.reject(Object.assign(new Error('read-only'), { code: 'EROFS' }));
    const failure = await failureOf(open().deliver(parcelOf(firstUser, firstClient), never()));
    expect(failure).toMatchObject({
      code: 'permission_denied',
      message: expect.stringContaining('read-only'),
    });
  });

  it('with a directory where a file should be', async () => {
    mkdirSync(join(root, 'shop', 'user.json', 'x'), { recursive: true, mode: 0o700 });
    const failure = await failureOf(open().deliver(parcelOf(firstUser, firstClient), never()));
    expect(failure.message).toContain('user.json is a directory');
  });
});

describe('threat 12: links are followed nowhere', () => {
  const elsewhere = () => {
    const place = join(base, 'elsewhere');
    mkdirSync(place, { mode: 0o700 });
    return place;
  };
  const refuses = async (target: OpenTarget, place: string) => {
    for (const call of [
      () => target.deliver(parcelOf(firstUser, firstClient), never()),
      () => target.probe('shop', never()),
      () => target.remove('shop', never()),
    ]) {
      expect(await failureOf(call())).toMatchObject({
        code: 'permission_denied',
        message: expect.stringContaining('links are not followed'),
      });
    }
    expect(readdirSync(place)).toEqual([]);
  };

  it('where the listed directory is replaced by one between two calls', async () => {
    const target = open();
    await target.deliver(parcelOf(firstUser, firstClient), never());
    const place = elsewhere();
    renameSync(root, join(base, 'away'));
    symlinkSync(place, root);
    await refuses(target, place);
  });

  it('where a directory on the way is one', async () => {
    const place = elsewhere();
    symlinkSync(place, join(root, 'team'));
    await refuses(open(join(root, 'team')), place);
    await refuses(open(join(root, 'team', 'b')), place);
  });

  it('where the application’s folder is one', async () => {
    const place = elsewhere();
    symlinkSync(place, join(root, 'shop'));
    await refuses(open(), place);
  });

  it('where the file is one: it is replaced, and what it leads to stays', async () => {
    const victim = join(base, 'victim');
    writeFileSync(victim, 'as it was');
    mkdirSync(join(root, 'shop'), { mode: 0o700 });
    symlinkSync(victim, join(root, 'shop', 'user.json'));
    const target = open();
    await target.deliver(parcelOf(firstUser, undefined), never());
    expect(held(join(root, 'shop'))).toEqual({ user: firstUser.text });
    expect(readFileSync(victim, 'utf8')).toBe('as it was');
    rmSync(join(root, 'shop', 'user.json'));
    symlinkSync(victim, join(root, 'shop', 'user.json'));
    await target.remove('shop', never());
    expect(readFileSync(victim, 'utf8')).toBe('as it was');
  });

  it('where a directory that is under way is moved and a link put in its place', async () => {
    const place = elsewhere();
    mkdirSync(join(root, 'team'), { mode: 0o700 });
    openFile = (...words) => {
      // The way has been walked: from here on everything goes through what is held open.
      if (existsSync(join(root, 'team')) && !lstatSync(join(root, 'team')).isSymbolicLink()) {
        renameSync(join(root, 'team'), join(root, 'moved'));
        symlinkSync(place, join(root, 'team'));
      }
      return systemOpen(...words);
    };
    await open(join(root, 'team')).deliver(parcelOf(firstUser, firstClient), never());
    expect(readdirSync(place)).toEqual([]);
    expect(held(join(root, 'moved', 'shop'))).toEqual({ user: firstUser.text, client: firstClient.text });
  });
});

describe('threat 26: places that others could change', () => {
  it.each([
    ['the listed directory', [] as const, 0o770, 'others may write to'],
    ['one on the way', ['team'] as const, 0o702, 'others may write to'],
    ['the application’s folder', ['team', 'shop'] as const, 0o750, 'others may reach'],
  ])('are refused with what to say: %s', async (_what, names, mode, words) => {
    mkdirSync(join(root, 'team', 'shop'), { recursive: true, mode: 0o700 });
    chmodSync(join(root, ...names), mode);
    const failure = await failureOf(
      open(join(root, 'team')).deliver(parcelOf(firstUser, firstClient), never()),
    );
    expect(failure).toMatchObject({ code: 'permission_denied', message: expect.stringContaining(words) });
    expect(readdirSync(join(root, 'team', 'shop'))).toEqual([]);
  });
});

it('threat 12: no address leads out of what is listed, whatever it is made of', () => {
  const piece = fc.constantFrom(
    '..',
    '.',
    '',
    'a',
    'root',
    '/',
    '%2e%2e',
    '\\..',
    '~',
    '..a',
    '*',
    '%00',
    'é',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      let parsed: string;
      try {
        parsed = type.parse(`directory:${root}/${pieces.join('/')}`);
      } catch {
        return;
      }
      const path = parsed.slice('directory:'.length);
      expect(join(path)).toBe(path);
      expect(`${path}/`.startsWith(`${root}/`)).toBe(true);
    }),
  );
});
