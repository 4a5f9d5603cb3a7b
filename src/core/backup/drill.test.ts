/** Restore drills: what they prove, what they refuse, and by whose hand they are done. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ask, makePlace, makeToken, type Place } from '../../../test/fakes/client.ts';
import { systemRandom } from '../../crypto/random.ts';
import type { CofferNode } from '../../main/node.ts';
import { MemoryStorage } from '../../storage/memory/memory.ts';
import { chunksOf, takeBackup, unlockWith } from './backup.fixture.ts';
import { DirectoryPlace } from './directory-place.ts';
import { restoreDrill } from './drill.ts';
import { type ScheduledBackups, startScheduledBackups } from './scheduled-backups.ts';
import { type ScheduledDrills, startScheduledDrills } from './scheduled-drills.ts';

const mebibyte = 1024 * 1024;
const hour = 3_600;

let place: Place;
let node: CofferNode;
let directory: string;
const told: string[] = [];
const tallied: string[] = [];
const running: { stop(): Promise<void> }[] = [];
beforeEach(async () => {
  place = await makePlace();
  node = await place.node();
  directory = mkdtempSync(join(tmpdir(), 'coffer-drill-'));
  told.length = 0;
  tallied.length = 0;
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((one) => one.stop()));
  rmSync(directory, { recursive: true });
  await place.remove();
});

const drill = (bytes: Buffer, more: Partial<Parameters<typeof restoreDrill>[0]> = {}) =>
  restoreDrill({
    open: () => chunksOf(bytes),
    place: () => new MemoryStorage(),
    unlock: unlockWith(place),
    clock: place.clock,
    random: systemRandom,
    largest: mebibyte,
    ...more,
  });

describe('a restore drill', () => {
  it('restores, opens with a slot’s key, and reads every record', async () => {
    await ask(node, 'update', 'secret/data/a', { data: { value: 'x' } });
    await makeToken(node);
    const { backup, records, tokens } = await drill(await takeBackup(node));
    expect(backup.tag).toBe('signed');
    expect(records).toBeGreaterThanOrEqual(backup.manifest.records - 1);
    expect(tokens).toBe(2);
  });

  it('changes nothing of the store that serves', async () => {
    const before = await place.storage.range('', { limit: 1_000 });
    await drill(await takeBackup(node));
    const after = await place.storage.range('', { limit: 1_000 });
    const keysOf = (page: typeof before) => page.items.map(({ key }) => key);
    expect(keysOf(after).filter((key) => !key.startsWith('core/audit/'))).toEqual(
      keysOf(before).filter((key) => !key.startsWith('core/audit/')),
    );
  });

  it('refuses what was cut, changed, or is of other keys', async () => {
    const bytes = await takeBackup(node);
    await expect(drill(bytes.subarray(0, bytes.length - 5))).rejects.toMatchObject({ code: 'integrity' });
    const changed = Buffer.from(bytes);
    changed[bytes.length >> 1] = (changed[bytes.length >> 1] ?? 0) ^ 1;
    await expect(drill(changed)).rejects.toMatchObject({ code: 'integrity' });
    const other = () => Promise.resolve(systemRandom.bytes(32));
    await expect(drill(bytes, { unlock: other })).rejects.toMatchObject({ code: 'wrong_key' });
  });

  it('takes no more into memory than it may', async () => {
    const bytes = await takeBackup(node);
    await expect(drill(bytes, { largest: bytes.length - 1 })).rejects.toMatchObject({
      code: 'unsupported_operation',
    });
  });
});

function startBackups(): ScheduledBackups {
  const one = startScheduledBackups({
    schedule: { place: new DirectoryPlace(directory), every: hour * 1_000, keep: 3 },
    node: () => node.state.core,
    clock: place.clock,
    random: systemRandom,
    log: () => {},
  });
  running.push(one);
  return one;
}

function startDrills(on: CofferNode = node): ScheduledDrills {
  const one = startScheduledDrills({
    place: new DirectoryPlace(directory),
    every: 24 * hour * 1_000,
    node: () => {
      const { core } = on.state;
      if (core === undefined) return undefined;
      const { store, audit, backups, barrier } = core;
      return { store, audit, backups, barrier, meter: { tally: (event) => void tallied.push(event) } };
    },
    clock: place.clock,
    random: systemRandom,
    log: (level, message) => void told.push(`${level}: ${message}`),
    memory: () => new MemoryStorage(),
    unlock: unlockWith(place),
    largest: mebibyte,
  });
  running.push(one);
  return one;
}

describe('scheduled drills', () => {
  it('wait for the first backup, pass, and come again when it is time', async () => {
    const drills = startDrills();
    expect(await drills.run()).toBeUndefined();
    const written = await startBackups().run();
    expect(await drills.run()).toMatchObject({ passed: true, name: written?.name, reason: '' });
    expect(await drills.run()).toBeUndefined();
    place.clock.jump(24 * hour);
    expect(await drills.run()).toMatchObject({ passed: true });
    expect(tallied).toEqual(['drill_passed', 'drill_passed']);
    const { data } = await ask(node, 'read', 'sys/backup/status');
    expect(data['drill']).toMatchObject({ passed: true, name: written?.name, reason: '' });
    expect(place.auditLines().filter(({ event }) => event === 'restore drill passed')).toHaveLength(2);
  });

  it('are one node’s at a time', async () => {
    await startBackups().run();
    const all = [startDrills(), startDrills(await place.node()), startDrills(await place.node())];
    const done = await Promise.all(all.map((one) => one.run()));
    expect(done.filter((one) => one !== undefined)).toHaveLength(1);
  });

  it('tell a backup that cannot be restored to everybody', async () => {
    await startBackups().run();
    const [name = ''] = readdirSync(directory);
    const bytes = readFileSync(join(directory, name));
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
    writeFileSync(join(directory, name), bytes);
    expect(await startDrills().run()).toMatchObject({
      passed: false,
      reason: expect.stringMatching(/damaged|integrity/),
    });
    expect(told).toEqual(['error: a restore drill failed']);
    expect(tallied).toEqual(['drill_failed']);
    const { data } = await ask(node, 'read', 'sys/backup/status');
    expect(data['drill']).toMatchObject({ passed: false, name });
    expect(place.auditLines().some(({ event }) => event === 'restore drill failed')).toBe(true);
  });
});
