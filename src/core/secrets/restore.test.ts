import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  ask,
  finishDuties,
  finishJobs,
  keysOf,
  makePlace,
  makeToken,
  type Place,
  writePolicy,
} from '../../../test/fakes/client.ts';
import type { JsonObject } from '../../json.ts';
import type { CofferNode } from '../../main/node.ts';
import { get, job, names, put, secrets, whole } from './secrets.fixture.ts';

let place: Place;
let node: CofferNode;
beforeEach(async () => {
  place = await makePlace();
  node = await place.node();
});
afterEach(() => place.remove());

/** The time now, as people write it; afterwards it is later. */
function mark(): string {
  const at = new Date(place.clock.now()).toISOString();
  place.clock.jump(60);
  return at;
}

async function done(data: JsonObject): Promise<JsonObject> {
  await finishJobs(node);
  return (await job(node, data['job_id']))['result'] as JsonObject;
}

describe('restoring', () => {
  it('makes the value of then a new version, and keeps what came since', async () => {
    await put(node, 'secret/a', { n: 1 });
    await put(node, 'secret/a', { n: 2 });
    const at = mark();
    await put(node, 'secret/a', { n: 3 });
    const { status, data } = await secrets(node, 'restore', { path: 'secret/a', at });
    expect({ status, data }).toMatchObject({ status: 200, data: { restored: 1 } });
    expect(await whole(node, 'secret/a')).toMatchObject({
      current_version: 4,
      values: { 1: { n: 1 }, 2: { n: 2 }, 3: { n: 3 }, 4: { n: 2 } },
    });
    // Once more changes nothing that matters: the value is that of then again.
    await secrets(node, 'restore', { path: 'secret/a', at });
    expect(await get(node, 'secret/a')).toEqual({ n: 2 });
  });

  it('takes seconds since 1970 and times with a zone', async () => {
    await put(node, 'secret/a', { n: 1 });
    const seconds = place.clock.now() / 1_000;
    place.clock.jump(10);
    await put(node, 'secret/a', { n: 2 });
    const zoned = `${new Date((seconds + 7_200) * 1_000).toISOString().slice(0, 19)}+02:00`;
    for (const at of [seconds, String(seconds), zoned]) {
      await put(node, 'secret/a', { n: 2 });
      expect((await secrets(node, 'restore', { path: 'secret/a', at })).status).toBe(200);
      expect(await get(node, 'secret/a')).toEqual({ n: 1 });
    }
  });

  it.each([
    '',
    'yesterday',
    '2026-02-30T00:00:00Z',
    '2026-11-22',
    '2026-11-22T00:00:00',
    '9999999999',
    '-1',
    '1e3',
    '2026-13-01T00:00:00Z',
  ])('refuses the time %j', async (at) => {
    await put(node, 'secret/a', { n: 1 });
    expect((await secrets(node, 'restore', { path: 'secret/a', at })).status).toBe(400);
  });

  it('says why there is nothing to restore', async () => {
    const before = mark();
    await put(node, 'secret/a', { n: 1 });
    const first = mark();
    expect((await secrets(node, 'restore', { path: 'secret/a', at: first })).data).toMatchObject({
      restored: 0,
      unchanged: 1,
    });
    expect((await secrets(node, 'restore', { path: 'secret/a', at: before })).errors[0]).toContain(
      'made later',
    );
    await ask(node, 'delete', 'secret/data/a');
    const deleted = mark();
    await put(node, 'secret/a', { n: 2 });
    expect((await secrets(node, 'restore', { path: 'secret/a', at: deleted })).errors[0]).toContain(
      'deleted at that time',
    );
    await ask(node, 'update', 'secret/destroy/a', { versions: [1] });
    expect((await secrets(node, 'restore', { path: 'secret/a', at: first })).errors[0]).toContain('gone');
    expect((await secrets(node, 'restore', { path: 'secret/none', at: first })).status).toBe(404);
  });

  it('does not find a value that newer versions pushed out', async () => {
    await put(node, 'secret/a', { n: 0 });
    const at = mark();
    for (let n = 1; n <= 10; n++) await put(node, 'secret/a', { n });
    expect((await secrets(node, 'restore', { path: 'secret/a', at })).errors[0]).toContain('gone');
  });

  it('brings large values back, also where the new version pushes out the old one', async () => {
    const large = { text: 'y'.repeat(800_000) };
    await ask(node, 'update', 'secret/metadata/a', { max_versions: 2 });
    await put(node, 'secret/a', large);
    const at = mark();
    await put(node, 'secret/a', { n: 2 });
    await secrets(node, 'restore', { path: 'secret/a', at });
    await finishDuties(node, place.clock);
    expect(await get(node, 'secret/a')).toEqual(large);
    expect((await keysOf(place.storage, 'mount/')).filter((key) => key.includes('/part/'))).toHaveLength(4);
  });

  it('of what was deleted since needs the right to undelete', async () => {
    await put(node, 'secret/a', { n: 1 });
    const at = mark();
    await ask(node, 'delete', 'secret/data/a');
    await writePolicy(node, 'writer', 'path "secret/data/*" { capabilities = ["read", "update"] }');
    const writer = await makeToken(node, { policies: ['writer'] });
    expect((await secrets(node, 'restore', { path: 'secret/a', at }, writer)).status).toBe(403);
    expect(await get(node, 'secret/a')).toBeUndefined();
    await writePolicy(
      node,
      'writer',
      'path "secret/data/*" { capabilities = ["read", "update"] } path "secret/undelete/*" { capabilities = ["update"] }',
    );
    expect((await secrets(node, 'restore', { path: 'secret/a', at }, writer)).status).toBe(200);
    expect(await get(node, 'secret/a')).toEqual({ n: 1 });
  });

  it('does a subtree, deleted ones too, and leaves alone what came later', async () => {
    for (const name of ['a', 'b/c', 'd', 'same']) await put(node, `secret/x/${name}`, { name, n: 1 });
    const at = mark();
    await put(node, 'secret/x/a', { n: 2 });
    await put(node, 'secret/x/late', { n: 1 });
    const { data } = await secrets(node, 'delete', { path: 'secret/x/b', recursive: true });
    expect(await done(data)).toMatchObject({ deleted: 1 });
    const dry = await secrets(node, 'restore', { path: 'secret/x', at, recursive: true, dry_run: true });
    expect(await done(dry.data)).toMatchObject({ restored: 2, dry_run: true });
    expect(await get(node, 'secret/x/a')).toEqual({ n: 2 });
    const real = await secrets(node, 'restore', { path: 'secret/x', at, recursive: true });
    expect(await done(real.data)).toEqual({
      restored: 2,
      unchanged: 2,
      skipped: 1,
      skipped_paths: [{ path: 'secret/x/late', reason: 'it was made later than that time' }],
      dry_run: false,
    });
    for (const name of ['a', 'b/c', 'd', 'same'])
      expect(await get(node, `secret/x/${name}`)).toEqual({ name, n: 1 });
    expect(await get(node, 'secret/x/late')).toEqual({ n: 1 });
  });
});

describe('deleting', () => {
  it('deletes the current version, and that can be undone', async () => {
    await put(node, 'secret/a', { n: 1 });
    await put(node, 'secret/a', { n: 2 });
    expect((await secrets(node, 'delete', { path: 'secret/a' })).data).toMatchObject({ deleted: 1 });
    expect((await secrets(node, 'delete', { path: 'secret/a' })).data).toMatchObject({
      deleted: 0,
      unchanged: 1,
    });
    expect(await get(node, 'secret/a')).toBeUndefined();
    await ask(node, 'update', 'secret/undelete/a', { versions: [2] });
    expect(await get(node, 'secret/a')).toEqual({ n: 2 });
    expect((await secrets(node, 'delete', { path: 'secret/none' })).status).toBe(404);
    expect((await secrets(node, 'delete', { path: 'secret/' })).status).toBe(400);
  });

  it('removes a subtree for good when told to', async () => {
    for (let n = 0; n < 40; n++) for (let v = 0; v < 3; v++) await put(node, `secret/x/${n}`, { n, v });
    await put(node, 'secret/x', { kept: true });
    const { data } = await secrets(node, 'delete', { path: 'secret/x/', all: true, recursive: true });
    expect(await done(data)).toMatchObject({ deleted: 40 });
    expect(await names(node)).toEqual(['secret/x']);
    await finishDuties(node, place.clock);
    expect(await keysOf(place.storage, 'mount/')).toHaveLength(2);
  });

  it('a whole mount is done by its path', async () => {
    await put(node, 'secret/a', { n: 1 });
    await put(node, 'secret/b/c', { n: 1 });
    const { data } = await secrets(node, 'delete', { path: 'secret', all: true, recursive: true });
    expect(await done(data)).toMatchObject({ deleted: 2 });
  });
});
