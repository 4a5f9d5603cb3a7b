import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  ask,
  finishDuties,
  finishJobs,
  keysOf,
  makePlace,
  makeToken,
  type Place,
  storedText,
  writePolicy,
} from '../../../test/fakes/client.ts';
import { CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import type { CofferNode } from '../../main/node.ts';
import { get, job, kvPath, names, put, secrets, whole } from './secrets.fixture.ts';

let place: Place;
let node: CofferNode;
beforeEach(async () => {
  place = await makePlace();
  node = await place.node();
  await ask(node, 'update', 'sys/mounts/team', { type: 'kv', options: { version: '2' } });
});
afterEach(() => place.remove());

const large = { text: 'x'.repeat(700_000) };

/** A secret with everything: versions of all kinds, settings, custom metadata. */
async function fill(path: string): Promise<void> {
  await ask(node, 'update', kvPath(path, 'metadata'), { max_versions: 30, custom_metadata: { owner: 'me' } });
  for (let n = 1; n <= 20; n++) await put(node, path, { n });
  await put(node, path, large);
  await put(node, path, { last: true });
  await ask(node, 'update', kvPath(path, 'destroy'), { versions: [3] });
  await ask(node, 'update', kvPath(path, 'delete'), { versions: [4] });
}

async function done(data: JsonObject): Promise<JsonObject> {
  await finishJobs(node);
  return job(node, data['job_id']);
}

describe('one secret', () => {
  it.each(['secret/b/c', 'team/b/c'])('moves to %s with all versions', async (to) => {
    await fill('secret/a');
    const before = await whole(node, 'secret/a');
    const { status, data } = await secrets(node, 'move', { from: 'secret/a', to });
    expect({ status, data }).toMatchObject({ status: 200, data: { moved: 1, skipped: 0, dry_run: false } });
    expect(await whole(node, to)).toEqual(before);
    expect(await whole(node, 'secret/a')).toBeUndefined();
    // An undeleted version has its value.
    await ask(node, 'update', kvPath(to, 'undelete'), { versions: [4] });
    expect(await get(node, to, 4)).toEqual({ n: 4 });
    expect(await get(node, to, 21)).toEqual(large);
  });

  it('moves inside its mount as a pointer: no value is written again', async () => {
    await fill('secret/a');
    const values = async () =>
      (await keysOf(place.storage, 'mount/')).filter((key) => !key.includes('/meta/'));
    const before = await values();
    await secrets(node, 'move', { from: 'secret/a', to: 'secret/z' });
    expect(await values()).toEqual(before);
  });

  it.each(['secret/b/c', 'team/b/c'])('is copied to %s, and both live on by themselves', async (to) => {
    await fill('secret/a');
    const before = await whole(node, 'secret/a');
    expect((await secrets(node, 'copy', { from: 'secret/a', to })).data['copied']).toBe(1);
    expect(await whole(node, to)).toEqual(before);
    await ask(node, 'delete', kvPath('secret/a', 'metadata'));
    await finishDuties(node, place.clock);
    expect(await get(node, to, 21)).toEqual(large);
    expect(await whole(node, to)).toEqual(before);
  });

  it('leaves nothing behind in the mount it left', async () => {
    await fill('secret/a');
    await secrets(node, 'move', { from: 'secret/a', to: 'team/a' });
    await finishDuties(node, place.clock);
    const team = await ask(node, 'read', 'sys/mounts');
    const uuid = ((team.data['team/'] ?? {}) as JsonObject)['uuid'];
    expect((await keysOf(place.storage, 'mount/')).filter((key) => !key.includes(String(uuid)))).toEqual([]);
  });

  it('is not put over another without being told so, and then replaces it', async () => {
    await put(node, 'secret/a', { from: 'a' });
    await put(node, 'secret/b', { from: 'b' });
    await put(node, 'secret/b', { from: 'b again' });
    for (const verb of ['move', 'copy']) {
      const refused = await secrets(node, verb, { from: 'secret/a', to: 'secret/b' });
      expect(refused.status).toBe(400);
      expect(refused.errors[0]).toContain('overwrite');
    }
    expect(await get(node, 'secret/b')).toEqual({ from: 'b again' });
    await secrets(node, 'copy', { from: 'secret/a', to: 'secret/b', overwrite: true });
    expect(await get(node, 'secret/b')).toEqual({ from: 'a' });
    expect(await get(node, 'secret/b', 2)).toBeUndefined();
    await put(node, 'team/t', { from: 't' });
    await secrets(node, 'move', { from: 'secret/b', to: 'team/t', overwrite: true });
    expect(await get(node, 'team/t')).toEqual({ from: 'a' });
    await finishDuties(node, place.clock);
    expect((await keysOf(place.storage, 'mount/')).filter((key) => key.includes('/version/'))).toHaveLength(
      2,
    );
  });

  it.each([
    [{ from: 'secret/a', to: 'secret/a' }, 400, 'both source and target'],
    [{ from: 'secret/a/', to: 'secret/b' }, 400, 'recursive'],
    [{ from: 'secret/a', to: 'secret/b/' }, 400, 'recursive'],
    [{ from: 'secret/', to: 'secret/b' }, 400, 'recursive'],
    [{ from: 'secret/none', to: 'secret/b' }, 404, 'no such secret'],
    [{ from: 'secret/a', to: 'nowhere/b' }, 404, 'no mount'],
    [{ from: 'secret/a', to: 'cubbyhole/b' }, 405, 'no mount whose secrets'],
    [{ from: 'sys/policies', to: 'secret/b' }, 405, 'no mount whose secrets'],
    [{ from: 'secret/a', to: `secret/${'x'.repeat(690)}` }, 400, 'longer than'],
    [{ from: 'secret/a', to: `secret/${'x'.repeat(690)}/../b` }, 400, ''],
    [{ from: 'secret/a', to: 'secret//b' }, 400, 'empty segment'],
    [{ from: 'secret/a' }, 400, 'missing field "to"'],
    [{ from: '', to: 'secret/b' }, 404, 'no mount'],
  ])('%j is refused with %i', async (data, status, text) => {
    await put(node, 'secret/a', { a: 1 });
    const answer = await secrets(node, 'move', data as unknown as JsonObject);
    expect(answer.status).toBe(status);
    expect(answer.errors.join()).toContain(text);
    expect(await names(node)).toEqual(['secret/a']);
  });

  it('is only talked about in a dry run', async () => {
    await put(node, 'secret/a', { a: 1 });
    const { data } = await secrets(node, 'move', { from: 'secret/a', to: 'team/b', dry_run: true });
    expect(data).toMatchObject({ moved: 1, dry_run: true });
    expect(await names(node)).toEqual(['secret/a']);
    expect((await secrets(node, 'move', { from: 'secret/x', to: 'team/b', dry_run: true })).status).toBe(404);
  });

  it('of which nobody finished the copy leaves nothing', async () => {
    await fill('secret/a');
    const before = await keysOf(place.storage, 'mount/');
    const { core } = node.state;
    const tree = core?.mounts.table.at('secret/')?.engine.secrets;
    const view = core?.view(core.mounts.table.at('secret/')?.entry.uuid ?? '');
    if (tree === undefined || view === undefined) throw new Error('no tree');
    const source = await tree.find(view, 'a');
    if (source === undefined) throw new Error('no source');
    const change = await tree.receive(view, 'b', source.content());
    expect((await keysOf(place.storage, 'mount/')).length).toBeGreaterThan(before.length);
    place.clock.jump(3_700);
    await finishDuties(node, place.clock);
    expect(await keysOf(place.storage, 'mount/')).toEqual(before);
    // What was cleared away cannot become a secret without values.
    await expect(view.commit(change.writes, change.expectations)).rejects.toMatchObject({ code: 'conflict' });
  });
});

describe('a subtree', () => {
  it.each(['secret/y/', 'team/'])('moves to %s as a job', async (to) => {
    for (const name of ['x/a', 'x/b/c', 'x/b/d', 'x/b/d/e', 'x-z', 'x', 'w'])
      await put(node, `secret/${name}`, { name });
    const { data } = await secrets(node, 'move', { from: 'secret/x', to, recursive: true });
    expect(await done(data)).toMatchObject({
      status: 'done',
      done: 4,
      total: 4,
      subject: `secret/x/ to ${to}`,
      result: { moved: 4, skipped: 0 },
    });
    expect(await names(node, to)).toEqual(['a', 'b/c', 'b/d', 'b/d/e'].map((name) => to + name));
    for (const name of ['a', 'b/c', 'b/d', 'b/d/e']) {
      expect(await get(node, to + name)).toEqual({ name: `x/${name}` });
    }
    for (const name of ['x-z', 'x', 'w']) expect(await get(node, `secret/${name}`)).toEqual({ name });
  });

  it.each([
    ['secret/x', 'secret/x'],
    ['secret/x', 'secret/x/y'],
    ['secret/x/y', 'secret/x'],
    ['secret', 'secret/x'],
    ['secret/x', 'secret/'],
  ])('%s does not go to %s', async (from, to) => {
    for (const verb of ['move', 'copy']) {
      expect((await secrets(node, verb, { from, to, recursive: true })).status).toBe(400);
    }
  });

  it('says what it left, and why', async () => {
    for (const name of ['a', 'b', 'c']) await put(node, `secret/x/${name}`, { name });
    await put(node, 'team/b', { name: 'other' });
    const { data } = await secrets(node, 'copy', { from: 'secret/x', to: 'team', recursive: true });
    expect((await done(data))['result']).toEqual({
      copied: 2,
      unchanged: 0,
      skipped: 1,
      skipped_paths: [{ path: 'secret/x/b', reason: 'the target exists' }],
      dry_run: false,
    });
    expect(await get(node, 'team/b')).toEqual({ name: 'other' });
  });

  it('names the first of very many that it left', async () => {
    for (let n = 0; n < 80; n++) {
      await put(node, `secret/x/${n}`, { n });
      await put(node, `team/${n}`, { n });
    }
    const { data } = await secrets(node, 'move', { from: 'secret/x', to: 'team', recursive: true });
    const { result } = (await done(data)) as { result: JsonObject };
    expect(result['skipped']).toBe(80);
    expect(result['skipped_paths']).toHaveLength(50);
  });

  it('whose names get too long leaves those', async () => {
    const long = 'n'.repeat(400);
    await put(node, `secret/x/${long}`, { a: 1 });
    await put(node, 'secret/x/z', { a: 1 });
    const to = `secret/${'t'.repeat(400)}`;
    const { data } = await secrets(node, 'move', { from: 'secret/x', to, recursive: true });
    expect((await done(data))['result']).toMatchObject({ moved: 1, skipped: 1 });
    expect(await get(node, `secret/x/${long}`)).toEqual({ a: 1 });
  });

  it('in a dry run tells and does nothing', async () => {
    for (const name of ['a', 'b']) await put(node, `secret/x/${name}`, { name });
    const { data } = await secrets(node, 'move', {
      from: 'secret/x',
      to: 'team',
      recursive: true,
      dry_run: true,
    });
    expect((await done(data))['result']).toMatchObject({ moved: 2, dry_run: true });
    expect(await names(node)).toEqual(['secret/x/a', 'secret/x/b']);
  });

  it('with a name as long as a request may have it is found and moved', async () => {
    const long = `x/${'n'.repeat(700 - 'secret/data/x/'.length)}`;
    await put(node, `secret/${long}`, { a: 1 });
    await put(node, 'secret/x/b', { a: 1 });
    expect(await names(node)).toEqual(['secret/x/b', `secret/${long}`]);
    const { data } = await secrets(node, 'move', { from: 'secret/x', to: 'secret/y', recursive: true });
    expect((await done(data))['result']).toMatchObject({ moved: 2, skipped: 0 });
    const longer = await secrets(node, 'move', { from: 'secret/y', to: 'secret/yy', recursive: true });
    expect((await done(longer.data))['result']).toMatchObject({ moved: 1, skipped: 1 });
  });

  it('without anything below ends at once', async () => {
    await put(node, 'secret/x', { a: 1 });
    const { data } = await secrets(node, 'move', { from: 'secret/x', to: 'team', recursive: true });
    expect(await done(data)).toMatchObject({ status: 'done', total: 0, result: { moved: 0 } });
  });

  it('of large secrets comes over whole', async () => {
    for (let n = 0; n < 5; n++) await fill(`secret/x/${n}`);
    const before = await whole(node, 'secret/x/3');
    const { data } = await secrets(node, 'move', { from: 'secret/x', to: 'team', recursive: true });
    expect(await done(data)).toMatchObject({ status: 'done', result: { moved: 5 } });
    for (let n = 0; n < 5; n++)
      expect(await whole(node, `team/${n}`)).toMatchObject({
        ...before,
        created_time: expect.any(String),
        updated_time: expect.any(String),
      });
    await finishDuties(node, place.clock);
    place.clock.jump(3_700);
    await finishDuties(node, place.clock);
    expect(
      (await keysOf(place.storage, 'mount/')).filter((key) => /\/(copy|trash|upload)\//.test(key)),
    ).toEqual([]);
    expect(await get(node, 'team/4', 21)).toEqual(large);
  });

  it('whose mount is disabled meanwhile fails and keeps what is left', async () => {
    await put(node, 'secret/x/a', { a: 1 });
    const { core } = node.state;
    core?.jobDuty.stop();
    const { data } = await secrets(node, 'move', { from: 'secret/x', to: 'team', recursive: true });
    await ask(node, 'delete', 'sys/mounts/team');
    node = await place.node();
    expect(await done(data)).toMatchObject({ status: 'failed', done: 0 });
    expect(await get(node, 'secret/x/a')).toEqual({ a: 1 });
  });
});

describe('writers at the same time', () => {
  it('lose nothing to a move: every write is found at the old or the new place', async () => {
    for (const to of ['secret/b', 'team/b']) {
      await put(node, 'secret/a', { n: 0 });
      await ask(node, 'update', 'secret/metadata/a', { max_versions: 100 });
      const writers = Array.from({ length: 30 }, (_, n) => put(node, 'secret/a', { n: n + 1 }));
      const [move] = await Promise.all([secrets(node, 'move', { from: 'secret/a', to }), ...writers]);
      expect(move?.status).toBe(200);
      const found = new Set<unknown>();
      for (const path of ['secret/a', to]) {
        const { values = {} } = ((await whole(node, path)) ?? {}) as { values?: Record<string, JsonObject> };
        for (const value of Object.values(values)) found.add(value['n']);
      }
      expect(found.size).toBe(31);
      for (const path of ['secret/a', to]) await ask(node, 'delete', kvPath(path, 'metadata'));
    }
  });

  it('lose nothing to the move of a subtree, with two nodes at work on it', async () => {
    const other = await place.node();
    const count = 60;
    const writes = Array.from({ length: count }, (_, n) => `secret/x/${String(n).padStart(2, '0')}`);
    for (const path of writes) await put(node, path, { n: 0 });
    const begun = await secrets(node, 'move', { from: 'secret/x', to: 'team', recursive: true });
    const writing = Promise.all(writes.map((path, n) => put(n % 2 === 0 ? node : other, path, { n: 1 })));
    await Promise.all([finishJobs(node), finishJobs(other), writing]);
    place.clock.jump(60);
    await finishJobs(other);
    expect(await job(other, begun.data['job_id'])).toMatchObject({
      status: 'done',
      result: { moved: count },
    });
    for (const path of writes) {
      const found = [await whole(node, path), await whole(node, path.replace('secret/x', 'team'))];
      const values = found.flatMap((one) =>
        Object.values((one?.['values'] ?? {}) as Record<string, JsonObject>),
      );
      expect({ path, values: values.map((value) => value['n']).toSorted() }).toEqual({
        path,
        values: [0, 1],
      });
    }
  });

  it('of two moves of one secret have one winner', async () => {
    await put(node, 'secret/a', { a: 1 });
    const answers = await Promise.all(
      ['secret/b', 'team/c', 'secret/d'].map((to) => secrets(node, 'move', { from: 'secret/a', to })),
    );
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 404, 404]);
    expect([...(await names(node)), ...(await names(node, 'team/'))]).toHaveLength(1);
  });
});

it('what cannot be audited does not happen', async () => {
  for (const name of ['a', 'b']) await put(node, `secret/x/${name}`, { name });
  const { core } = node.state;
  if (core === undefined) throw new Error('sealed');
  const append = core.audit.append.bind(core.audit);
  let broken = true;
  core.audit.append = async (entry, durability) => {
    if (broken && entry['event'] === 'secret') throw new CofferError('unavailable', 'the log is full');
    return append(entry, durability);
  };
  expect((await secrets(node, 'move', { from: 'secret/x/a', to: 'team/a' })).status).toBe(503);
  const { data } = await secrets(node, 'move', { from: 'secret/x', to: 'team', recursive: true });
  expect(await done(data)).toMatchObject({ status: 'running', done: 0, failures: 1 });
  expect(await names(node)).toEqual(['secret/x/a', 'secret/x/b']);
  broken = false;
  place.clock.jump(60);
  expect(await done(data)).toMatchObject({ status: 'done', result: { moved: 2 } });
});

it('ten thousand secrets move as one job, in steps that stay small', async () => {
  const many = await makePlace({ silent: true });
  try {
    node = await many.node();
    const paths = Array.from({ length: 10_100 }, (_, n) => `secret/x/${n % 7}/${n}`);
    for (let from = 0; from < paths.length; from += 100) {
      await Promise.all(paths.slice(from, from + 100).map((path) => put(node, path, { path })));
    }
    const { data } = await secrets(node, 'move', { from: 'secret/x', to: 'secret/y', recursive: true });
    expect(await done(data)).toMatchObject({
      status: 'done',
      done: 10_100,
      total: 10_100,
      result: { moved: 10_100 },
    });
    expect(await names(node, 'secret/x')).toEqual([]);
    expect((await names(node, 'secret/y')).toSorted()).toEqual(
      paths.map((path) => path.replace('/x/', '/y/')).toSorted(),
    );
    expect(await get(node, 'secret/y/3/3')).toEqual({ path: 'secret/x/3/3' });
  } finally {
    await many.remove();
  }
}, 120_000);

it('threat 16: neither the log nor the store nor a job tells what a moved secret holds', async () => {
  const canary = 'canary-8d1f';
  await put(node, 'secret/x/a', { canary });
  await put(node, 'secret/x/b', { canary });
  const { data } = await secrets(node, 'copy', { from: 'secret/x', to: 'team', recursive: true });
  const shown = JSON.stringify(await done(data));
  await secrets(node, 'move', { from: 'secret/x/a', to: 'team/c' });
  expect(await get(node, 'team/a')).toEqual({ canary });
  expect(JSON.stringify(place.auditLines()) + JSON.stringify(place.log) + shown).not.toContain(canary);
  expect(await storedText(place.storage)).not.toContain(canary);
});

it('every secret that is touched has its audit line, with who asked and what decided', async () => {
  await writePolicy(
    node,
    'mover',
    'path "secret/*" { capabilities = ["read", "list", "delete"] } path "team/*" { capabilities = ["create"] } path "secret/data/x/b" { capabilities = ["read"] }',
  );
  const token = await makeToken(node, { policies: ['mover'] });
  for (const name of ['a', 'b']) await put(node, `secret/x/${name}`, { name });
  const { data, requestId } = await secrets(
    node,
    'move',
    { from: 'secret/x', to: 'team', recursive: true },
    token,
  );
  await finishJobs(node);
  const lines = place.auditLines().filter((line) => line['event'] === 'secret');
  expect(lines).toMatchObject([
    {
      request_id: requestId,
      job_id: data['job_id'],
      operation: 'move',
      path: 'secret/x/a',
      to: 'team/a',
      outcome: 'allowed',
      decision: { kind: 'allow' },
      auth: { policies: ['default', 'mover'] },
    },
    {
      path: 'secret/x/b',
      outcome: 'denied',
      decision: { kind: 'deny', reason: 'capability', rule: { pattern: 'secret/data/x/b' } },
    },
  ]);
});

describe('a target that is being upgraded from version 1', () => {
  it('is waited for by a job, and told of to a request', async () => {
    await put(node, 'secret/x/a', { n: 1 });
    await ask(node, 'update', 'sys/mounts/fresh', { type: 'kv', options: { version: '2' } });
    const { core } = node.state;
    const fresh = core?.mounts.table.at('fresh/');
    if (core === undefined || fresh === undefined) throw new Error('a mount expected');
    const view = core.view(fresh.entry.uuid);
    const mark = (state: string) =>
      view.commit([{ path: 'upgrade', value: Buffer.from(JSON.stringify({ v: 1, state })) }]);
    await mark('running');
    expect((await secrets(node, 'move', { from: 'secret/x/a', to: 'fresh/a' })).status).toBe(503);
    const { data } = await secrets(node, 'move', { from: 'secret/x', to: 'fresh', recursive: true });
    await finishJobs(node);
    expect(await job(node, data['job_id'])).toMatchObject({ status: 'running', failures: 1 });
    await mark('done');
    place.clock.jump(60);
    await finishJobs(node);
    expect(await job(node, data['job_id'])).toMatchObject({
      status: 'done',
      result: { moved: 1, skipped: 0 },
    });
    expect(await get(node, 'fresh/a')).toEqual({ n: 1 });
  });
});

it.each(['team', 'secret'])('whose mount %s/ is disabled meanwhile moves nothing', async (mount) => {
  await put(node, 'secret/a', { a: 1 });
  const { core } = node.state;
  if (core === undefined) throw new Error('sealed');
  const commit = core.store.commit.bind(core.store);
  let raced = false;
  core.store.commit = async (writes, expectations) => {
    if (!raced && writes.some(({ key }) => key.includes('/meta/'))) {
      raced = true;
      await ask(node, 'delete', `sys/mounts/${mount}`);
    }
    return commit(writes, expectations);
  };
  expect((await secrets(node, 'move', { from: 'secret/a', to: 'team/a' })).status).toBe(404);
  expect(raced).toBe(true);
  await finishDuties(node, place.clock);
  expect((await keysOf(place.storage, 'mount/')).filter((key) => key.includes('/meta/'))).toHaveLength(
    mount === 'team' ? 1 : 0,
  );
});
