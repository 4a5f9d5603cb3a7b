/** What a directory of credentials knows of a version that nobody was told of. */
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
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
import { type Faults, faultyFiles } from '../../test/fakes/faulty-files.ts';
import { CredentialDirectory } from './credential-directory.ts';
import type { Documents } from './document.ts';
import { type Files, systemFiles } from './files.ts';

const uid = process.getuid?.() ?? 0;
const rights = { mode: 0o640, owner: undefined, group: undefined };
const newName = () => randomBytes(8).toString('hex');

let root: string;
let path: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'coffer-agent-'));
  path = join(root, 'credentials');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const openWith = (files: Files, isNoted = true) =>
  new CredentialDirectory(path, rights, { files, uid, newName }, isNoted);

function open(faults: Faults = {}) {
  const { files, steps } = faultyFiles(faults);
  return { directory: openWith(files), steps };
}

const pair = (moment: string): Documents => ({
  user: JSON.stringify({ application_username: 'stups_shop', application_password: `password-${moment}` }),
  client: JSON.stringify({ client_id: `id-${moment}`, client_secret: `secret-${moment}` }),
});
const markPlace = () => join(path, 'current', '.untold');
const hasMoment = (moment: string) => readFileSync(join(path, 'user.json'), 'utf8') === pair(moment).user;
/** As a new process sees it. */
const isUntold = () => open().directory.isUntold();

/** A version that somebody was told of. */
function toldOf(moment: string): void {
  const { directory } = open();
  directory.put(pair(moment));
  directory.told();
}

it('is untold until somebody was told, for the next process as well', () => {
  expect(isUntold()).toBe(false);
  const { directory } = open();
  directory.put(pair('a'));
  expect([directory.isUntold(), isUntold()]).toEqual([true, true]);
  directory.told();
  directory.told();
  expect([directory.isUntold(), isUntold()]).toEqual([false, false]);
  expect(directory.put(pair('a'))).toBe('unchanged');
  expect(isUntold()).toBe(false);
  // Nothing of it stays behind.
  directory.put(pair('b'));
  directory.put(pair('c'));
  directory.told();
  directory.put(pair('c'));
  expect(readdirSync(join(path, '.versions'))).toHaveLength(1);
});

it('threat 26: has a mark for nobody else, which says nothing', () => {
  open().directory.put(pair('canary'));
  expect(statSync(markPlace())).toMatchObject({ size: 0, uid });
  expect(statSync(markPlace()).mode & 0o777).toBe(0o600);
});

it('costs the disk no wait, and has its mark on disk before readers are led there', () => {
  const stepsOf = (isNoted: boolean, moment: string) => {
    const steps: string[] = [];
    const say = (what: string, at: string) =>
      void steps.push(`${what} ${at.replace(/[0-9a-f]{16}/g, 'ID').slice(path.length)}`);
    const files: Files = {
      ...systemFiles,
      create(at, bytes, of) {
        say('wait', at);
        systemFiles.create(at, bytes, of);
      },
      mark(at) {
        say('mark', at);
        systemFiles.mark(at);
      },
      rename(from, to) {
        say('rename', to);
        systemFiles.rename(from, to);
      },
      sync(at) {
        say('wait', at);
        systemFiles.sync(at);
      },
    };
    openWith(files, isNoted).put(pair(moment));
    return steps;
  };
  toldOf('a');
  const noted = stepsOf(true, 'b');
  expect(noted).toEqual([
    'wait /.versions/ID/user.json',
    'wait /.versions/ID/client.json',
    'mark /.versions/ID/.untold',
    'wait /.versions/ID',
    'wait /.versions',
    'rename /current',
    'wait ',
  ]);
  expect(stepsOf(false, 'c')).toEqual(noted.filter((step) => !step.startsWith('mark')));
  expect(stepsOf(true, 'c')).toEqual([]);
});

it('is untold wherever the process died if readers have it, and told of nothing if they have not', () => {
  let switched = 0;
  for (let crashAt = 1; ; crashAt++) {
    rmSync(path, { recursive: true, force: true });
    toldOf('a');
    const { directory, steps } = open({ crashAt });
    try {
      directory.put(pair('b'));
    } catch {
      // Told by the steps.
    }
    if (steps() < crashAt) break;
    expect(isUntold(), `step ${crashAt}`).toBe(hasMoment('b'));
    if (hasMoment('b')) switched += 1;
    else expect(hasMoment('a')).toBe(true);
    const next = open().directory;
    next.put(pair('b'));
    expect(next.isUntold()).toBe(true);
    next.told();
    next.put(pair('b'));
    expect(isUntold()).toBe(false);
    expect(readdirSync(join(path, '.versions'))).toHaveLength(1);
  }
  expect(switched).toBeGreaterThan(0);
});

it('stays untold when files of others take its place', () => {
  open().directory.put(pair('a'));
  for (const name of ['user', 'client'] as const) {
    writeFileSync(join(path, `${name}.json.tmp`), pair('b')[name] ?? '');
    renameSync(join(path, `${name}.json.tmp`), join(path, `${name}.json`));
  }
  const { directory } = open();
  expect(directory.isUntold()).toBe(true);
  expect(directory.put(pair('b'))).toBe('unchanged');
  expect(directory.isUntold()).toBe(true);
  directory.told();
  expect(isUntold()).toBe(false);
});

it('is untold still where another agent wrote it while this one told of what was before', () => {
  const { directory } = open();
  directory.put(pair('a'));
  open().directory.put(pair('b'));
  directory.told();
  expect(isUntold()).toBe(true);
});

it('is no matter of who tells nobody', () => {
  openWith(systemFiles, false).put(pair('a'));
  expect(existsSync(markPlace())).toBe(false);
  // One that was left goes with its version.
  open().directory.put(pair('b'));
  const quiet = openWith(systemFiles, false);
  quiet.put(pair('c'));
  quiet.put(pair('c'));
  expect(isUntold()).toBe(false);
  expect(readdirSync(join(path, '.versions'))).toHaveLength(1);
});

describe('a mark', () => {
  beforeEach(() => toldOf('a'));

  it('threat 12: that is a link counts, and is not followed', () => {
    const victim = join(root, 'victim');
    writeFileSync(victim, 'precious');
    symlinkSync(victim, markPlace());
    const { directory } = open();
    expect(directory.isUntold()).toBe(true);
    directory.told();
    expect([isUntold(), readFileSync(victim, 'utf8')]).toEqual([false, 'precious']);
  });

  it('that is a directory is none', () => {
    mkdirSync(markPlace());
    expect(isUntold()).toBe(false);
    expect(open().directory.put(pair('b'))).toBe('switched');
    expect(isUntold()).toBe(true);
  });

  it('threat 12: is not looked for behind links that are not ours', () => {
    writeFileSync(markPlace(), '');
    const version = readlinkSync(join(path, 'current'));
    renameSync(join(path, '.versions'), join(root, 'elsewhere'));
    symlinkSync(join(root, 'elsewhere'), join(path, '.versions'));
    const { directory } = open();
    expect(directory.isUntold()).toBe(false);
    directory.told();
    expect(existsSync(join(path, version, '.untold'))).toBe(true);
    rmSync(join(path, 'current'));
    symlinkSync(root, join(path, 'current'));
    expect(isUntold()).toBe(false);
  });

  it('threat 26: is not believed in a directory that others may change', () => {
    writeFileSync(markPlace(), '');
    chmodSync(path, 0o777);
    expect(isUntold()).toBe(false);
  });

  it('that cannot be taken away is said', () => {
    open().directory.put(pair('b'));
    const remove = () => {
      throw Object.assign(new Error('read-only'), { code: 'EROFS' });
    };
    const directory = openWith({ ...systemFiles, remove });
    expect(directory.isUntold()).toBe(true);
    expect(() => directory.told()).toThrow(
      expect.objectContaining({
        code: 'usage',
        message: expect.stringContaining('the file system is read-only'),
      }),
    );
  });
});
