import { lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CofferError } from '../../errors.ts';
import { readAnchors } from './anchor.ts';
import { deadProcess, makePlace, type Place, settled } from './audit.fixture.ts';
import { type Disk, systemDisk } from './disk.ts';
import { findRequest } from './find.ts';
import { verifyAudit } from './verify.ts';

let place: Place;
beforeEach(() => {
  place = makePlace();
});
afterEach(() => place.remove());

const request = (id: number, more: object = {}) => ({
  type: 'request' as const,
  request_id: `r-${id}`,
  ...more,
});

/** The real disk, which counts and can be told to fail. */
function watchedDisk() {
  const watched = {
    writes: 0,
    syncs: 0,
    /** Thrown by `write` after so many more bytes. */
    failure: undefined as NodeJS.ErrnoException | undefined,
    bytesLeft: Number.POSITIVE_INFINITY,
    syncFailure: undefined as Error | undefined,
    held: undefined as Promise<void> | undefined,
  };
  const disk: Disk = {
    ...systemDisk,
    write(fd, bytes, offset) {
      watched.writes += 1;
      if (watched.bytesLeft <= 0 && watched.failure) throw watched.failure;
      const most = Math.min(bytes.length - offset, watched.bytesLeft);
      const taken = systemDisk.write(fd, bytes.subarray(offset, offset + most), 0);
      watched.bytesLeft -= taken;
      return taken;
    },
    async sync(fd) {
      watched.syncs += 1;
      await watched.held;
      if (watched.syncFailure) throw watched.syncFailure;
      await systemDisk.sync(fd);
    },
  };
  return { disk, watched };
}

function errno(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(code), { code });
}

const files = (directory: string) => readdirSync(directory).sort();
const lines = (path: string) => readFileSync(path, 'utf8').trimEnd().split('\n');
const report = async () =>
  verifyAudit({ directory: place.directory, anchors: await readAnchors(place.store), node: 'here' });

describe('writing', () => {
  it('shares one write among the lines of a turn, and is in the file when it resolves', async () => {
    const { disk, watched } = watchedDisk();
    const log = await place.open({ disk });
    watched.writes = 0;
    await Promise.all([1, 2, 3].map((id) => log.append(request(id), 'kernel')));
    expect(watched.writes).toBe(1);
    const kept = lines(join(log.path, '000001.jsonl')).map(
      (line) => JSON.parse(line) as Record<string, unknown>,
    );
    expect(kept.map(({ seq }) => seq)).toEqual([1, 2, 3, 4]);
    expect(kept.map((line) => Object.keys(line).at(-1))).toEqual(['chain', 'chain', 'chain', 'chain']);
    expect(kept[1]).toMatchObject({
      type: 'request',
      request_id: 'r-1',
      time: '2026-11-22T01:36:00.000000000Z',
    });
    await log.close();
  });

  it('shares a flush among all that wait, and begins it after the write', async () => {
    const { disk, watched } = watchedDisk();
    const log = await place.open({ disk });
    let release = () => {};
    watched.held = new Promise((resolve) => {
      release = resolve;
    });
    watched.syncs = 0;
    const done: number[] = [];
    const first = log.append(request(1), 'disk').then(() => done.push(1));
    await settled(() => watched.syncs === 1);
    // These come while a flush runs that began before they were written: it does not count for them.
    const later = [2, 3, 4].map((id) => log.append(request(id), 'disk').then(() => done.push(id)));
    await log.append(request(5), 'kernel');
    expect(done).toEqual([]);
    release();
    await Promise.all([first, ...later]);
    expect(watched.syncs).toBe(2);
    await log.close();
  });

  it('brings lines that nobody waits for to disk within 100 ms', async () => {
    const { disk, watched } = watchedDisk();
    const log = await place.open({ disk });
    watched.syncs = 0;
    await log.append(request(1), 'kernel');
    expect(watched.syncs).toBe(0);
    place.clock.advance(100);
    await settled(() => watched.syncs === 1);
    place.clock.advance(100);
    expect(watched.syncs).toBe(1);
    await log.close();
  });

  it('waits for the disk always, if told so', async () => {
    const { disk, watched } = watchedDisk();
    const log = await place.open({ disk, alwaysDisk: true });
    watched.syncs = 0;
    await log.append(request(1), 'kernel');
    expect(watched.syncs).toBe(1);
    await log.close();
  });

  it('goes on over segments with one numbering and one chain', async () => {
    const log = await place.open({ segmentBytes: 2000 });
    for (let id = 0; id < 40; id++) await log.append(request(id, { path: 'secret/data/a' }), 'kernel');
    await log.close();
    expect(files(log.path).length).toBeGreaterThan(3);
    const kept = files(log.path).flatMap((name) =>
      lines(join(log.path, name)).map((line) => JSON.parse(line)),
    );
    expect(kept.map(({ seq }) => seq)).toEqual(kept.map((_, index) => index + 1));
    expect(await report()).toMatchObject({
      intact: true,
      chains: [{ state: 'closed', lines: kept.length, lastSeq: kept.length, problems: [] }],
    });
  });

  it('refuses an entry that is too long or not one, and goes on', async () => {
    const log = await place.open();
    await expect(log.append(request(1, { text: 'x'.repeat(1 << 20) }), 'kernel')).rejects.toMatchObject({
      code: 'payload_too_large',
    });
    for (const bad of [{ seq: 1 }, { time: '' }, { chain: '' }, { n: 1n }]) {
      await expect(log.append(request(1, bad), 'kernel')).rejects.toMatchObject({ code: 'internal' });
    }
    await log.append(request(2, { text: '\u2028\n"\ud800"', ключ: '鍵' }), 'disk');
    await log.close();
    expect((await report()).intact).toBe(true);
  });

  it('takes what was appended before it closes, and nothing after', async () => {
    const log = await place.open();
    const pending = log.append(request(1), 'disk');
    await log.close();
    await pending;
    await expect(log.append(request(2), 'kernel')).rejects.toMatchObject({ code: 'unavailable' });
    await log.close();
    expect(place.clock.pending).toBe(0);
    expect(await report()).toMatchObject({ intact: true, chains: [{ lines: 3 }] });
  });

  it('threat 26: directories are 0700 and files 0600, whatever the umask', async () => {
    const before = process.umask(0);
    try {
      const log = await place.open({ segmentBytes: 500, reserveBytes: 100_000 });
      for (let id = 0; id < 5; id++) await log.append(request(id), 'kernel');
      await log.close();
      expect(lstatSync(place.directory).mode & 0o777).toBe(0o700);
      expect(lstatSync(log.path).mode & 0o777).toBe(0o700);
      expect(lstatSync(join(place.directory, 'reserve'))).toMatchObject({ size: 100_000 });
      const kept = [...files(log.path).map((name) => join(log.path, name)), join(place.directory, 'reserve')];
      for (const file of kept) expect(lstatSync(file).mode & 0o777, file).toBe(0o600);
    } finally {
      process.umask(before);
    }
  });

  it('threat 26: a directory that others may enter, or a link, is refused', async () => {
    mkdirSync(place.directory, { mode: 0o755 });
    await expect(place.open()).rejects.toMatchObject({ code: 'store_unusable' });
    const elsewhere = join(place.root, 'elsewhere');
    mkdirSync(elsewhere, { mode: 0o700 });
    const link = join(place.root, 'link');
    symlinkSync(elsewhere, link);
    await expect(place.open({ directory: link })).rejects.toMatchObject({ code: 'store_unusable' });
    expect(readdirSync(elsewhere)).toEqual([]);
  });
});

describe('anchoring', () => {
  it('anchors within a second of traffic, only what is on disk', async () => {
    const { disk, watched } = watchedDisk();
    const log = await place.open({ disk });
    const [first] = await readAnchors(place.store);
    expect(first).toMatchObject({ seq: 0, closed: false, chainId: log.chainId });
    watched.syncs = 0;
    await log.append(request(1), 'kernel');
    const before = place.store.commits;
    place.clock.advance(1000);
    await settled(() => place.store.commits > before);
    expect(watched.syncs).toBeGreaterThan(0);
    const [anchor] = await readAnchors(place.store);
    const text = readFileSync(join(log.path, '000001.jsonl'));
    const last = JSON.parse(lines(join(log.path, '000001.jsonl')).at(-1) ?? '') as { chain: string };
    expect(anchor).toMatchObject({ seq: 2, head: last.chain, segment: 1, bytes: text.length });
    await log.close();
    expect((await readAnchors(place.store))[0]).toMatchObject({ seq: 3, closed: true });
  });

  it('does not anchor what could not be brought to disk', async () => {
    const { disk, watched } = watchedDisk();
    const log = await place.open({ disk });
    await log.append(request(1), 'kernel');
    watched.syncFailure = errno('EIO');
    place.clock.advance(1000);
    await settled(() => place.failures.length > 0);
    await expect(log.close()).rejects.toMatchObject({ code: 'unavailable' });
    const [anchor] = await readAnchors(place.store);
    expect(anchor?.seq).toBeLessThan(2);
    expect(anchor?.closed).toBe(false);
  });

  it('tells once that a checkpoint failed, and tries again', async () => {
    const log = await place.open();
    place.store.failure = new CofferError('sealed', 'sealed');
    await log.append(request(1), 'disk');
    place.clock.advance(1000);
    await settled(() => place.failures.length === 1);
    await settled(() => place.clock.pending > 0);
    place.clock.advance(1000);
    await settled(() => place.clock.pending > 0);
    expect(place.failures.map(({ code }) => code)).toEqual(['sealed']);
    place.store.failure = undefined;
    const before = place.store.commits;
    place.clock.advance(1000);
    await settled(() => place.store.commits > before);
    expect((await readAnchors(place.store))[0]).toMatchObject({ seq: 2 });
    await log.close();
  });

  it('closes its files although the store is sealed; the next start closes the chain', async () => {
    const log = await place.open({ process: deadProcess() });
    await log.append(request(1), 'disk');
    place.store.failure = new CofferError('sealed', 'sealed');
    await expect(log.close()).rejects.toMatchObject({ code: 'sealed' });
    place.store.failure = undefined;
    const next = await place.open({ nodeName: 'here' });
    expect(next.findings).toMatchObject([{ kind: 'closed', chainId: log.chainId, seq: 3 }]);
    await next.close();
    expect(await report()).toMatchObject({
      intact: true,
      chains: [{ state: 'closed' }, { state: 'closed' }],
    });
  });
});

describe('a disk that fails', () => {
  it('refuses what could not be written, then goes on in a new segment that says so', async () => {
    const { disk, watched } = watchedDisk();
    const log = await place.open({ disk });
    await log.append(request(1), 'disk');
    watched.failure = errno('EIO');
    watched.bytesLeft = 300;
    const lost = [2, 3, 4].map((id) => log.append(request(id), id === 3 ? 'disk' : 'kernel'));
    for (const outcome of await Promise.allSettled(lost)) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'unavailable' } });
    }
    await expect(log.append(request(5), 'kernel')).rejects.toMatchObject({ code: 'unavailable' });
    expect(place.failures.map(({ code }) => code)).toEqual(['unavailable']);
    expect(files(log.path)).toEqual(['000001.jsonl']);
    watched.bytesLeft = Number.POSITIVE_INFINITY;
    await expect(log.append(request(6), 'kernel')).rejects.toMatchObject({ code: 'unavailable' });
    place.clock.advance(1000);
    await expect(log.append(request(7), 'kernel')).rejects.toMatchObject({ code: 'unavailable' });
    await settled(() => files(log.path).length === 2);
    await until(() => log.append(request(8), 'disk'));
    await log.close();
    const second = lines(join(log.path, '000002.jsonl')).map((line) => JSON.parse(line));
    expect(second[0]).toMatchObject({ type: 'header', segment: 2, seq: 3, abandoned: { bytes: 300 } });
    expect(second[1]).toMatchObject({ request_id: 'r-8', seq: 4 });
    expect(await report()).toMatchObject({ intact: true, chains: [{ lines: 5 }] });
    expect(place.failures).toHaveLength(1);
  });

  it('trusts no flush after one that failed', async () => {
    const { disk, watched } = watchedDisk();
    const log = await place.open({ disk });
    watched.syncFailure = errno('EIO');
    await expect(log.append(request(1), 'disk')).rejects.toMatchObject({ code: 'unavailable' });
    await expect(log.append(request(2), 'kernel')).rejects.toMatchObject({ code: 'unavailable' });
    watched.syncFailure = undefined;
    place.clock.advance(1000);
    await until(() => log.append(request(3), 'disk'));
    await log.close();
    expect(await report()).toMatchObject({ intact: true });
    expect(place.failures).toHaveLength(1);
  });

  it('refuses rather than gather without end', async () => {
    const log = await place.open();
    const text = 'x'.repeat(300_000);
    const outcomes = await Promise.allSettled(
      Array.from({ length: 100 }, (_, id) => log.append(request(id, { text }), 'kernel')),
    );
    const refused = outcomes.filter(({ status }) => status === 'rejected');
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.length).toBeLessThan(60);
    await log.append(request(101), 'kernel');
    await log.close();
    expect((await report()).intact).toBe(true);
  });
});

/** Appends until it is taken; a refusal lets pending file operations run. */
async function until(append: () => Promise<void>): Promise<void> {
  for (let attempt = 0; attempt < 10_000; attempt++) {
    const outcome = await append().then(
      () => 'taken',
      () => 'refused',
    );
    if (outcome === 'taken') return;
    await new Promise(setImmediate);
  }
  throw new Error('the log took nothing any more');
}

describe('finding a request', () => {
  it('gives the lines of one request from all chains, and of no other', async () => {
    const rule = { pattern: 'secret/data/*', policies: ['app'] };
    const log = await place.open({ segmentBytes: 600 });
    await log.append({ type: 'request', request_id: 'abc-1', path: 'secret/data/x' }, 'kernel');
    await log.append(request(2, { data: { note: 'abc-1' } }), 'kernel');
    await log.append({ type: 'response', request_id: 'abc-1', decision: 'deny', rule }, 'kernel');
    await log.close();
    const next = await place.open();
    await next.append({ type: 'event', request: { id: 'abc-1' } }, 'kernel');
    await next.close();
    const found = [];
    for await (const line of findRequest({ directory: place.directory, requestId: 'abc-1' }))
      found.push(line);
    expect(found.map(({ content }) => content['type']).sort()).toEqual(['event', 'request', 'response']);
    expect(found.find(({ content }) => content['type'] === 'response')?.content).toMatchObject({ rule });
  });

  it('refuses what cannot be an id', async () => {
    for (const requestId of ['', '../x', 'a"b', 'x'.repeat(65)]) {
      const search = findRequest({ directory: place.directory, requestId }).next();
      await expect(search).rejects.toMatchObject({ code: 'invalid_request' });
    }
  });
});
