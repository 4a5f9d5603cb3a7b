import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  linkSync,
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
import { HandClock } from '../../../test/fakes/hand-clock.ts';
import { auditDeviceContract, refusal } from '../audit-device.contract.ts';
import { type DevicePlaces, noPlaces } from '../audit-device.ts';
import { file } from './file.ts';

let root: string;
let listed: string;
let places: DevicePlaces;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'coffer-device-'));
  listed = join(root, 'listed');
  mkdirSync(listed, { mode: 0o700 });
  const own = join(root, 'own');
  places = { ...noPlaces, directories: [own, listed], own, clock: new HandClock() };
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const open = (file_path: string) => file.prepare({ file_path }, places).open();
const modeOf = (path: string) => statSync(path).mode & 0o7777;

auditDeviceContract(() => ({
  type: file,
  options: { file_path: 'audit.log' },
  places,
  arrived: async () =>
    readFileSync(join(root, 'own', 'audit.log'), 'utf8')
      .split('\n')
      .slice(0, -1),
}));

it('takes a relative path, an absolute one below a listed directory, and directories on the way', async () => {
  for (const path of ['a.log', 'team/a.log', join(listed, 'b.log'), join(listed, 'x/y/b.log')]) {
    const device = await open(path);
    await device.write(['{}']);
    await device.close();
  }
  expect(readdirSync(root, { recursive: true }).map(String).toSorted()).toEqual(
    ['own', 'own/a.log', 'own/team', 'own/team/a.log', 'listed', 'listed/b.log']
      .concat(['listed/x', 'listed/x/y', 'listed/x/y/b.log'])
      .toSorted(),
  );
});

it('knows path as the older name of file_path, and wants one of them', () => {
  expect(() => file.prepare({ path: 'a.log' }, places)).not.toThrow();
  expect(refusal(() => file.prepare({}, places))).toMatchObject({ message: 'file_path is required' });
});

it('begins a new line after a piece of one', async () => {
  await (await open('a.log')).close();
  appendFileSync(join(root, 'own/a.log'), '{"torn":');
  const device = await open('a.log');
  await device.write(['{"n":1}']);
  await device.close();
  expect(readFileSync(join(root, 'own/a.log'), 'utf8')).toBe('{"torn":\n{"n":1}\n');
});

describe('threat 19: a file device is no way to write programs', () => {
  it('has no mode but 0600', async () => {
    for (const mode of ['0755', '0700', '0644', '0640', '4600', '0601', 'rwx', '-1', '0o600 ']) {
      expect(
        refusal(() => file.prepare({ file_path: 'a.log', mode }, places)),
        mode,
      ).toMatchObject({
        code: 'invalid_request',
        message: 'the mode of an audit file is 0600 and nothing else',
      });
    }
    for (const mode of ['0600', '600', '', '0']) {
      expect(() => file.prepare({ file_path: 'a.log', mode }, places), mode).not.toThrow();
    }
    await (await open('team/a.log')).close();
    expect(modeOf(join(root, 'own/team/a.log'))).toBe(0o600);
    expect(modeOf(join(root, 'own/team'))).toBe(0o700);
  });

  it('does not write to a file that is executable, or open to others', async () => {
    for (const mode of [0o700, 0o610, 0o604, 0o644, 0o1600 | 0o111, 0o4700]) {
      const path = join(listed, `m${mode.toString(8)}`);
      writeFileSync(path, '#!/bin/sh\n');
      chmodSync(path, mode);
      await expect(open(path), mode.toString(8)).rejects.toMatchObject({ code: 'unavailable' });
      expect(readFileSync(path, 'utf8')).toBe('#!/bin/sh\n');
      expect(modeOf(path)).toBe(mode);
    }
  });
});

describe('threat 12: a file device leaves no listed directory', () => {
  it('by no path', () => {
    const paths = [
      ...['../a.log', 'a/../../a.log', './a.log', 'a//b.log', 'a/', '.', '..', '/etc/cron.d/x', '/'],
      ...['~/a.log', 'a\\b.log', 'a\0b', 'a b.log', '-rf', '.hidden', 'ä.log', `${'a/'.repeat(9)}b`],
      ...[`${'a'.repeat(200)}.log`, 'a\nb', '%2e%2e/a', `${join('/', 'proc/self/environ')}`],
    ];
    for (const file_path of [...paths, `${listed}x/a.log`, `${listed}/../own/a.log`, listed, `${listed}/`]) {
      expect(
        refusal(() => file.prepare({ file_path }, places)),
        file_path,
      ).toMatchObject({
        code: 'invalid_request',
      });
    }
    expect(readdirSync(root)).toEqual(['listed']);
  });

  it('by no link, symbolic or hard, and by no special file', async () => {
    const outside = join(root, 'outside');
    mkdirSync(outside, { mode: 0o700 });
    const secret = join(outside, 'key');
    writeFileSync(secret, 'key', { mode: 0o600 });
    symlinkSync(outside, join(listed, 'dir'));
    symlinkSync(secret, join(listed, 'link'));
    symlinkSync(join(outside, 'new'), join(listed, 'dangling'));
    linkSync(secret, join(listed, 'hard'));
    mkdirSync(join(listed, 'folder'));
    execFileSync('mkfifo', ['-m', '600', join(listed, 'pipe')]);
    for (const name of ['dir/a.log', 'link', 'dangling', 'hard', 'folder', 'pipe', 'hard/a.log']) {
      await expect(open(join(listed, name)), name).rejects.toMatchObject({ code: 'unavailable' });
    }
    expect(readdirSync(outside)).toEqual(['key']);
    expect(readFileSync(secret, 'utf8')).toBe('key');
  });

  it('through no directory that others may write to', async () => {
    mkdirSync(join(listed, 'open'));
    chmodSync(join(listed, 'open'), 0o770);
    await expect(open(join(listed, 'open/a.log'))).rejects.toMatchObject({
      message: expect.stringContaining('chmod go-w') as string,
    });
    chmodSync(listed, 0o707);
    await expect(open(join(listed, 'a.log'))).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('where none is configured writes nowhere', () => {
    const nowhere = { ...noPlaces, clock: new HandClock() };
    expect(refusal(() => file.prepare({ file_path: 'a.log' }, nowhere))).toMatchObject({
      code: 'invalid_request',
    });
  });
});

it('threat 26: files too open — a listed directory that is missing is not made, the server’s own is, for itself alone', async () => {
  await (await open('a.log')).close();
  expect(modeOf(join(root, 'own'))).toBe(0o700);
  rmSync(listed, { recursive: true });
  await expect(open(join(listed, 'a.log'))).rejects.toMatchObject({ code: 'unavailable' });
});
