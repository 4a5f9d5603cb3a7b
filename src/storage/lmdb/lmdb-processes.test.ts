/** One store, several processes: what each sees of the others, and what is left when one of them dies. */
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Peer, startPeer } from '../../../test/fault/peer-process.ts';
import { withOccupants } from '../occupants.ts';
import { key } from '../opened-storage.ts';
import type { Storage } from '../storage.ts';
import { openLmdbStorage } from './lmdb.ts';

/** Where flushing costs nothing, commits follow each other closest; otherwise the ordinary place for temporary files. */
const fastPlace = isWritable('/dev/shm') ? '/dev/shm' : tmpdir();

describe('an LMDB store shared by processes', () => {
  let path: string;
  let storage: Storage | undefined;
  const peers: Peer[] = [];
  beforeEach(() => {
    path = mkdtempSync(join(fastPlace, 'coffer-lmdb-'));
  });
  afterEach(async () => {
    await Promise.all(peers.splice(0).map((peer) => peer.kill('SIGTERM')));
    await storage?.close();
    storage = undefined;
    rmSync(path, { recursive: true });
  });

  async function openHere(create = true): Promise<Storage> {
    storage = await openLmdbStorage({ path, create });
    return storage;
  }

  function start(options?: { readonly fileBlocks: number }): Peer {
    const peer = startPeer(options);
    peers.push(peer);
    return peer;
  }

  it('shows each the commits of the others as soon as they are acknowledged', async () => {
    const here = await openHere();
    const peer = start();
    await peer.run('open', path, false);
    for (let round = 0; round < 50; round++) {
      // A read just before, so that one of an older snapshot would show.
      await here.read(key('there'));
      await peer.run('write', 'there', `${round}`);
      expect((await here.read(key('there')))?.value.toString()).toBe(`${round}`);
      await here.commit([{ key: key('here'), value: Buffer.from(`${round}`) }]);
      expect(await peer.run('read', 'here')).toBe(`${round}`);
    }
  });

  it('tells who else has it open, until they close it or die', async () => {
    const here = await openHere();
    const occupants = () => withOccupants(here)?.occupants();
    expect(await occupants()).toEqual([]);
    const [one, two] = [start(), start()];
    await Promise.all([one, two].map((peer) => peer.run('open', path, false)));
    await Promise.all([one, two].map((peer) => peer.run('read', 'there')));
    expect(new Set(await occupants())).toEqual(new Set([one, two].map(({ pid }) => `process ${pid}`)));
    await one.run('close');
    expect(await occupants()).toEqual([`process ${two.pid}`]);
    await two.kill('SIGKILL');
    expect(await occupants()).toEqual([]);
  });

  it('lets exactly one of them win each round', async () => {
    await openHere();
    const racers = [start(), start()];
    await Promise.all(racers.map((racer) => racer.run('open', path, false)));
    for (let round = 0; round < 50; round++) {
      const wins = await Promise.all(
        racers.map((racer, index) => racer.run('claim', `round/${round}`, `${index}`)),
      );
      expect(wins.filter(Boolean)).toHaveLength(1);
      expect(await racers[0]?.run('read', `round/${round}`)).toBe(`${wins.indexOf(true)}`);
    }
  });

  it('is read on by one while another makes it grow', async () => {
    const here = await openHere();
    await here.commit([{ key: key('small'), value: Buffer.from('1') }]);
    const peer = start();
    await peer.run('open', path, false);
    await peer.run('fill', 'large/', 200, 200_000);
    expect((await here.read(key('large/199')))?.value).toEqual(Buffer.alloc(200_000, 199));
    expect((await here.read(key('small')))?.value.toString()).toBe('1');
    await here.commit([{ key: key('large/0'), value: null }]);
    expect(await peer.run('read', 'large/0')).toBeUndefined();
  });

  it('loses no commit while others open and close it', async () => {
    const here = await openHere();
    const peer = start();
    let opening = true;
    const reopening = peer.run('reopen', path, 300).finally(() => {
      opening = false;
    });
    let lost = 0;
    for (let count = 0; opening; count++) {
      await here.commit([{ key: key('counter'), value: Buffer.from(`${count}`) }]);
      if ((await here.read(key('counter')))?.value.toString() !== `${count}`) lost += 1;
    }
    await reopening;
    expect(lost).toBe(0);
  });

  it('is old or new, never between, after one was killed; and the others go on', async () => {
    const here = await openHere();
    for (let round = 0; round < 5; round++) {
      const peer = startPeer();
      await peer.run('open', path, false);
      peer.run('writePairs').catch(() => undefined);
      const killed = peer.reached(20 + 7 * round).then(() => peer.kill('SIGKILL'));
      // Commits of our own meanwhile, so that the locks change hands when their holder dies.
      let waiting = true;
      void killed.then(() => {
        waiting = false;
      });
      while (waiting) await here.commit([{ key: key('meanwhile'), value: Buffer.from(`${round}`) }]);
      const pair = await here.readMany([key('left'), key('right')]);
      const [left, right] = pair.map((record) => Number.parseInt(record?.value.toString() ?? '', 10));
      expect(left).toBe(right);
      expect(left).toBeGreaterThanOrEqual(peer.acknowledged);
      await here.commit([{ key: key('after'), value: Buffer.from(`${round}`) }]);
    }
  });

  it('tells a full disk, and goes on with what is small', async () => {
    // 2 or 4 MiB: a shell's block has 512 bytes or 1,024.
    const peer = start({ fileBlocks: 4096 });
    await peer.run('open', path, true);
    await peer.run('write', 'kept', 'safe');
    await expect(peer.run('fill', 'large/', 100, 200_000)).rejects.toMatchObject({ code: 'storage_full' });
    expect(await peer.run('read', 'kept')).toBe('safe');
    await peer.run('remove', 'large/0');
    await peer.run('write', 'kept', 'still');
    await peer.run('close');
    const here = await openHere(false);
    expect((await here.read(key('kept')))?.value.toString()).toBe('still');
  });
});

function isWritable(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
