import { randomBytes } from 'node:crypto';
import {
  chmodSync,
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
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Faults, faultyFiles } from '../../test/fakes/faulty-files.ts';
import { writeWhole } from './written-file.ts';

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'coffer-agent-'));
  path = join(directory, 'shop.conf');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function write(text: string, mode = 0o400, faults: Faults = {}): boolean {
  const { files } = faultyFiles(faults);
  const newName = () => randomBytes(8).toString('hex');
  const rights = { mode, owner: undefined, group: undefined };
  return writeWhole(path, Buffer.from(text), rights, { files, uid: process.getuid?.() ?? 0, newName });
}

it('is written once, and again when content or rights are others', () => {
  expect(write('a')).toBe(true);
  const { ino } = statSync(path);
  expect(write('a')).toBe(false);
  expect(statSync(path).ino).toBe(ino);
  expect([write('b'), write('b', 0o440), write('b', 0o440)]).toEqual([true, true, false]);
  expect([readFileSync(path, 'utf8'), statSync(path).mode & 0o777]).toEqual(['b', 0o440]);
});

it('is whole whenever the process dies, and what that left goes away', () => {
  write('old');
  for (let crashAt = 1; crashAt <= 3; crashAt++) {
    expect(() => write('new and longer', 0o400, { crashAt })).toThrow();
    expect(['old', 'new and longer']).toContain(readFileSync(path, 'utf8'));
  }
  write('last');
  expect(readdirSync(directory)).toEqual(['shop.conf']);
});

it('stays as it was on a full disk', () => {
  write('old');
  expect(() => write('new', 0o400, { fullFrom: 1 })).toThrow(
    expect.objectContaining({ code: 'storage_full' }),
  );
  expect([readFileSync(path, 'utf8'), readdirSync(directory)]).toEqual(['old', ['shop.conf']]);
});

it('threat 12: follows no link, and is in no directory that others may change', () => {
  const victim = join(directory, 'victim');
  writeFileSync(victim, 'precious');
  symlinkSync(victim, path);
  expect(() => write('a')).toThrow(expect.objectContaining({ code: 'usage' }));
  expect(readFileSync(victim, 'utf8')).toBe('precious');
  rmSync(path);
  chmodSync(directory, 0o770);
  expect(() => write('a')).toThrow(expect.objectContaining({ code: 'usage' }));
  expect(readdirSync(directory)).toEqual(['victim']);
});
