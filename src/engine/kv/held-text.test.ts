/** A small current value lies in its pointer too, so that a read needs one record: what that may not change. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ask, finishDuties, finishJobs, makePlace, type Place } from '../../../test/fakes/client.ts';
import type { JsonObject } from '../../json.ts';
import type { CofferNode } from '../../main/node.ts';
import { decodeSecret, heldText, holdsText } from './pointer.ts';

let place: Place;
let node: CofferNode;

beforeEach(async () => {
  place = await makePlace();
  node = await place.node();
});
afterEach(() => place.remove());

const write = (path: string, data: JsonObject) => ask(node, 'update', `secret/data/${path}`, { data });
const read = async (path: string, version = 0) =>
  (await ask(node, 'read', `secret/data/${path}`, { version })).data['data'];

function viewOf(mount: string) {
  const { core } = node.state;
  const uuid = core?.mounts.table.at(mount)?.entry.uuid;
  if (core === undefined || uuid === undefined) throw new Error(`${mount} is not there`);
  return core.view(uuid);
}

async function pointer(path: string, mount = 'secret/'): Promise<Buffer> {
  const record = await viewOf(mount).read(`meta/${path}`);
  if (record === undefined) throw new Error(`${path} is not there`);
  return record.open();
}

async function held(path: string, mount?: string): Promise<unknown> {
  const bytes = await pointer(path, mount);
  return holdsText(bytes) ? JSON.parse(heldText(bytes)) : undefined;
}

/** The plaintext of every record of the mount, one after the other. */
async function plaintext(): Promise<string> {
  const all = await viewOf('secret/').range('', { limit: 1_000 });
  return all.items.map((item) => item.open().toString('latin1')).join('\n');
}

it('is the current version’s, and only that one’s', async () => {
  await write('a', { n: 'first' });
  expect(await held('a')).toEqual({ n: 'first' });
  await write('a', { n: 'second' });
  expect(await held('a')).toEqual({ n: 'second' });
  // From the pointer, from the version's own record, and again with what is known of both.
  for (const version of [0, 2, 1, 0, 1, 2]) {
    expect(await read('a', version)).toEqual({ n: version === 1 ? 'first' : 'second' });
  }
  expect((await pointer('a')).toString('latin1')).not.toContain('first');
});

it('is not there for long values, and a short one after a long one is', async () => {
  const long = { v: 'x'.repeat(1_100) };
  const longest = { v: 'x'.repeat(1_024 - '{"v":""}'.length) };
  await write('a', long);
  expect(await held('a')).toBeUndefined();
  expect(await read('a')).toEqual(long);
  await write('a', longest);
  expect(await held('a')).toEqual(longest);
  expect(await read('a')).toEqual(longest);
  await write('a', long);
  expect(await held('a')).toBeUndefined();
  for (const version of [0, 1, 2, 3])
    expect(await read('a', version)).toEqual(version === 2 ? longest : long);
});

it('goes with the version that is deleted or destroyed, and is not kept by what is cached', async () => {
  await write('a', { n: 'gone-for-good' });
  await read('a');
  await ask(node, 'delete', 'secret/data/a');
  expect((await pointer('a')).toString('latin1')).not.toContain('gone-for-good');
  expect((await ask(node, 'read', 'secret/data/a')).status).toBe(404);
  await ask(node, 'update', 'secret/undelete/a', { versions: [1] });
  expect(await read('a')).toEqual({ n: 'gone-for-good' });
  await ask(node, 'update', 'secret/destroy/a', { versions: [1] });
  expect(await plaintext()).not.toContain('gone-for-good');

  await write('a', { n: 'next' });
  const bytes = await pointer('a');
  const rows = decodeSecret(bytes).versions.bytes;
  expect(rows.buffer === bytes.buffer && rows.byteOffset < bytes.byteOffset + bytes.length).toBe(false);
});

it('is given up when something else of the secret changes, and the value is read all the same', async () => {
  await write('a', { n: 1 });
  await write('a', { n: 2 });
  await ask(node, 'update', 'secret/metadata/a', { custom_metadata: { owner: 'me' } });
  expect(await held('a')).toBeUndefined();
  for (const version of [0, 1, 2, 0]) expect(await read('a', version)).toEqual({ n: version === 1 ? 1 : 2 });
  await ask(node, 'update', 'secret/destroy/a', { versions: [1] });
  expect(await read('a')).toEqual({ n: 2 });
  await write('a', { n: 3 });
  expect(await held('a')).toEqual({ n: 3 });
});

it('goes along with a secret that is moved or copied', async () => {
  await write('a', { n: 1 });
  await ask(node, 'update', 'sys/secrets/move', { from: 'secret/a', to: 'secret/b' });
  await finishJobs(node);
  expect(await held('b')).toEqual({ n: 1 });
  await ask(node, 'update', 'sys/secrets/copy', { from: 'secret/b', to: 'secret/c' });
  await finishJobs(node);
  expect(await held('c')).toEqual({ n: 1 });
  expect(await read('c')).toEqual({ n: 1 });
});

it('comes with the upgrade from version 1', async () => {
  await ask(node, 'update', 'sys/mounts/old', { type: 'kv', options: { version: '1' } });
  await ask(node, 'update', 'old/a', { n: 1 });
  await ask(node, 'update', 'sys/mounts/old/tune', { options: { version: '2' } });
  await finishDuties(node, place.clock);
  expect(await held('a', 'old/')).toEqual({ n: 1 });
});

it('is what every node reads, whatever it knew of the secret before', async () => {
  const other = await place.node();
  const both = async () => {
    const answers = await Promise.all(
      [node, other].map(async (each) => (await ask(each, 'read', 'secret/data/a')).data['data']),
    );
    return answers;
  };
  await write('a', { n: 1 });
  for (let turn = 0; turn < 3; turn++) expect(await both()).toEqual([{ n: 1 }, { n: 1 }]);
  await write('a', { n: 2 });
  expect(await both()).toEqual([{ n: 2 }, { n: 2 }]);
  await ask(node, 'update', 'secret/metadata/a', { max_versions: 7 });
  expect(await both()).toEqual([{ n: 2 }, { n: 2 }]);
  await write('a', { v: 'x'.repeat(2_000) });
  expect(await both()).toEqual([{ v: 'x'.repeat(2_000) }, { v: 'x'.repeat(2_000) }]);
});
