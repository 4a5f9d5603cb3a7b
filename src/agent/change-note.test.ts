import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Faults, faultyFiles } from '../../test/fakes/faulty-files.ts';
import { FileNote, isNoted, notePath } from './change-note.ts';
import { type Files, systemFiles } from './files.ts';
import { writeWhole } from './written-file.ts';

const uid = process.getuid?.() ?? 0;
let directory: string;
let path: string;
let notePlace: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'coffer-agent-'));
  path = join(directory, 'shop.conf');
  notePlace = join(directory, '.shop.conf.untold');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const noteOf = (files: Files = systemFiles) => new FileNote(path, { files, uid });

function write(text: string, files: Files, isNoted = true): boolean {
  const newName = () => randomBytes(8).toString('hex');
  const rights = { mode: 0o400, owner: undefined, group: undefined };
  const note = isNoted ? noteOf(files) : undefined;
  return writeWhole(path, Buffer.from(text), rights, { files, uid, newName }, note);
}

const writeWith = (text: string, faults: Faults = {}) => write(text, faultyFiles(faults).files);

/** What a write does to the disk, in order. */
function stepsOf(text: string, isNoted: boolean): readonly string[] {
  const steps: string[] = [];
  const said =
    <A extends readonly unknown[]>(name: string, action: (...order: A) => void) =>
    (...order: A): void => {
      steps.push(name);
      action(...order);
    };
  const { create, mark, rename, sync } = systemFiles;
  const files: Files = {
    ...systemFiles,
    create: said('create', create),
    mark: said('mark', mark),
    rename: said('rename', rename),
    sync: said('sync', sync),
  };
  write(text, files, isNoted);
  return steps;
}

it('is on disk before the file changes, which costs one wait more, and nothing where nobody is told', () => {
  expect(stepsOf('a', true)).toEqual(['create', 'mark', 'sync', 'rename', 'sync']);
  expect(stepsOf('a', true)).toEqual([]);
  expect(noteOf().isThere()).toBe(true);
  noteOf().remove();
  expect(readdirSync(directory)).toEqual(['shop.conf']);
  expect(stepsOf('b', false)).toEqual(['create', 'rename', 'sync']);
  expect(noteOf().isThere()).toBe(false);
});

it('threat 26: is for nobody else, and says nothing', () => {
  writeWith('canary');
  expect(statSync(notePlace)).toMatchObject({ size: 0, uid });
  expect(statSync(notePlace).mode & 0o777).toBe(0o600);
});

it('is there whenever the process dies with another file in place, and goes when somebody was told', () => {
  let died = 0;
  for (let crashAt = 1; ; crashAt++) {
    for (const name of readdirSync(directory)) rmSync(join(directory, name));
    writeWith('old');
    noteOf().remove();
    const { files, steps } = faultyFiles({ crashAt });
    try {
      write('new', files);
    } catch {
      died += 1;
    }
    if (steps() < crashAt) break;
    if (readFileSync(path, 'utf8') === 'new') expect(noteOf().isThere()).toBe(true);
  }
  noteOf().remove();
  noteOf().remove();
  expect(readdirSync(directory)).toEqual(['shop.conf']);
  expect(died).toBe(5);
});

it('is not there for what was not written', () => {
  writeWith('old');
  noteOf().remove();
  for (let fullFrom = 1; fullFrom <= 2; fullFrom++) {
    expect(() => writeWith('new', { fullFrom })).toThrow(expect.objectContaining({ code: 'storage_full' }));
    expect([readFileSync(path, 'utf8'), readdirSync(directory)]).toEqual(['old', ['shop.conf']]);
  }
  const failing = (part: Partial<Files>) => () => write('new', { ...systemFiles, ...part });
  const full = () => {
    throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
  };
  expect(failing({ sync: full })).toThrow(expect.objectContaining({ code: 'storage_full' }));
  expect(failing({ rename: full })).toThrow(expect.objectContaining({ code: 'storage_full' }));
  expect([readFileSync(path, 'utf8'), readdirSync(directory)]).toEqual(['old', ['shop.conf']]);
});

it('stays for the change before when the next one fails', () => {
  writeWith('old');
  expect(() => writeWith('new', { fullFrom: 1 })).toThrow();
  expect(noteOf().isThere()).toBe(true);
});

describe('something else of its name', () => {
  it.each([
    ['bytes of anything', () => writeFileSync(notePlace, randomBytes(100_000))],
    ['a link to nowhere', () => symlinkSync(join(directory, 'nowhere'), notePlace)],
  ])('counts, and goes: %s', (_, make) => {
    make();
    expect(noteOf().isThere()).toBe(true);
    writeWith('a');
    expect(noteOf().isThere()).toBe(true);
    noteOf().remove();
    expect(readdirSync(directory)).toEqual(['shop.conf']);
  });

  it('threat 12: is never followed', () => {
    const victim = join(directory, 'victim');
    writeFileSync(victim, 'precious');
    symlinkSync(victim, notePlace);
    writeWith('a');
    expect(noteOf().isThere()).toBe(true);
    noteOf().remove();
    expect(readFileSync(victim, 'utf8')).toBe('precious');
    expect(existsSync(notePlace)).toBe(false);
  });

  it.runIf(uid === 0)('counts whoever owns it: nobody else could have put it there', () => {
    writeFileSync(notePlace, '');
    chownSync(notePlace, 12_345, 12_345);
    expect(noteOf().isThere()).toBe(true);
    noteOf().remove();
    expect(readdirSync(directory)).toEqual([]);
  });

  it('is said where it is a directory, and nothing is written', () => {
    mkdirSync(notePlace);
    expect(noteOf().isThere()).toBe(false);
    expect(() => writeWith('a')).toThrow(
      expect.objectContaining({ code: 'usage', message: expect.stringContaining('none of ours') }),
    );
    expect(readdirSync(directory)).toEqual(['.shop.conf.untold']);
  });
});

it('is for those who go on while the agent does not', () => {
  expect(isNoted({ kind: 'command', command: ['/bin/true'] })).toBe(true);
  expect(isNoted({ kind: 'signal', signal: 'SIGHUP', pidFile: '/run/a.pid' })).toBe(true);
  expect([isNoted({ kind: 'exec' }), isNoted(undefined)]).toEqual([false, false]);
});

it('is nobody’s where its file is configured no longer', () => {
  const other = notePath(join(directory, 'gone.conf'));
  writeFileSync(other, '');
  expect(noteOf().isThere()).toBe(false);
  writeWith('a');
  noteOf().remove();
  expect(existsSync(other)).toBe(true);
});

it('threat 26: is not believed in a directory that others may change', () => {
  writeFileSync(notePlace, '');
  chmodSync(directory, 0o777);
  expect(noteOf().isThere()).toBe(false);
  rmSync(directory, { recursive: true });
  expect(noteOf().isThere()).toBe(false);
});
