/** Backups of a store that is served: of one moment, for who may, few at a time, and in the audit log from end to end. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ask, makePlace, makeToken, type Place, rootToken, writePolicy } from '../../../test/fakes/client.ts';
import type { CofferNode } from '../../main/node.ts';
import { askSnapshot, bytesOf, takeBackup, verify } from './backup.fixture.ts';

let place: Place;
let node: CofferNode;

afterEach(() => place.remove());

describe.each([['memory'], ['lmdb']])('a backup from %s', (kind) => {
  beforeEach(async () => {
    place = await makePlace({ lmdb: kind === 'lmdb' });
    node = await place.node();
  });

  it('is of one moment, however much is written while it is taken', async () => {
    for (let count = 0; count < 30; count++) {
      await ask(node, 'update', `secret/data/s/${count}`, { data: { word: 'x'.repeat(30_000) } });
    }
    const stream = await askSnapshot(node);
    const pieces: Buffer[] = [];
    let written = 0;
    for (let piece = await stream.next(); piece !== undefined; piece = await stream.next()) {
      pieces.push(piece);
      await ask(node, 'update', `secret/data/s/${29 - written}`, { data: { word: 'later' } });
      await ask(node, 'update', `secret/data/s/new-${written}`, { data: { word: 'later' } });
      written += 1;
    }
    const bytes = Buffer.concat(pieces);
    expect(written).toBeGreaterThan(4);
    expect(bytes.toString('latin1')).not.toContain('/new-');
    expect(await verify(bytes, place)).toMatchObject({ tag: 'signed' });
  });

  it('ends when the store is sealed, without an end that looks like one', async () => {
    for (let count = 0; count < 30; count++) {
      await ask(node, 'update', `secret/data/s/${count}`, { data: { word: 'x'.repeat(30_000) } });
    }
    const stream = await askSnapshot(node);
    await stream.next();
    await stream.next();
    expect((await ask(node, 'update', 'sys/seal')).status).toBe(204);
    await expect(stream.next()).rejects.toMatchObject({ code: 'sealed' });
    await stream.close().catch(() => undefined);
    expect((await ask(node, 'read', 'sys/storage/snapshot')).status).toBe(503);
  });
});

describe('a backup', () => {
  beforeEach(async () => {
    place = await makePlace();
    node = await place.node();
  });

  it('is for who may read it with sudo', async () => {
    await writePolicy(node, 'reads', 'path "sys/storage/snapshot" { capabilities = ["read"] }');
    await writePolicy(node, 'backs-up', 'path "sys/storage/snapshot" { capabilities = ["read", "sudo"] }');
    const read = await makeToken(node, { policies: ['reads'] });
    const may = await makeToken(node, { policies: ['backs-up'] });
    expect((await ask(node, 'read', 'sys/storage/snapshot', {}, read)).status).toBe(403);
    expect((await ask(node, 'read', 'sys/storage/snapshot', {}, null)).status).toBe(403);
    expect((await verify(await bytesOf(await askSnapshot(node, may)), place)).tag).toBe('signed');
  });

  it('is in the audit log before its first byte, and at its end', async () => {
    const linesOf = () => place.auditLines().filter(({ path }) => path === 'sys/storage/snapshot');
    const stream = await askSnapshot(node);
    expect(linesOf().map(({ type }) => type)).toEqual(['request', 'response']);
    const bytes = await bytesOf(stream);
    const [request, , end] = linesOf();
    expect(end).toMatchObject({ event: 'stream ended', complete: true, bytes: bytes.length });
    expect(end?.['request_id']).toBe(request?.['request_id']);
  });

  it('that is broken off is in the audit log as that', async () => {
    const stream = await askSnapshot(node);
    await stream.next();
    await stream.close();
    await stream.close();
    const ends = place.auditLines().filter(({ event }) => event === 'stream ended');
    expect(ends).toHaveLength(1);
    expect(ends[0]).toMatchObject({ complete: false, bytes: 18 });
  });

  it('is one of two at most, and makes room when it ends', async () => {
    const [first, second] = await Promise.all([askSnapshot(node), askSnapshot(node)]);
    const third = await ask(node, 'read', 'sys/storage/snapshot');
    expect(third).toMatchObject({ status: 429 });
    expect(third.errors.join()).toContain('2 backups are being taken already');
    await first?.close();
    await (await askSnapshot(node)).close();
    await second?.close();
  });

  it('is given up after an hour', async () => {
    const stream = await askSnapshot(node);
    await stream.next();
    place.clock.advance(3_601);
    await expect(stream.next()).rejects.toMatchObject({ code: 'unavailable' });
    await stream.close();
    expect((await takeBackup(node)).length).toBeGreaterThan(0);
  });

  it('costs a use of its token before anything is read', async () => {
    const token = await makeToken(node, { policies: ['root'], num_uses: 1 });
    await (await askSnapshot(node, token)).close();
    expect((await ask(node, 'read', 'sys/storage/snapshot', {}, token)).status).toBe(403);
  });

  it('is never wrapped, and takes no snapshot when that is asked', async () => {
    const path = 'sys/storage/snapshot';
    for (let count = 0; count < 3; count++) {
      const asked = await ask(node, 'read', path, {}, rootToken, { wrapTtl: 60 });
      expect(asked).toMatchObject({ status: 400, errors: [expect.stringContaining('cannot be wrapped')] });
    }
    expect((await takeBackup(node)).length).toBeGreaterThan(0);
  });

  it('is told where the storage gives no snapshots', async () => {
    const { storage } = place;
    const plain = {
      kind: storage.kind,
      read: storage.read.bind(storage),
      readMany: storage.readMany.bind(storage),
      children: storage.children.bind(storage),
      range: storage.range.bind(storage),
      commit: storage.commit.bind(storage),
      close: storage.close.bind(storage),
    };
    const { status, errors } = await ask(await place.node(plain), 'read', 'sys/storage/snapshot');
    expect([status, errors.join()]).toEqual([405, expect.stringContaining('gives no snapshots')]);
  });
});
