import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readAnchors } from './anchor.ts';
import { deadProcess, livingProcess, makePlace, type Place, settled } from './audit.fixture.ts';
import type { OpenAuditLog } from './log.ts';
import { pruneAudit } from './prune.ts';
import { verifyAudit } from './verify.ts';

let place: Place;
beforeEach(() => {
  place = makePlace();
});
afterEach(() => place.remove());

const hour = 3_600_000;
const prune = (olderThan: number) =>
  pruneAudit({ directory: place.directory, store: place.store, olderThan });
const verified = async () =>
  verifyAudit({ directory: place.directory, anchors: await readAnchors(place.store) });

/** Appends through three segments, an hour each, and anchors. */
async function fill(log: OpenAuditLog): Promise<void> {
  for (let id = 0; id < 30; id++) {
    await log.append({ type: 'request', request_id: `r-${id}` }, 'kernel');
    if (id % 10 === 9) {
      const before = place.store.commits;
      place.clock.advance(hour);
      await settled(() => place.store.commits > before);
    }
  }
}

it('removes old segments of a chain that is being written, which goes on', async () => {
  const log = await place.open({ segmentBytes: 1500 });
  await fill(log);
  const all = readdirSync(log.path).sort();
  expect(all.length).toBeGreaterThan(3);
  expect(await prune(place.clock.now() - 10 * hour)).toEqual([]);
  const removed = await prune(place.clock.now() - hour - 1);
  expect(removed.length).toBeGreaterThan(0);
  expect(readdirSync(log.path).sort()).toEqual(all.slice(removed.length));
  expect(await verified()).toMatchObject({ intact: true });
  await log.append({ type: 'event' }, 'disk');
  const before = place.store.commits;
  place.clock.advance(hour);
  await settled(() => place.store.commits > before);
  await log.close();
  expect(place.failures).toEqual([]);
  const report = await verified();
  expect(report.intact).toBe(true);
  expect(report.chains[0]?.vouches).toMatch(/lines 1 to \d+ having been removed by rule/);
  expect((await readAnchors(place.store))[0]?.pruned?.segment).toBe(removed.length);
});

it('never removes the segment that is written, however old', async () => {
  const log = await place.open();
  await fill(log);
  expect(await prune(place.clock.now() + 100 * hour)).toEqual([]);
  await log.close();
});

it('removes a whole chain that ended, and its anchor', async () => {
  const log = await place.open({ segmentBytes: 1500 });
  await fill(log);
  await log.close();
  expect(await prune(place.clock.now() + 1)).toHaveLength(1);
  expect(readdirSync(place.directory)).toEqual([]);
  expect(await readAnchors(place.store)).toEqual([]);
});

it('goes on where a crash left it', async () => {
  const log = await place.open({ segmentBytes: 1500 });
  await fill(log);
  await log.close();
  const [anchor] = await readAnchors(place.store);
  if (!anchor) throw new Error('no anchor');
  const { segment, seq, head } = anchor;
  const key = `core/audit/chain/${anchor.chainId}` as never;
  const marked = { ...anchor, pruned: { segment, seq, head } };
  await place.store.commit([{ key, value: Buffer.from(JSON.stringify(marked)) }]);
  expect(await verified()).toMatchObject({ intact: true });
  rmSync(log.path, { recursive: true });
  expect(await verified()).toMatchObject({ intact: true, chains: [] });
  expect(await prune(0)).toHaveLength(1);
  expect(await readAnchors(place.store)).toEqual([]);
});

it('keeps a damaged chain as evidence', async () => {
  const log = await place.open({ segmentBytes: 1500, process: deadProcess() });
  await fill(log);
  rmSync(join(log.path, '000001.jsonl'));
  const last = readdirSync(log.path).sort().at(-1) ?? '';
  rmSync(join(log.path, last));
  const next = await place.open({ process: livingProcess() });
  expect(next.findings).toMatchObject([{ kind: 'damaged' }]);
  expect(await prune(place.clock.now() + hour)).toEqual([]);
  expect((await verified()).intact).toBe(false);
  await next.close();
});
