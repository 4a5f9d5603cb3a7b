import { beforeEach, expect, it } from 'vitest';
import { makeTablePlace, type TablePlace } from '../../test/fakes/credstash-place.ts';
import { AwsError } from '../aws/aws-error.ts';
import type { JsonObject } from '../json.ts';
import { TableSafe } from './table-safe.ts';

let place: TablePlace;
let safe: TableSafe;
let start: number;
beforeEach(async () => {
  place = makeTablePlace();
  safe = new TableSafe(place.open(), []);
  start = place.now;
});

const hour = 3_600_000;

async function put(name: string, value: string): Promise<void> {
  await safe.write(name, { value });
}

async function restored(at: number, more: { dryRun?: boolean; from?: string } = {}): Promise<JsonObject> {
  const order = { from: 'shop', recursive: true, overwrite: false, forGood: false, dryRun: false, ...more };
  // Each command looks anew for the names that there are.
  const outcome = await new TableSafe(place.open(), []).mover.start({ ...order, verb: 'restore', at });
  if (outcome.kind !== 'done') throw new Error('a table has no jobs');
  return outcome.result;
}

const value = async (name: string) => (await safe.current(name)).data?.['value'];

/** At the start `kept` and `changed` and `gone`; an hour later all of them otherwise, and a new one. */
async function twoTimes(): Promise<void> {
  for (const name of ['kept', 'changed', 'gone', 'destroyed']) await put(`shop/${name}`, 'one');
  await put('other', 'one');
  place.now += hour;
  await put('shop/changed', 'two');
  await put('other', 'two');
  await put('shop/new', 'two');
  await safe.delete('shop/gone');
  await put('shop/destroyed', 'two');
  await safe.destroy('shop/destroyed', [1]);
  place.now += hour;
}

it('gives all below a folder the values of that time, and names what it cannot', async () => {
  await twoTimes();
  const before = await safe.history('shop/kept');
  expect(await restored(start + 1, { dryRun: true })).toMatchObject({ restored: 2, dry_run: true });
  expect(await value('shop/changed')).toBe('two');
  expect(await restored(start + 1)).toEqual({
    restored: 2,
    unchanged: 1,
    skipped: 2,
    skipped_paths: [
      { path: 'shop/destroyed', reason: expect.stringMatching(/gone|later/) },
      { path: 'shop/new', reason: 'it was made later than that time' },
    ],
    dry_run: false,
  });
  for (const name of ['kept', 'changed', 'gone']) expect(await value(`shop/${name}`)).toBe('one');
  expect(await value('shop/new')).toBe('two');
  expect(await value('other')).toBe('two');
  expect(await safe.history('shop/kept')).toEqual(before);
});

it('does nothing the second time', async () => {
  await twoTimes();
  await restored(start + 1);
  const { items } = place.items;
  const after = [...items.keys()];
  expect(await restored(start + 1)).toMatchObject({ restored: 0, unchanged: 3, skipped: 2 });
  expect([...items.keys()]).toEqual(after);
});

it('leaves what was deleted at that time', async () => {
  await put('shop/a', 'one');
  await safe.delete('shop/a');
  place.now += hour;
  await safe.undelete('shop/a', [1]);
  await safe.delete('shop/a');
  place.now += hour;
  await put('shop/a', 'two');
  expect(await restored(place.now - 1)).toMatchObject({
    restored: 0,
    skipped_paths: [{ path: 'shop/a', reason: 'it was deleted at that time' }],
  });
  expect(await value('shop/a')).toBe('two');
});

it('says of the old formats that they keep no times', async () => {
  const old = new TableSafe(place.open({ format: 'credstash' }), []);
  await old.write('shop/a', { value: 'one' });
  const { skipped_paths: skipped } = await restored(start);
  expect(JSON.stringify(skipped)).toContain('keeps no times');
});

it('stops where the table cannot be asked, and goes on with the same command', async () => {
  await twoTimes();
  let writes = 0;
  place.items.before = (call) => {
    if (call === 'put' && writes++ === 1) throw new AwsError('throttled', 'slower');
  };
  await expect(restored(start + 1)).rejects.toMatchObject({ code: 'rate_limited' });
  place.items.before = () => {};
  expect(await restored(start + 1)).toMatchObject({ restored: 1, unchanged: 2 });
  expect([await value('shop/changed'), await value('shop/gone')]).toEqual(['one', 'one']);
});
