/** Backups by schedule: one node's at a time, as many kept as are wanted, nobody else's file touched, failures told. */
import {
  chmodSync,
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
import { ask, makePlace, type Place } from '../../../test/fakes/client.ts';
import { HandClock } from '../../../test/fakes/hand-clock.ts';
import { systemRandom } from '../../crypto/random.ts';
import type { CofferNode } from '../../main/node.ts';
import { takeBackup, verify } from './backup.fixture.ts';
import { DirectoryPlace } from './directory-place.ts';
import { type ScheduledBackups, startScheduledBackups } from './scheduled-backups.ts';

let place: Place;
let node: CofferNode;
let root: string;
let directory: string;
const started: ScheduledBackups[] = [];
const told: string[] = [];

beforeEach(async () => {
  place = await makePlace();
  node = await place.node();
  root = mkdtempSync(join(tmpdir(), 'coffer-scheduled-'));
  directory = join(root, 'backups');
  told.length = 0;
});
afterEach(async () => {
  await Promise.all(started.splice(0).map((one) => one.stop()));
  rmSync(root, { recursive: true });
  await place.remove();
});

const hour = 3_600;

function start(on: CofferNode = node, keep = 3): ScheduledBackups {
  const one = startScheduledBackups({
    schedule: { place: new DirectoryPlace(directory), every: hour * 1_000, keep },
    node: () => on.state.core,
    clock: place.clock,
    random: systemRandom,
    log: (level, message) => void told.push(`${level}: ${message}`),
  });
  started.push(one);
  return one;
}

const files = () => readdirSync(directory).toSorted();

it('makes the first one soon, the next ones when they are due, and keeps the newest', async () => {
  const backups = start();
  expect(await backups.run()).toMatchObject({ directory, records: expect.any(Number) });
  expect(await backups.run()).toBeUndefined();
  for (let count = 0; count < 5; count++) {
    place.clock.jump(hour - 1);
    expect(await backups.run()).toBeUndefined();
    place.clock.jump(1);
    expect(await backups.run()).toBeDefined();
  }
  expect(files()).toHaveLength(3);
  for (const name of files()) {
    expect((await verify(readFileSync(join(directory, name)), place)).tag).toBe('signed');
    expect(name).toMatch(/^coffer-[0-9a-f-]{36}-\d{8}T\d{9}Z\.backup$/);
  }
});

it('looks by itself, and catches up after a time that nobody served', async () => {
  start();
  place.clock.advance(31);
  await expect.poll(() => told).toContain('info: a scheduled backup was written');
  await Promise.all(started.splice(0).map((one) => one.stop()));
  place.clock.jump(10 * hour);
  expect(await start().run()).toBeDefined();
  expect(files()).toHaveLength(2);
});

it('is one node’s at a time', async () => {
  const nodes = [start(node), start(await place.node()), start(await place.node())];
  const written = await Promise.all(nodes.map((one) => one.run()));
  expect(written.filter((one) => one !== undefined)).toHaveLength(1);
  expect(files()).toHaveLength(1);
});

it('tells every node how it stands', async () => {
  const other = await place.node();
  expect((await ask(other, 'read', 'sys/backup/status')).data).toMatchObject({ scheduled: false });
  const written = await start().run();
  const { data } = await ask(other, 'read', 'sys/backup/status');
  expect(data).toMatchObject({
    scheduled: true,
    every: hour,
    keep: 3,
    running: false,
    failures: 0,
    failure: null,
  });
  expect(data['last']).toMatchObject({ name: written?.name, bytes: written?.bytes });
  const line = place.auditLines().find(({ event }) => event === 'scheduled backup written');
  expect(line).toMatchObject({ name: written?.name, removed: [] });
});

it('tells a failure, tries again in a while, and forgets it with the next success', async () => {
  writeFileSync(directory, 'a file');
  const backups = start();
  expect(await backups.run()).toBeUndefined();
  const failed = (await ask(node, 'read', 'sys/backup/status')).data;
  expect(failed).toMatchObject({
    failures: 1,
    last: null,
    failure: { reason: expect.stringContaining(directory) },
  });
  expect(told).toEqual(['error: a scheduled backup failed']);
  rmSync(directory);
  expect(await backups.run()).toBeUndefined();
  place.clock.jump(601);
  expect(await backups.run()).toBeDefined();
  expect((await ask(node, 'read', 'sys/backup/status')).data).toMatchObject({ failures: 0, failure: null });
});

it('goes on by a clock that was set back, and keeps what it has just written', async () => {
  writeFileSync(directory, 'a file');
  const backups = start(node, 1);
  expect(await backups.run()).toBeUndefined();
  place.clock.set(-10 * hour);
  rmSync(directory);
  place.clock.jump(601);
  const first = await backups.run();
  expect(files()).toEqual([first?.name]);
  place.clock.set(-10 * hour);
  place.clock.jump(hour - 1);
  expect(await backups.run()).toBeUndefined();
  place.clock.jump(1);
  const second = await backups.run();
  expect(second?.name).not.toBe(first?.name);
  expect(files()).toEqual([second?.name]);
});

it('keeps none that a clock which went ahead has dated in place of those written since', async () => {
  const backups = start(node, 3);
  place.clock.set(9_000 * hour);
  for (let count = 0; count < 3; count++) {
    await backups.run();
    place.clock.jump(hour);
  }
  const ahead = files();
  expect(ahead).toHaveLength(3);
  place.clock.set(-9_000 * hour);
  const written: (string | undefined)[] = [];
  for (let count = 0; count < 4; count++) {
    place.clock.jump(hour);
    written.push((await backups.run())?.name);
  }
  expect(files()).toEqual(written.slice(1));
});

it('is made once an interval by nodes whose clocks are hours apart, whoever of them looks first', async () => {
  const ahead = new HandClock(place.clock.now() + 5 * hour * 1_000);
  const elsewhere = await place.node(undefined, { clock: ahead, elsewhere: true });
  const other = startScheduledBackups({
    schedule: { place: new DirectoryPlace(directory), every: hour * 1_000, keep: 100 },
    node: () => elsewhere.state.core,
    clock: ahead,
    random: systemRandom,
    log: () => {},
  });
  started.push(other);
  const here = start(node, 100);
  let made = 0;
  const minutes = 6 * 60;
  for (let minute = 0; minute <= minutes; minute++) {
    for (const one of minute % 2 === 0 ? [here, other] : [other, here]) {
      if ((await one.run()) !== undefined) made += 1;
    }
    for (const clock of [place.clock, ahead]) clock.jump(60);
  }
  // One at once, one when the node that is ahead looks for the first time, and then one an hour.
  expect(made).toBe(2 + 6);
});

it('removes by age too, and never the newest', async () => {
  const rule = {
    place: new DirectoryPlace(directory),
    every: hour * 1_000,
    keep: 10,
    keepFor: 2.5 * hour * 1_000,
  };
  const backups = startScheduledBackups({
    schedule: rule,
    node: () => node.state.core,
    clock: place.clock,
    random: systemRandom,
    log: () => {},
  });
  started.push(backups);
  for (let count = 0; count < 5; count++) {
    expect(await backups.run()).toBeDefined();
    place.clock.jump(hour);
  }
  expect(files()).toHaveLength(3);
  place.clock.jump(100 * hour);
  const last = await backups.run();
  expect(files()).toEqual([last?.name]);
});

it('removes nothing that it did not make', async () => {
  mkdirSync(directory, { mode: 0o700 });
  const byHand = await takeBackup(node);
  const storeId = (await verify(byHand, undefined)).header.storeId;
  const look = (time: string) => join(directory, `coffer-${storeId}-${time}.backup`);
  writeFileSync(look('20200101T000000000Z'), byHand);
  writeFileSync(look('20200102T000000000Z'), 'notes');
  writeFileSync(join(directory, 'precious.txt'), 'mine');
  writeFileSync(join(root, 'outside'), byHand);
  symlinkSync(join(root, 'outside'), look('20200103T000000000Z'));
  const backups = start(node, 1);
  for (let count = 0; count < 3; count++) {
    expect(await backups.run()).toBeDefined();
    place.clock.jump(hour);
  }
  expect(files().filter((name) => name.includes('2020') || name === 'precious.txt')).toHaveLength(4);
  expect(files()).toHaveLength(5);
});

it('takes away what a killed process left half written, and only its own', async () => {
  mkdirSync(directory, { mode: 0o700 });
  const storeId = (await verify(await takeBackup(node), undefined)).header.storeId;
  const half = `.coffer-${storeId}-20200101T000000000Z.backup.schedule.part`;
  const others = '.coffer-6b1d5a52-6f0c-4f5e-9f0a-0c1f6f1f7a11-20200101T000000000Z.backup.schedule.part';
  for (const name of [half, others]) writeFileSync(join(directory, name), 'half');
  await start().run();
  expect(files()).not.toContain(half);
  expect(files()).toContain(others);
});

it('waits while the store is sealed', async () => {
  const backups = start();
  await ask(node, 'update', 'sys/seal');
  expect(await backups.run()).toBeUndefined();
  expect(told).toEqual([]);
});

it('refuses numbers that make no schedule', () => {
  const scheduleOf = (every: number, keep: number) => () =>
    startScheduledBackups({
      schedule: { place: new DirectoryPlace(directory), every, keep },
      node: () => undefined,
      clock: place.clock,
      random: systemRandom,
      log: () => {},
    });
  expect(scheduleOf(1_000, 3)).toThrow('one minute apart');
  expect(scheduleOf(hour * 1_000, 0)).toThrow('at least one');
});

describe('threat 26: a scheduled backup', () => {
  it('and its directory are for their owner alone, whatever the umask', async () => {
    const umask = process.umask(0);
    try {
      await start().run();
    } finally {
      process.umask(umask);
    }
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    expect(statSync(join(directory, files()[0] ?? '')).mode & 0o777).toBe(0o600);
  });

  it('does not go where others may write', async () => {
    mkdirSync(directory);
    chmodSync(directory, 0o777);
    expect(await start().run()).toBeUndefined();
    expect(files()).toEqual([]);
    expect((await ask(node, 'read', 'sys/backup/status')).data).toMatchObject({
      failure: { reason: expect.stringContaining('chmod go-w') },
    });
  });
});
