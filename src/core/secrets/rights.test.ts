import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  ask,
  expiryOf,
  finishJobs,
  makePlace,
  makeToken,
  type Place,
  tokenOf,
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
  await ask(node, 'update', 'sys/mounts/team', { type: 'kv', options: { version: '2' } });
});
afterEach(() => place.remove());

let policies = 0;
/** A token with these rules: paths to capabilities. */
async function tokenWith(rules: Readonly<Record<string, readonly string[]>>, extra = ''): Promise<string> {
  const name = `p${policies++}`;
  const text = Object.entries(rules).map(
    ([path, capabilities]) => `path "${path}" { capabilities = ${JSON.stringify(capabilities)} }`,
  );
  await writePolicy(node, name, `${text.join('\n')}\n${extra}`);
  return makeToken(node, { policies: [name] });
}

const atSource = { 'secret/data/a': ['read', 'delete'], 'secret/metadata/a': ['read', 'delete'] } as const;
const all = ['create', 'read', 'update', 'patch', 'delete', 'list', 'scan', 'sudo'] as const;

describe('a move', () => {
  it('needs to read and delete at the old path and to create at the new one, and no more', async () => {
    await put(node, 'secret/a', { a: 1 });
    const token = await tokenWith({ ...atSource, 'team/data/b': ['create'] });
    expect((await secrets(node, 'move', { from: 'secret/a', to: 'team/b' }, token)).status).toBe(200);
    expect(await get(node, 'team/b')).toEqual({ a: 1 });
  });

  it.each([
    ['read of the value', { 'secret/data/a': ['delete'] }],
    ['delete of the value', { 'secret/data/a': ['read'] }],
    ['read of the metadata', { 'secret/metadata/a': ['delete'] }],
    ['delete of the metadata', { 'secret/metadata/a': ['read'] }],
    ['create at the new path', { 'team/data/b': ['update', 'read', 'delete'] }],
    ['anything at the old path', { 'secret/data/a': ['deny'] }],
    ['anything at the new path', { 'team/data/b': ['deny'] }],
  ])('is refused without %s, and nothing happens', async (_what, rule) => {
    await put(node, 'secret/a', { a: 1 });
    const token = await tokenWith({ ...atSource, 'team/data/b': ['create'], ...rule });
    expect((await secrets(node, 'move', { from: 'secret/a', to: 'team/b' }, token)).status).toBe(403);
    expect(await get(node, 'secret/a')).toEqual({ a: 1 });
    expect(await names(node, 'team/')).toEqual([]);
  });

  it('over another secret needs to update it, and to delete what ends with it', async () => {
    await put(node, 'secret/a', { a: 1 });
    await put(node, 'team/b', { b: 1 });
    const over = { from: 'secret/a', to: 'team/b', overwrite: true };
    const lacking = await tokenWith({ ...atSource, 'team/data/b': ['create', 'update'] });
    expect((await secrets(node, 'move', over, lacking)).status).toBe(403);
    expect(await get(node, 'team/b')).toEqual({ b: 1 });
    const token = await tokenWith({ ...atSource, 'team/data/b': ['update'], 'team/metadata/b': ['delete'] });
    expect((await secrets(node, 'move', over, token)).status).toBe(200);
    expect(await get(node, 'team/b')).toEqual({ a: 1 });
  });

  it('carries settings only where the caller may set them', async () => {
    await put(node, 'secret/a', { a: 1 });
    await ask(node, 'update', 'secret/metadata/a', { custom_metadata: { owner: 'me' } });
    const lacking = await tokenWith({ ...atSource, 'team/data/b': ['create'] });
    expect((await secrets(node, 'move', { from: 'secret/a', to: 'team/b' }, lacking)).status).toBe(403);
    const token = await tokenWith({ ...atSource, 'team/data/b': ['create'], 'team/metadata/b': ['create'] });
    expect((await secrets(node, 'move', { from: 'secret/a', to: 'team/b' }, token)).status).toBe(200);
  });

  it('is refused to who may not ask for moves at all', async () => {
    await put(node, 'secret/a', { a: 1 });
    const token = await tokenWith({ 'secret/*': all, 'sys/secrets/move': ['deny'] });
    expect((await secrets(node, 'move', { from: 'secret/a', to: 'secret/b' }, token)).status).toBe(403);
    expect((await secrets(node, 'copy', { from: 'secret/a', to: 'secret/b' }, token)).status).toBe(200);
    expect((await secrets(node, 'move', { from: 'secret/a', to: 'secret/c' }, null)).status).toBe(403);
  });

  it('spends one use of the token', async () => {
    await put(node, 'secret/a', { a: 1 });
    const token = tokenOf(await ask(node, 'update', 'auth/token/create', { num_uses: 2 }));
    await secrets(node, 'copy', { from: 'secret/a', to: 'secret/b' }, token);
    await secrets(node, 'copy', { from: 'secret/a', to: 'secret/c' }, token);
    expect((await secrets(node, 'copy', { from: 'secret/a', to: 'secret/d' }, token)).status).toBe(403);
    expect(await names(node)).toEqual(['secret/a', 'secret/b', 'secret/c']);
  });
});

describe('threat 05: a deleted version is nobody’s to read who may not undelete it where it was deleted', () => {
  const own = { 'team/*': all } as const;
  const reader = {
    'secret/data/a': ['read', 'delete'],
    'secret/metadata/*': ['read', 'delete', 'list'],
  } as const;

  it.each(['move', 'copy'])('also not by a %s to where they may', async (verb) => {
    await put(node, 'secret/a', { key: 'deleted' });
    await put(node, 'secret/a', { key: 'current' });
    await ask(node, 'update', 'secret/delete/a', { versions: [1] });
    const token = await tokenWith({ ...reader, ...own });
    const wish = { from: 'secret/a', to: 'team/a' };
    expect((await ask(node, 'read', 'secret/data/a', { version: 1 }, token)).status).toBe(404);
    expect((await secrets(node, verb, wish, token)).status).toBe(403);
    await ask(node, 'update', 'team/undelete/a', { versions: [1] }, token);
    expect((await ask(node, 'read', 'team/data/a', { version: 1 }, token)).status).toBe(404);
    const both = await tokenWith({ ...reader, ...own, 'secret/undelete/a': ['update'] });
    expect((await secrets(node, verb, wish, both)).status).toBe(200);
  });

  it('also not by a rename in its own mount, nor by a subtree', async () => {
    await put(node, 'secret/a', { key: 'deleted' });
    await ask(node, 'delete', 'secret/data/a');
    const mine = { 'secret/data/b': all, 'secret/metadata/b': all, 'secret/undelete/b': ['update'] } as const;
    const token = await tokenWith({ ...reader, ...own, ...mine });
    expect((await secrets(node, 'move', { from: 'secret/a', to: 'secret/b' }, token)).status).toBe(403);
    const begun = await secrets(node, 'copy', { from: 'secret/', to: 'team/', recursive: true }, token);
    await finishJobs(node);
    expect(await job(node, begun.data['job_id'])).toMatchObject({ result: { copied: 0, skipped: 1 } });
  });
});

describe('threat 11: what a rule constrains by fields is not open to a copy', () => {
  it.each([
    'allowed_parameters = { "data" = [] }',
    'denied_parameters = { "options" = [] }',
    'required_parameters = ["options"]',
  ])('%s', async (constraint) => {
    await put(node, 'secret/a', { a: 1 });
    const rule = `path "team/data/b" { capabilities = ["create", "update"]\n ${constraint} }`;
    const token = await tokenWith({ 'secret/*': ['read'] }, rule);
    expect((await secrets(node, 'copy', { from: 'secret/a', to: 'team/b' }, token)).status).toBe(403);
    expect((await secrets(node, 'copy', { from: 'secret/a', to: 'team/c' }, token)).status).toBe(403);
    const reader = `path "secret/data/*" { capabilities = ["read"]\n ${constraint} }`;
    const source = await tokenWith({ 'secret/metadata/*': ['read'], 'team/*': all }, reader);
    expect((await secrets(node, 'copy', { from: 'secret/a', to: 'team/c' }, source)).status).toBe(403);
  });
});

describe('threat 11: what is denied below a subtree stays where it is, and is not told of', () => {
  it.each([
    ['an exact path of values', { 'secret/data/x/hidden': ['deny'] }],
    ['an exact path of metadata', { 'secret/metadata/x/hidden': ['deny'] }],
    ['a folder of values', { 'secret/data/x/hidden*': ['deny'] }],
    ['names anywhere', { 'secret/data/+/hidden': ['deny'] }],
  ])('by %s', async (_what, rule) => {
    for (const name of ['a', 'hidden', 'z']) await put(node, `secret/x/${name}`, { name });
    const token = await tokenWith({ 'secret/*': all, 'team/*': all, ...rule });
    const { data } = await secrets(node, 'move', { from: 'secret/x', to: 'team', recursive: true }, token);
    await finishJobs(node);
    const told = await job(node, data['job_id'], token);
    expect(told).toMatchObject({ status: 'done', done: 2, total: 2, result: { moved: 2, skipped: 0 } });
    expect(JSON.stringify(told)).not.toContain('hidden');
    expect(await names(node)).toEqual(['secret/x/hidden']);
  });

  it('by folders that may not be listed', async () => {
    for (const name of ['a', 'sub/hidden']) await put(node, `secret/x/${name}`, { name });
    const token = await tokenWith({
      'secret/*': all,
      'team/*': all,
      'secret/metadata/x/sub/*': ['read', 'delete'],
    });
    const { data } = await secrets(node, 'copy', { from: 'secret/x', to: 'team', recursive: true }, token);
    await finishJobs(node);
    expect(await job(node, data['job_id'], token)).toMatchObject({
      total: 1,
      result: { copied: 1, skipped: 0 },
    });
  });

  it('and a folder that may not be listed answers the same whether it is there or not', async () => {
    await put(node, 'secret/x/a', { a: 1 });
    const token = await tokenWith({ 'secret/data/*': all, 'team/*': all });
    const answers = await Promise.all(
      ['secret/x', 'secret/none', 'secret'].map((from) =>
        secrets(node, 'move', { from, to: 'team', recursive: true }, token),
      ),
    );
    expect(answers.map(({ status, errors }) => ({ status, errors }))).toEqual(
      Array(3).fill({ status: 403, errors: ['1 error occurred:\n\t* permission denied\n\n'] }),
    );
  });
});

describe('threat 13: another’s secrets are not told of', () => {
  it('by any answer to a source, a target or a mount that is not the caller’s', async () => {
    await put(node, 'secret/mine/a', { a: 1 });
    await put(node, 'secret/theirs/a', { a: 1 });
    const token = await tokenWith({ 'secret/data/mine/*': all, 'secret/metadata/mine/*': all });
    const attempts: JsonObject[] = [
      { from: 'secret/theirs/a', to: 'secret/mine/b' },
      { from: 'secret/theirs/none', to: 'secret/mine/b' },
      { from: 'secret/mine/a', to: 'secret/theirs/a' },
      { from: 'secret/mine/a', to: 'secret/theirs/none' },
      { from: 'secret/mine/a', to: 'team/none' },
      { from: 'secret/mine/a', to: 'nowhere/none' },
      { from: 'nowhere/none', to: 'secret/mine/b' },
    ];
    for (const attempt of attempts) {
      for (const overwrite of [false, true]) {
        const { status, errors } = await secrets(node, 'move', { ...attempt, overwrite }, token);
        expect({ attempt, status, errors }).toEqual({
          attempt,
          status: 403,
          errors: ['1 error occurred:\n\t* permission denied\n\n'],
        });
      }
    }
    for (const verb of ['delete', 'restore']) {
      for (const path of ['secret/theirs/a', 'secret/theirs/none', 'nowhere/a']) {
        expect((await secrets(node, verb, { path, at: '1', all: true }, token)).status).toBe(403);
      }
    }
    expect(await names(node)).toEqual(['secret/mine/a', 'secret/theirs/a']);
  });

  it('when it is created where something is already', async () => {
    await put(node, 'secret/a', { a: 1 });
    await put(node, 'team/b', { a: 1 });
    const token = await tokenWith({ 'secret/*': all, 'team/data/*': ['create'] });
    expect((await secrets(node, 'copy', { from: 'secret/a', to: 'team/b' }, token)).status).toBe(403);
  });
});

it('threat 12: a path is decided in the form in which it is used', async () => {
  await put(node, 'secret/x/a', { a: 1 });
  const token = await tokenWith({ 'secret/*': all, 'secret/data/x/a': ['deny'] });
  for (const from of [
    '/secret/x/a',
    'secret//x/a',
    'secret/./x/a',
    'secret/y/../x/a',
    '//secret/x/a',
    'secret\\x\\a',
    'secret/x/a\u0000',
    'secret/x%2fa',
  ]) {
    const { status } = await secrets(node, 'copy', { from, to: 'secret/z' }, token);
    expect({ from, refused: status >= 400 }).toEqual({ from, refused: true });
  }
  expect(await names(node)).toEqual(['secret/x/a']);
});

describe('threat 18: a job ends with the right to it', () => {
  /** Begins a move of ten secrets and stops the node before it does anything. */
  async function begun(rules: Parameters<typeof tokenWith>[0], token?: string) {
    for (let n = 0; n < 10; n++) await put(node, `secret/x/${n}`, { n });
    const asking = token ?? (await tokenWith(rules));
    node.state.core?.jobDuty.stop();
    const { data } = await secrets(node, 'move', { from: 'secret/x', to: 'team', recursive: true }, asking);
    return { token: asking, id: data['job_id'] };
  }
  const both = { 'secret/*': all, 'team/*': all };

  it.each([
    ['is revoked', (token: string) => ask(node, 'update', 'auth/token/revoke', { token })],
    ['is over', async () => void place.clock.jump(40 * 86_400)],
  ])('when its token %s', async (_what, end) => {
    const { token, id } = await begun(both);
    await end(token);
    node = await place.node();
    await finishJobs(node);
    expect(await job(node, id)).toMatchObject({ status: 'failed', done: 0 });
    expect(await names(node, 'team/')).toEqual([]);
    expect(await names(node)).toHaveLength(10);
  });

  it('when the parent of its token is revoked', async () => {
    const parent = await makeToken(node, {});
    const { id } = await begun(both, await makeToken(node, {}, parent));
    await ask(node, 'update', 'auth/token/revoke', { token: parent });
    node = await place.node();
    await finishJobs(node);
    expect((await job(node, id))['status']).toBe('failed');
    expect(await names(node)).toHaveLength(10);
  });

  it('when another token gets the text of its own', async () => {
    const given = 'given-by-its-maker';
    const { id } = await begun(both, await makeToken(node, { id: given }));
    await ask(node, 'update', 'auth/token/revoke', { token: given });
    node = await place.node();
    place.clock.jump(5);
    await expiryOf(node).run();
    await makeToken(node, { id: given });
    await finishJobs(node);
    expect((await job(node, id))['status']).toBe('failed');
    expect(await names(node)).toHaveLength(10);
  });

  it('when moves are denied to it', async () => {
    const { id } = await begun(both);
    await writePolicy(
      node,
      `p${policies - 1}`,
      'path "secret/*" { capabilities = ["read", "list", "delete"] } path "team/*" { capabilities = ["create"] } path "sys/secrets/move" { capabilities = ["deny"] }',
    );
    node = await place.node();
    await finishJobs(node);
    expect((await job(node, id))['status']).toBe('failed');
    expect(await names(node)).toHaveLength(10);
  });

  it('for each path that it may not touch any more', async () => {
    const { id } = await begun(both);
    await writePolicy(
      node,
      `p${policies - 1}`,
      'path "secret/*" { capabilities = ["read", "list", "delete"] } path "team/*" { capabilities = ["create"] } path "secret/data/x/4" { capabilities = ["read"] } path "team/data/7" { capabilities = ["deny"] }',
    );
    node = await place.node();
    await finishJobs(node);
    const { status, result } = await job(node, id);
    expect({ status, result }).toMatchObject({
      status: 'done',
      result: {
        moved: 8,
        skipped: 2,
        skipped_paths: [
          { path: 'secret/x/4', reason: 'permission denied' },
          { path: 'secret/x/7', reason: 'permission denied' },
        ],
      },
    });
    expect(await names(node)).toEqual(['secret/x/4', 'secret/x/7']);
  });

  it('in the middle of it: what is done stays done, and nothing more is', async () => {
    for (let n = 0; n < 60; n++) await put(node, `secret/x/${String(n).padStart(2, '0')}`, { n });
    const token = await tokenWith(both);
    const { core } = node.state;
    if (core === undefined) throw new Error('sealed');
    let commits = 0;
    let movedThen = 0;
    const commit = core.store.commit.bind(core.store);
    core.store.commit = async (writes, expectations) => {
      const moving = writes.filter(({ key }) => key.includes('/meta/')).length > 1;
      // Between the deciding of a step and its commit.
      if (moving && ++commits === 2) {
        await ask(node, 'update', 'auth/token/revoke', { token });
        movedThen = (await names(node, 'team/')).length;
      }
      return commit(writes, expectations);
    };
    const { data } = await secrets(node, 'move', { from: 'secret/x', to: 'team', recursive: true }, token);
    await finishJobs(node);
    const { status, done } = await job(node, data['job_id']);
    const moved = await names(node, 'team/');
    expect(status).toBe('failed');
    expect(moved.length).toBe(done);
    expect(moved.length).toBe(movedThen);
    expect(moved.length).toBeGreaterThan(0);
    expect((await names(node)).length).toBe(60 - moved.length);
  });
});

it('a copy that is refused leaves metadata as it was', async () => {
  await put(node, 'secret/a', { a: 1 });
  const before = await whole(node, 'secret/a');
  const token = await tokenWith({ 'secret/data/*': all });
  expect((await secrets(node, 'copy', { from: 'secret/a', to: 'secret/b' }, token)).status).toBe(403);
  expect(await whole(node, 'secret/a')).toEqual(before);
});
