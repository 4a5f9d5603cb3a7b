import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Crash, type Faults, faultyFiles } from '../../test/fakes/faulty-files.ts';
import { CredentialDirectory } from './credential-directory.ts';
import type { Documents } from './document.ts';
import type { Rights } from './files.ts';

const uid = process.getuid?.() ?? 0;
const own: Rights = { mode: 0o600, owner: undefined, group: undefined };

let root: string;
let path: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'coffer-agent-'));
  path = join(root, 'credentials');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function open(faults: Faults = {}, rights: Rights = own) {
  const { files, steps } = faultyFiles(faults);
  const newName = () => randomBytes(8).toString('hex');
  return { directory: new CredentialDirectory(path, rights, { files, uid, newName }), steps };
}

const pair = (moment: string): Documents => ({
  user: JSON.stringify({ application_username: 'stups_shop', application_password: `password-${moment}` }),
  client: JSON.stringify({ client_id: `id-${moment}`, client_secret: `secret-${moment}` }),
});

/** The moments that readers see; `none` for a name that is not there. */
function seen(): readonly [string, string] {
  const read = (name: string) => {
    const file = join(path, name);
    if (!existsSync(file)) return 'none';
    const value = JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>;
    return (value['application_password'] ?? value['client_secret'] ?? '').replace(/^\w+-/, '');
  };
  return [read('user.json'), read('client.json')];
}

const entries = (...names: readonly string[]) => readdirSync(join(path, ...names)).toSorted();

describe('a directory of credentials', () => {
  it('has both documents, each a link through the version that counts', () => {
    const { directory } = open();
    expect(directory.current()).toEqual({});
    expect(directory.put(pair('a'))).toBe('switched');
    expect(seen()).toEqual(['a', 'a']);
    expect(entries()).toEqual(['.versions', 'client.json', 'current', 'user.json']);
    expect(readlinkSync(join(path, 'user.json'))).toBe('current/user.json');
    expect(readFileSync(join(path, 'user.json'), 'utf8')).toBe(pair('a').user);
    expect(directory.current()).toEqual(pair('a'));
  });

  it('is not touched by what means the same', () => {
    open().directory.put(pair('a'));
    const before = statSync(join(path, 'user.json'));
    const { directory, steps } = open();
    const { user = '', client = '' } = pair('a');
    expect(directory.put({ user: JSON.stringify(JSON.parse(user), null, 2), client })).toBe('unchanged');
    expect(steps()).toBe(0);
    expect(statSync(join(path, 'user.json'))).toMatchObject({ ino: before.ino, mtimeMs: before.mtimeMs });
  });

  it('keeps the version before for who is on the way there, until the next look', () => {
    const { directory } = open();
    directory.put(pair('a'));
    directory.put(pair('b'));
    expect(entries('.versions')).toHaveLength(2);
    directory.put(pair('b'));
    expect(entries('.versions')).toEqual([readlinkSync(join(path, 'current')).slice('.versions/'.length)]);
    directory.put({ user: pair('b').user ?? '' });
    expect(seen()).toEqual(['b', 'none']);
    expect(entries()).toEqual(['.versions', 'current', 'user.json']);
  });

  it('threat 26: is for nobody but who it says', () => {
    open().directory.put(pair('a'));
    const modes = (...names: readonly string[]) =>
      names.map((name) => statSync(join(path, name)).mode & 0o777);
    expect(modes('.', '.versions', 'current', 'user.json', 'client.json')).toEqual([
      0o700, 0o700, 0o700, 0o600, 0o600,
    ]);
    // Other rights are a change, and directories let pass whoever may read.
    expect(open({}, { ...own, mode: 0o640 }).directory.put(pair('a'))).toBe('switched');
    expect(modes('.versions', 'current', 'user.json')).toEqual([0o750, 0o750, 0o640]);
  });

  it.runIf(uid === 0)('gives files to who reads them, and the directories to nobody', () => {
    open({}, { mode: 0o400, owner: 12_345, group: 12_346 }).directory.put(pair('a'));
    expect(statSync(join(path, 'user.json'))).toMatchObject({ uid: 12_345, gid: 12_346 });
    expect(statSync(join(path, 'current'))).toMatchObject({ uid: 0 });
    expect(statSync(join(path, 'current')).mode & 0o777).toBe(0o755);
  });
});

/** What was there before, and what readers may see of it. */
const beginnings = {
  nothing: { make: () => undefined, before: ['none', 'none'] },
  'an earlier version': { make: () => void open().directory.put(pair('a')), before: ['a', 'a'] },
  'files of berry': {
    make: () => {
      mkdirSync(path, { mode: 0o755 });
      writeFileSync(join(path, 'user.json'), pair('a').user ?? '');
      writeFileSync(join(path, 'client.json'), pair('a').client ?? '');
    },
    before: ['a', 'a'],
  },
  'a version that berry wrote over': {
    make: () => {
      open().directory.put(pair('a'));
      for (const name of ['user', 'client'] as const) {
        writeFileSync(join(path, `${name}.json.tmp`), pair('a')[name] ?? '');
        renameSync(join(path, `${name}.json.tmp`), join(path, `${name}.json`));
      }
    },
    before: ['a', 'a'],
  },
} as const;

describe.each(Object.entries(beginnings))('a change of both over %s', (_, { make, before }) => {
  const states = [before, ['b', 'b']];

  it('shows readers one moment after each step', () => {
    make();
    let looks = 0;
    open({
      after() {
        looks += 1;
        expect(states).toContainEqual(seen());
      },
    }).directory.put(pair('b'));
    expect(looks).toBeGreaterThan(5);
    expect(seen()).toEqual(['b', 'b']);
  });

  it('that is killed at any step leaves the old pair or the new one, and the next start goes on', () => {
    for (let crashAt = 1; ; crashAt++) {
      rmSync(path, { recursive: true, force: true });
      make();
      const { directory, steps } = open({ crashAt });
      try {
        directory.put(pair('b'));
      } catch {
        // Told by the steps.
      }
      if (steps() < crashAt) break;
      expect(states, `step ${crashAt}`).toContainEqual(seen());
      const next = open().directory;
      next.put(pair('b'));
      expect(seen()).toEqual(['b', 'b']);
      next.put(pair('b'));
      expect(entries().filter((name) => !name.endsWith('.tmp'))).toEqual([
        '.versions',
        'client.json',
        'current',
        'user.json',
      ]);
      expect(entries('.versions')).toHaveLength(1);
    }
  });

  it('that finds the disk full at any step says so, and leaves one moment', () => {
    let refused = 0;
    for (let fullFrom = 1; fullFrom < 40; fullFrom++) {
      rmSync(path, { recursive: true, force: true });
      make();
      try {
        open({ fullFrom }).directory.put(pair('b'));
      } catch (error) {
        refused += 1;
        expect(error).toMatchObject({
          code: 'storage_full',
          message: expect.stringContaining('the disk is full'),
        });
      }
      expect(states, `step ${fullFrom}`).toContainEqual(seen());
    }
    expect(refused).toBeGreaterThan(2);
    open().directory.put(pair('b'));
    expect(seen()).toEqual(['b', 'b']);
  });
});

it('threat 16: a failure says nothing of the documents', () => {
  try {
    open({ crashAt: 3 }).directory.put(pair('canary'));
    expect.unreachable();
  } catch (error) {
    expect((error as Error).message).not.toContain('canary');
    expect((error as Error).cause).toBeInstanceOf(Crash);
  }
});

it('gets through beside another agent that takes its version for a leftover', () => {
  open().directory.put(pair('a'));
  let isDone = false;
  const { directory } = open({
    after() {
      // The other one looked before, and takes away now what is there and was not the one that counts.
      if (isDone || readlinkSync(join(path, 'current')) === before) return;
      isDone = true;
      rmSync(join(path, readlinkSync(join(path, 'current'))), { recursive: true });
    },
  });
  const before = readlinkSync(join(path, 'current'));
  expect(directory.put(pair('b'))).toBe('switched');
  expect(isDone).toBe(true);
  expect(seen()).toEqual(['b', 'b']);
});

describe('threat 12: a place that is not ours is refused, and nothing behind its links is touched', () => {
  let victim: string;
  beforeEach(() => {
    victim = join(root, 'victim');
    mkdirSync(victim);
    writeFileSync(join(victim, 'user.json'), 'precious');
  });
  const refused = (message: string) => {
    expect(() => open().directory.put(pair('b'))).toThrow(
      expect.objectContaining({ code: 'usage', message: expect.stringContaining(message) }),
    );
    expect(readdirSync(victim)).toEqual(['user.json']);
    expect(readFileSync(join(victim, 'user.json'), 'utf8')).toBe('precious');
  };

  it('threat 12: a link in place of the directory', () => {
    symlinkSync(victim, path);
    refused('is a link');
  });

  it('threat 12: links in place of what is ours', () => {
    for (const name of ['.versions', 'current', 'user.json', 'client.json']) {
      mkdirSync(path);
      symlinkSync(name.endsWith('.json') ? join(victim, 'user.json') : victim, join(path, name));
      refused(name);
      expect(lstatSync(join(path, name)).isSymbolicLink()).toBe(true);
      rmSync(path, { recursive: true });
    }
  });

  it('threat 12: a version that leads out of the directory', () => {
    mkdirSync(path);
    symlinkSync('.versions/../../victim', join(path, 'current'));
    refused('no link of ours');
  });

  it('threat 26: a directory that others may change', () => {
    mkdirSync(path);
    chmodSync(path, 0o777);
    refused('can be changed by others');
    chmodSync(path, 0o1777);
    refused('can be changed by others');
    chmodSync(path, 0o755);
    chmodSync(root, 0o777);
    refused('can be changed by others');
  });
});
